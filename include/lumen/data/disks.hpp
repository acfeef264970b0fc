// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/labelled.hpp>
#include <lumen/io/state_dict.hpp>

namespace lumen::data {

/// Reads a .pth file of disks on noise, as the study that lumen re-creates keeps them: a dictionary of
/// `images`, uint8 [N, H, W], and `labels`, int64: [N], 1 where there is a disk, to classify; or [N, H, W],
/// 1 inside the disk, to segment.
/// @return images [N, 1, H, W] in [0, 1], which the study's classifiers take; its segmentation networks take
///         the raw values, images * 255
/// @throws Error  the path cannot be read, or holds something else: the message says what
[[nodiscard]] inline Labelled read_disks(const std::filesystem::path& path) {
  const io::StateDict file = io::read_state_dict(path);
  return io::naming(path, [&] {
    const Tensor& images = io::find(file, "images");
    const Tensor& labels = io::find(file, "labels");
    require(images.dim() == 3 && images.scalar_type() == at::kByte && images.numel() > 0, [&] {
      return text("the images are ", images.scalar_type(), images.sizes(), "; expected Byte [N, H, W]");
    });
    require(labels.scalar_type() == at::kLong &&
                (labels.sizes() == images.sizes() || labels.sizes() == images.sizes().slice(0, 1)),
            [&] {
              return text("the labels are ", labels.scalar_type(), labels.sizes(), " for images ",
                          images.sizes(), "; expected Long [N] or [N, H, W]");
            });
    require(labels.ge(0).logical_and(labels.le(1)).all().item<bool>(),
            "a label is neither 0 (background) nor 1 (disk)");
    return Labelled{.images = images.unsqueeze(1).to(at::kFloat).div(255), .labels = labels.contiguous()};
  });
}

}  // namespace lumen::data
