// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/rows/format.hpp>

namespace lumen::io::rows {

[[nodiscard]] inline at::ScalarType stored_type(Encoding encoding) {
  switch (encoding) {
    case Encoding::Float32:
      return at::kFloat;
    case Encoding::Float64:
      return at::kDouble;
    case Encoding::Float16:
      return at::kHalf;
    default:
      return at::kByte;
  }
}

/// The ranges that rows [B, ...] are stored with: float64 [B], the lowest and highest that values may take.
[[nodiscard]] inline std::pair<Tensor, Tensor> ranges(const Tensor& values, const Header& header) {
  const Tensor rows = values.flatten(1);
  const Tensor low = rows.amin(1).to(at::kDouble), high = rows.amax(1).to(at::kDouble);
  require(at::isfinite(low).all().item<bool>() && at::isfinite(high).all().item<bool>(),
          "a row to be stored holds NaN or infinite values");
  if (header.encoding != Encoding::FileByte) return {low, high};
  require(low.min().item<double>() >= header.low && high.max().item<double>() <= header.high, [&] {
    return text(
        "a row's values reach from ", low.min().item<double>(), " to ", high.max().item<double>(),
        ", beyond the file's range of ", header.low, " to ", header.high,
        "; give the lowest and highest of all rows (influence::Reduce finds them), or choose Encoding::Byte");
  });
  return {at::full_like(low, header.low), at::full_like(high, header.high)};
}

/// Rows [B, ...] as they are stored.
[[nodiscard]] inline Tensor stored(const Tensor& values, const Tensor& low, const Tensor& high,
                                   Encoding encoding) {
  if (encoding == Encoding::Float32 || encoding == Encoding::Float64)
    return values.to(stored_type(encoding)).contiguous();
  std::vector<std::int64_t> shape(static_cast<std::size_t>(values.dim()), 1);
  shape.front() = values.size(0);
  const Tensor exact = values.to(at::kDouble);
  if (encoding == Encoding::Float16) {
    const Tensor scale = at::maximum(low.abs(), high.abs());
    return (exact / at::where(scale.eq(0), 1, scale).reshape(shape)).to(at::kHalf).contiguous();
  }
  const Tensor range = high - low;
  return ((exact - low.reshape(shape)) * (255 / at::where(range.eq(0), 1, range)).reshape(shape))
      .round()
      .clamp(0, 255)
      .to(at::kByte)
      .contiguous();
}

/// What `stored` made, as it was, nearly: float64 where the file holds that, else float32.
[[nodiscard]] inline Tensor restored(const Tensor& values, const Tensor& low, const Tensor& high,
                                     Encoding encoding) {
  if (encoding == Encoding::Float32 || encoding == Encoding::Float64) return values;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(values.dim()), 1);
  shape.front() = values.size(0);
  const Tensor exact = values.to(at::kDouble);
  if (encoding == Encoding::Float16)
    return (exact * at::maximum(low.abs(), high.abs()).reshape(shape)).to(at::kFloat);
  return (exact * ((high - low) / 255).reshape(shape) + low.reshape(shape)).to(at::kFloat);
}

}  // namespace lumen::io::rows
