// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/labelled.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/gzip.hpp>
#include <lumen/io/parse_idx.hpp>

namespace lumen::data {

/// The array of an IDX file, packed by gzip or not, whatever its name says: uint8, as the file holds it.
/// @throws Error naming the path
[[nodiscard]] inline Tensor read_idx(const std::filesystem::path& path) {
  return io::naming(path, [&] {
    std::vector<std::uint8_t> file = io::read_file(path);
    if (io::is_gzip(file)) file = io::gunzip(file);
    const io::IdxBytes array = io::parse_idx(file);
    Tensor out = at::empty(array.shape, at::kByte);
    std::ranges::copy(array.elements, out.data_ptr<std::uint8_t>());
    return out;
  });
}

/// Which of MNIST's two parts to read.
enum class MnistPart { Train, Test };

/// Reads a part of MNIST (LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 1998) from a folder with
/// its two files, train-images-idx3-ubyte and train-labels-idx1-ubyte or t10k-..., with or without .gz. Data
/// sets in its format (Fashion-MNIST, KMNIST) are read alike.
/// @return images [N, 1, H, W] in [0, 1], their classes [N] from 0 to 9
/// @throws Error  a file is missing or damaged, or the two do not belong together
[[nodiscard]] inline Labelled read_mnist(const std::filesystem::path& folder, MnistPart part) {
  const auto file = [&](const std::string& kind) {
    const std::filesystem::path plain = folder / ((part == MnistPart::Train ? "train-" : "t10k-") + kind);
    std::filesystem::path packed = plain;
    packed += ".gz";
    return std::filesystem::exists(packed) && !std::filesystem::exists(plain) ? packed : plain;
  };
  const Tensor images = read_idx(file("images-idx3-ubyte"));
  const Tensor labels = read_idx(file("labels-idx1-ubyte"));
  require(images.dim() == 3 && labels.dim() == 1 && images.size(0) == labels.size(0), [&] {
    return text(folder, ": the images have shape ", images.sizes(), " and the labels ", labels.sizes(),
                "; expected [N, H, W] and [N]");
  });
  require(labels.max().item<std::uint8_t>() <= 9, [&] {
    return text(folder, ": there is a label ", int{labels.max().item<std::uint8_t>()}, "; expected 0 to 9");
  });
  return {.images = images.unsqueeze(1).to(at::kFloat).div(255), .labels = labels.to(at::kLong)};
}

}  // namespace lumen::data
