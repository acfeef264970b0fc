// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/tensor.hpp>
#include <lumen/influence/threshold.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// The smallest rectangle that holds the pixels of each row that count: {first row, row past the last, first column,
/// column past the last} of the image, [B, 4]; all 0 where none counts.
struct BoundingBox {
  Threshold threshold{};

  Tensor operator()(const Windows& rows) const {
    const Tensor mask = rows.above(threshold);
    const Tensor lines = at::stack({ends(mask.any(2)), ends(mask.any(1))}, 1).to(at::kCPU);  // [B, 2, 2]
    const Tensor shifted = lines + at::stack({rows.top(), rows.left()}, 1).unsqueeze(2);
    const Tensor none = lines.select(2, 1).eq(0).any(1, true);  // past the last is 0
    return shifted.flatten(1).masked_fill(none, 0).to(at::kDouble);
  }
  [[nodiscard]] bool needs_peaks() const { return threshold.of == Threshold::Of::Image; }

 private:
  /// The first place that is true of each row, and the one past the last: [B, 2]; past the last is 0 if none is.
  static Tensor ends(const Tensor& any) {
    const Tensor place = at::arange(any.size(1), any.options().dtype(at::kLong));
    return at::stack({at::where(any, place, any.size(1)).amin(1), at::where(any, place + 1, 0).amax(1)}, 1);
  }
};

/// The area of the bounding box, in pixels: [B]; 0 where no pixel counts.
struct BoxArea {
  Threshold threshold{};

  Tensor operator()(const Windows& rows) const {
    const Tensor box = BoundingBox{threshold}(rows);
    return (box.select(1, 1) - box.select(1, 0)) * (box.select(1, 3) - box.select(1, 2));
  }
  [[nodiscard]] bool needs_peaks() const { return threshold.of == Threshold::Of::Image; }
};

/// How much of its bounding box a row fills: the pixels that count over the box's area. [B], in [0, 1]; 1 for a
/// full rectangle, 0 where no pixel counts.
struct Fulfilment {
  Threshold threshold{};

  Tensor operator()(const Windows& rows) const {
    const Tensor pixels = rows.above(threshold).sum({1, 2}).to(at::kCPU, at::kDouble);
    return pixels / BoxArea{threshold}(rows).clamp_min(1);
  }
  [[nodiscard]] bool needs_peaks() const { return threshold.of == Threshold::Of::Image; }
};

}  // namespace lumen::influence
