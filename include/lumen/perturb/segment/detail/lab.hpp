// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb::detail {

/// CIELAB under the illuminant D65 (L 0 ... 100) of an sRGB picture with values in 0 ... 1, [3, H, W]: IEC 61966-2-1 and
/// CIE 15. Distances between colours are about as they are seen.
[[nodiscard]] inline Tensor lab_of(const Tensor& rgb) {
  const Tensor linear = at::where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).pow(2.4));
  const auto part = [&](double r, double g, double b, double white) {
    const Tensor t = (linear[0] * r + linear[1] * g + linear[2] * b) / white;
    return at::where(t > 216.0 / 24389.0, t.pow(1.0 / 3.0), t * (841.0 / 108.0) + 4.0 / 29.0);
  };
  const Tensor x = part(0.4124564, 0.3575761, 0.1804375, 0.95047),
               y = part(0.2126729, 0.7151522, 0.0721750, 1.0),
               z = part(0.0193339, 0.1191920, 0.9503041, 1.08883);
  return at::stack({y * 116 - 16, (x - y) * 500, (y - z) * 200}).contiguous();
}

}  // namespace lumen::perturb::detail
