// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// Where the channels and the cells of a layer's value are: functors from the value to [N, C, ...], cells in rows and
/// columns. Any functor that only moves elements, or leaves some out, may be a layout.
namespace layout {

/// [N, C, ...], as convolutions give it: the value as it is.
struct ChannelsFirst {
  Tensor operator()(const Tensor& value) const { return value; }
};

/// [N, ..., C], as in Swin Transformer and ConvNeXt's blocks.
struct ChannelsLast {
  Tensor operator()(const Tensor& value) const { return value.movedim(-1, 1); }
};

/// Tokens [N, T, C], as in a vision transformer: `class_tokens` first, which are left out, then the cells row by row.
struct Tokens {
  std::int64_t rows = 0;           ///< of the grid; 0: it is a square
  std::int64_t columns = 0;        ///< of the grid; 0: it is a square
  std::int64_t class_tokens = -1;  ///< -1: those that the grid leaves over, of a square one 0 or 1

  /// @throws Error if the value is not [N, T, C], or T is not the number of class tokens and cells
  Tensor operator()(const Tensor& value) const {
    require(value.dim() == 3 && rows >= 0 && columns >= 0 && (rows == 0) == (columns == 0), [&] {
      return text("layout::Tokens: the layer's value is ", value.sizes(), " and the grid ", rows, " x ",
                  columns, "; expected tokens [N, T, C], and both sides of the grid or none");
    });
    const std::int64_t tokens = value.size(1);
    std::int64_t h = rows, w = columns, skipped = class_tokens;
    if (h == 0) {
      if (skipped < 0) skipped = side_of(tokens) > 0 ? 0 : 1;
      h = w = side_of(tokens - skipped);
    } else if (skipped < 0) {
      skipped = tokens - h * w;
    }
    require(h > 0 && skipped >= 0 && skipped + h * w == tokens, [&] {
      return text("layout::Tokens: ", tokens, " tokens are not ",
                  class_tokens < 0 ? "" : text(class_tokens, " class tokens and "),
                  rows > 0 ? text("a grid of ", rows, " x ", columns) : "a square",
                  class_tokens < 0 && rows == 0 ? ", with or without a class token" : "",
                  "; give the grid's rows and columns, and the number of class tokens in front of them");
    });
    return value.narrow(1, skipped, h * w).transpose(1, 2).reshape({value.size(0), value.size(2), h, w});
  }

 private:
  /// The square root, 0 if it is no integer.
  static std::int64_t side_of(std::int64_t count) {
    const auto side = static_cast<std::int64_t>(
        std::llround(std::sqrt(static_cast<double>(std::max<std::int64_t>(count, 0)))));
    return side * side == count ? side : 0;
  }
};

}  // namespace layout

/// Any layout in one type. None is [N, C, ...], and a CAM refuses a layer whose channels are found to be elsewhere.
class Layout {
 public:
  Layout() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Layout> &&
             std::copy_constructible<std::remove_cvref_t<F>> &&
             std::is_invocable_r_v<Tensor, const std::remove_cvref_t<F>&, const Tensor&>)
  Layout(F&& layout)  // NOLINT(google-explicit-constructor): an option is written as the layout itself
      : layout_(std::forward<F>(layout)) {}

  [[nodiscard]] bool given() const { return static_cast<bool>(layout_); }

  /// The value as [N, C, ...]. @throws Error if it has no channels then
  [[nodiscard]] Tensor operator()(const Tensor& value) const {
    if (!given()) return value;
    Tensor moved = layout_(value);
    require(moved.defined() && moved.dim() >= 2, [&] {
      return text("the layout makes ", moved.defined() ? text(moved.sizes()) : "an undefined tensor",
                  " of a layer's value ", value.sizes(), "; expected [N, C, ...]");
    });
    return moved;
  }

  /// Where each element of [N, C, ...] stands in the value: int64 positions in its flattened elements.
  /// @throws Error if the layout does more than to move elements
  [[nodiscard]] Tensor positions(const Tensor& value) const {
    const Tensor numbers = at::arange(value.numel(), value.options().dtype(at::kLong)).reshape(value.sizes());
    const Tensor where = (*this)(numbers);
    const Tensor moved = (*this)(value);
    require(where.scalar_type() == at::kLong && where.sizes() == moved.sizes() && where.numel() > 0 &&
                where.min().item<std::int64_t>() >= 0 && where.max().item<std::int64_t>() < value.numel() &&
                moved.equal(value.reshape({-1}).take(where)),
            "the layout changes a layer's values; it may only move them (permute, reshape, narrow) or leave "
            "some out");
    return where;
  }

 private:
  std::function<Tensor(const Tensor&)> layout_;
};

}  // namespace lumen
