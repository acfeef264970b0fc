// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb::detail {

/// f(plane) for each plane of labels [N, 1, H, W], shown as contiguous int64 [H, W] on the processor; f returns its like.
template <class F>
[[nodiscard]] Tensor each_plane(const Tensor& labels, const char* who, const F& f) {
  require(labels.defined() && labels.scalar_type() == at::kLong && labels.dim() == 4 && labels.size(1) == 1 &&
              labels.numel() > 0,
          [&] {
            return text(
                who, " was given labels ",
                labels.defined() ? text(labels.scalar_type(), ' ', labels.sizes()) : "that are undefined",
                ", expected int64 [N, 1, H, W]");
          });
  Tensors planes;
  for (const Tensor& sample : labels.to(at::kCPU).contiguous().unbind(0)) planes.push_back(f(sample[0]));
  return at::stack(planes).unsqueeze(1).to(labels.device());
}

}  // namespace lumen::perturb::detail
