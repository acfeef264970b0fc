// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/tensor.hpp>
#include <lumen/influence/threshold.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// The number of pixels that count in each row: those whose magnitude is above the threshold. [B], in 0 ... H W.
struct Count {
  Threshold threshold{};

  Tensor operator()(const Windows& rows) const {
    return rows.above(threshold).sum({1, 2}).to(at::kCPU, at::kDouble);
  }
  [[nodiscard]] bool needs_peaks() const { return threshold.of == Threshold::Of::Image; }
};

}  // namespace lumen::influence
