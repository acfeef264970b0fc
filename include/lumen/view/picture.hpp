// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::view {

/// A colour of three bytes, sRGB.
struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
  friend constexpr bool operator==(const Rgb&, const Rgb&) = default;
};

/// The values that lie at the two ends of a scale of grays or colours; low < high, or equal for a constant
/// map.
struct Range {
  double low = 0.0;
  double high = 1.0;
  friend constexpr bool operator==(const Range&, const Range&) = default;
};

/// A map as [H, W], float64 on the CPU, detached: leading axes of length 1 are dropped.
/// @throws Error when a leading axis is longer: pick a sample and reduce the channels first
[[nodiscard]] inline Tensor plane(const Tensor& map) {
  require(map.defined() && map.dim() >= 2 && map.size(-1) > 0 && map.size(-2) > 0 &&
              map.numel() == map.size(-1) * map.size(-2),
          [&] {
            return text("a map is drawn from [H, W] (leading axes of length 1 are dropped), but it is ",
                        map.defined() ? text(map.sizes()) : "undefined",
                        "; pick one sample and reduce the channels, for example map[0].sum(0)");
          });
  return map.detach().reshape({map.size(-2), map.size(-1)}).to(at::kCPU).to(at::kDouble).contiguous();
}

/// A picture: uint8 [3, H, W], contiguous, on the CPU. All of view draws on these. One from an image: [C, H,
/// W], [1, C, H, W] or [H, W] with C = 1 (gray) or 3 (RGB). A uint8 image is taken as it is; other types are
/// scaled so that `range.low` is black and `range.high` white, and clamped; NaN becomes black.
/// @param range  by default 0..1, and 0..65535 for an int32 image (that of a 16-bit file)
/// @throws Error for other shapes
[[nodiscard]] inline Tensor picture(const Tensor& image, std::optional<Range> range = std::nullopt) {
  require(image.defined(), "picture: the image is an undefined tensor");
  Tensor x = image.detach().to(at::kCPU);
  if (x.dim() == 4 && x.size(0) == 1) x = x[0];
  if (x.dim() == 2) x = x.unsqueeze(0);
  require(x.dim() == 3 && (x.size(0) == 1 || x.size(0) == 3) && x.numel() > 0, [&] {
    return text("a picture is made from one image of 1 or 3 channels, [C, H, W] or [H, W], but this is ",
                image.sizes(), "; pick one sample, x[0], and one or three channels, x.narrow(0, 0, 1)");
  });
  if (x.scalar_type() != at::kByte || range) {
    const Range ends = range.value_or(Range{0.0, x.scalar_type() == at::kInt ? 65535.0 : 1.0});
    require(ends.high > ends.low, "picture: the range's high end must lie above its low end");
    x = ((x.to(at::kDouble) - ends.low) / (ends.high - ends.low)).nan_to_num(0.0, 1.0, 0.0).clamp(0, 1);
    x = (x * 255).round().to(at::kByte);
  }
  return x.expand({3, x.size(1), x.size(2)}).clone(at::MemoryFormat::Contiguous);
}

/// @throws Error unless `picture` is what `picture()` returns: uint8 [3, H, W]
inline void require_picture(const Tensor& picture) {
  require(picture.defined() && picture.scalar_type() == at::kByte && picture.dim() == 3 &&
              picture.size(0) == 3 && picture.numel() > 0 && picture.device().is_cpu(),
          "expected a picture, uint8 [3, H, W] on the CPU; make one with lumen::view::picture(image)");
}

/// Each pixel as a square of `factor` x `factor`: no smoothing, so that single pixels stay visible.
/// @throws Error for a factor below 1, or when the result would exceed 1 GiB
[[nodiscard]] inline Tensor magnify(const Tensor& picture, std::int64_t factor) {
  require_picture(picture);
  require(factor >= 1 && factor <= 1024 && picture.numel() * factor * factor <= (std::int64_t{1} << 30),
          "magnify: the factor lies in 1..1024, and the result within 1 GiB");
  return picture.repeat_interleave(factor, 1).repeat_interleave(factor, 2).contiguous();
}

/// A picture of one colour.
[[nodiscard]] inline Tensor blank(std::int64_t height, std::int64_t width, Rgb color) {
  require(height >= 1 && width >= 1, "blank: a picture has at least one row and one column");
  Tensor out = at::empty({3, height, width}, at::kByte);
  out[0].fill_(color.red);
  out[1].fill_(color.green);
  out[2].fill_(color.blue);
  return out;
}

/// Draws on a picture in place; what lies outside is left out. Holds the picture alive.
class Canvas {
 public:
  explicit Canvas(Tensor picture) : picture_(std::move(picture)) {
    require_picture(picture_);
    require(picture_.is_contiguous(), "Canvas: the picture must be contiguous");
    data_ = picture_.data_ptr<std::uint8_t>();
    height_ = picture_.size(1);
    width_ = picture_.size(2);
  }

  [[nodiscard]] std::int64_t height() const { return height_; }
  [[nodiscard]] std::int64_t width() const { return width_; }

  void dot(std::int64_t row, std::int64_t column, Rgb color) {
    if (row < 0 || row >= height_ || column < 0 || column >= width_) return;
    std::uint8_t* at = data_ + row * width_ + column;
    at[0] = color.red;
    at[height_ * width_] = color.green;
    at[2 * height_ * width_] = color.blue;
  }
  /// A filled rectangle.
  void fill(std::int64_t row, std::int64_t column, std::int64_t height, std::int64_t width, Rgb color) {
    for (std::int64_t r = std::max<std::int64_t>(row, 0); r < std::min(row + height, height_); ++r)
      for (std::int64_t c = std::max<std::int64_t>(column, 0); c < std::min(column + width, width_); ++c)
        dot(r, c, color);
  }
  /// Another picture with its upper left corner at (row, column).
  void paste(const Tensor& other, std::int64_t row, std::int64_t column) {
    require_picture(other);
    const Tensor whole = other.contiguous();
    const auto* from = whole.data_ptr<std::uint8_t>();
    const std::int64_t h = whole.size(1), w = whole.size(2);
    for (std::int64_t r = 0; r < h; ++r)
      for (std::int64_t c = 0; c < w; ++c)
        dot(row + r, column + c, {from[r * w + c], from[(h + r) * w + c], from[(2 * h + r) * w + c]});
  }

 private:
  Tensor picture_;
  std::uint8_t* data_ = nullptr;
  std::int64_t height_ = 0, width_ = 0;
};

}  // namespace lumen::view
