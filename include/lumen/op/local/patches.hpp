// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

namespace lumen::op::local {

/// The size of a value [1, channels, height, width].
struct Plane {
  std::int64_t channels = 0, height = 0, width = 0;
  bool operator==(const Plane&) const = default;
};

/// B changes or gradients of a value, each zero but in a window of common extent at a place of its own, which may leave
/// the plane.
struct Patches {
  Tensor values;                            ///< [B, C, h, w]
  std::vector<std::int64_t> rows, columns;  ///< of values[b, :, 0, 0]
  bool clean = true;   ///< whether what lies outside the plane is zero; else it means nothing
  bool owned = false;  ///< whether the tensor is nobody else's and may be written to

  [[nodiscard]] std::int64_t size() const { return values.size(0); }
  [[nodiscard]] std::int64_t height() const { return values.size(2); }
  [[nodiscard]] std::int64_t width() const { return values.size(3); }
};

/// Where along one axis each of the patches lies, and how far they reach.
struct Span {
  std::vector<std::int64_t> begin;
  std::int64_t extent = 0;
  bool operator==(const Span&) const = default;
};

/// Spans over each [first[b], last[b]], cut to the whole axis where that is no larger.
inline Span span_over(std::vector<std::int64_t> first, const std::vector<std::int64_t>& last,
                      std::int64_t size) {
  Span span{std::move(first), 1};
  for (std::size_t b = 0; b < last.size(); ++b)
    span.extent = std::max(span.extent, last[b] - span.begin[b] + 1);
  if (span.extent >= size) {
    span.extent = size;
    std::fill(span.begin.begin(), span.begin.end(), 0);
  }
  return span;
}

/// Whether `to` is `from` moved by the same for all; by how much.
inline std::pair<bool, std::int64_t> common_shift(const std::vector<std::int64_t>& from,
                                                  const std::vector<std::int64_t>& to) {
  const std::int64_t shift = to.front() - from.front();
  for (std::size_t b = 1; b < from.size(); ++b) {
    if (to[b] - from[b] != shift) return {false, 0};
  }
  return {true, shift};
}

/// An uninitialised or zero tensor [B, C, h, w] whose channels lie together.
inline Tensor channels_last(at::IntArrayRef sizes, const Tensor& like, bool zero) {
  const std::vector<std::int64_t> shape{sizes[0], sizes[2], sizes[3], sizes[1]};
  return (zero ? at::zeros(shape, like.options()) : at::empty(shape, like.options())).permute({0, 3, 1, 2});
}

/// The same in other patches: what they do not cover is lost, what they cover beyond is zero.
inline Patches moved(const Patches& from, const Span& rows, const Span& columns) {
  if (rows.begin == from.rows && columns.begin == from.columns && rows.extent == from.height() &&
      columns.extent == from.width()) {
    return from;
  }
  Patches to{
      .values = {}, .rows = rows.begin, .columns = columns.begin, .clean = from.clean, .owned = from.owned};
  const auto [same_row, down] = common_shift(from.rows, rows.begin);
  const auto [same_column, right] = common_shift(from.columns, columns.begin);
  const std::int64_t below = down + rows.extent, beside = right + columns.extent;
  if (same_row && same_column && below > 0 && beside > 0 && down < from.height() && right < from.width()) {
    if (down >= 0 && right >= 0 && below <= from.height() && beside <= from.width()) {
      to.values = from.values.narrow(2, down, rows.extent).narrow(3, right, columns.extent);
      return to;
    }
  }
  to.owned = true;
  to.values =
      channels_last({from.size(), from.values.size(1), rows.extent, columns.extent}, from.values, true);
  const auto common = [](std::int64_t shift, std::int64_t source, std::int64_t extent) {
    const std::int64_t begin = std::max<std::int64_t>(shift, 0), end = std::min(source, shift + extent);
    return std::pair{begin, std::max<std::int64_t>(end - begin, 0)};
  };
  const auto copy = [&](Tensor target, const Tensor& source, std::int64_t y, std::int64_t x) {
    const auto [top, height] = common(y, from.height(), rows.extent);
    const auto [left, width] = common(x, from.width(), columns.extent);
    if (height == 0 || width == 0) return;
    const std::int64_t at = target.dim() - 2;
    target.narrow(at, top - y, height)
        .narrow(at + 1, left - x, width)
        .copy_(source.narrow(at, top, height).narrow(at + 1, left, width));
  };
  if (same_row && same_column) {
    copy(to.values, from.values, down, right);
    return to;
  }
  for (std::size_t b = 0; b < rows.begin.size(); ++b) {
    const auto i = static_cast<std::int64_t>(b);
    copy(to.values[i], from.values[i], rows.begin[b] - from.rows[b], columns.begin[b] - from.columns[b]);
  }
  return to;
}

/// No larger than the plane: patches that would be are laid over all of it.
inline Patches cut(Patches patches, const Plane& plane) {
  const bool rows = patches.height() > plane.height, columns = patches.width() > plane.width;
  if (!rows && !columns) return patches;
  const auto all = [](const std::vector<std::int64_t>& begin, std::int64_t size) {
    return Span{std::vector<std::int64_t>(begin.size(), 0), size};
  };
  return moved(patches, rows ? all(patches.rows, plane.height) : Span{patches.rows, patches.height()},
               columns ? all(patches.columns, plane.width) : Span{patches.columns, patches.width()});
}

/// Makes zero what lies outside the plane.
inline void clear_outside(Patches& patches, const Plane& plane) {
  if (patches.clean) return;
  patches.clean = true;
  const auto leaves = [](const std::vector<std::int64_t>& begin, std::int64_t extent, std::int64_t size) {
    return std::any_of(begin.begin(), begin.end(),
                       [&](std::int64_t at) { return at < 0 || at + extent > size; });
  };
  if (!leaves(patches.rows, patches.height(), plane.height) &&
      !leaves(patches.columns, patches.width(), plane.width)) {
    return;
  }
  if (!patches.owned) patches.values = patches.values.clone();
  patches.owned = true;
  const auto clear = [](const Tensor& values, std::int64_t dim, std::int64_t at, std::int64_t size) {
    const std::int64_t extent = values.size(dim), over = std::min(at + extent - size, extent);
    if (at < 0) values.narrow(dim, 0, std::min(-at, extent)).zero_();
    if (over > 0) values.narrow(dim, extent - over, over).zero_();
  };
  for (std::size_t b = 0; b < patches.rows.size(); ++b) {
    const Tensor one = patches.values[static_cast<std::int64_t>(b)];
    clear(one, 1, patches.rows[b], plane.height);
    clear(one, 2, patches.columns[b], plane.width);
  }
}

/// The sum of two, in patches that hold both. May write into the one that is owned.
inline Patches sum_of(const Patches& a, const Patches& b, const Plane& plane) {
  if (b.owned && b.values.numel() > a.values.numel()) return sum_of(b, a, plane);
  const auto both = [](const std::vector<std::int64_t>& p, std::int64_t n, const std::vector<std::int64_t>& q,
                       std::int64_t m, std::int64_t size) {
    std::vector<std::int64_t> first, last;
    for (std::size_t i = 0; i < p.size(); ++i) {
      first.push_back(std::min(p[i], q[i]));
      last.push_back(std::max(p[i] + n, q[i] + m) - 1);
    }
    return span_over(std::move(first), last, size);
  };
  const Span rows = both(a.rows, a.height(), b.rows, b.height(), plane.height);
  const Span columns = both(a.columns, a.width(), b.columns, b.width(), plane.width);
  Patches sum = moved(a, rows, columns);
  sum.clean = a.clean && b.clean;
  if (!sum.owned) sum.values = sum.values.clone();
  sum.owned = true;
  const auto [same_row, down] = common_shift(sum.rows, b.rows);
  const auto [same_column, right] = common_shift(sum.columns, b.columns);
  if (same_row && same_column && down >= 0 && right >= 0 && down + b.height() <= rows.extent &&
      right + b.width() <= columns.extent) {
    sum.values.narrow(2, down, b.height()).narrow(3, right, b.width()).add_(b.values);
  } else {
    sum.values.add_(moved(b, rows, columns).values);
  }
  return sum;
}

}  // namespace lumen::op::local
