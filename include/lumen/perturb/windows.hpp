// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::perturb {

/// Windows that slide over each part of an input, one at a time: `Regions`. A last window that does not fit is cropped at
/// the border.
class Windows {
 public:
  using Shape = std::vector<std::int64_t>;

  /// @param windows  the window's size along the last dimensions of each part (one for all parts, or one each); those
  ///                 before are covered whole: {5, 5} or {1, 5, 5} on [N, C, H, W]
  /// @param strides  steps along the same dimensions; none: 1
  /// @throws Error if a window is larger than its part, or a stride leaves elements that no window covers
  Windows(const std::vector<Shape>& windows, const std::vector<Shape>& strides, const Tensors& x) {
    const auto of_part = [&](const std::vector<Shape>& shapes, std::size_t part) {
      require(shapes.size() == 1 || shapes.size() == x.size(), [&] {
        return text(shapes.size(), " windows or strides were given for ", x.size(),
                    " inputs; give one for all, or one each");
      });
      return shapes[shapes.size() == 1 ? 0 : part];
    };
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Shape window = of_part(windows, i);
      const Shape stride = strides.empty() ? Shape(window.size(), 1) : of_part(strides, i);
      parts_.push_back(laid_out(window, stride, x[i], i));
      parts_.back().first = count_;
      count_ += parts_.back().count;
    }
  }

  [[nodiscard]] std::int64_t count() const { return count_; }

  /// Where the windows `which` (int64 [k], 0 to count() - 1) stand in part `part`: bool, broadcasts to k rows of it.
  [[nodiscard]] Tensor where(std::size_t part, const Tensor& which, const Tensor&) const {
    const Part& p = parts_[part];
    Tensor left = which - p.first;
    Tensor inside = engine::per_row(left.ge(0).logical_and(left.lt(p.count)), p.like);
    for (std::size_t d = p.dims.size(); d-- > 0;) {
      const Dim& dim = p.dims[d];
      inside = inside.logical_and(along(dim, left.remainder(dim.count), d, p.dims.size()));
      left = left.div(dim.count, "floor");
    }
    return inside.to(p.like.device());
  }

  /// The places of window i in part `part`; empty if it stands in another part.
  [[nodiscard]] Box box(std::size_t part, std::int64_t i) const {
    const Part& p = parts_[part];
    Box box(p.dims.size());
    std::int64_t left = i - p.first;
    if (left < 0 || left >= p.count) return box;
    for (std::size_t d = p.dims.size(); d-- > 0;) {
      const Dim& dim = p.dims[d];
      const std::int64_t start = left % dim.count * dim.stride;
      box[d] = {start, std::min(start + dim.window, dim.size)};
      left /= dim.count;
    }
    return box;
  }

  /// Whether a region is all of its box.
  [[nodiscard]] bool solid(std::size_t, std::int64_t) const { return true; }

  /// How many windows cover each element of part `part`: broadcasts to its rows.
  [[nodiscard]] Tensor coverage(std::size_t part) const {
    const Part& p = parts_[part];
    Tensor total = at::ones({1}, p.like.options().device(at::kCPU));
    for (std::size_t d = 0; d < p.dims.size(); ++d) {
      const Tensor all = along(p.dims[d], at::arange(p.dims[d].count, at::kLong), d, p.dims.size());
      total = total * all.sum(0, true).to(p.like.scalar_type());
    }
    return total.to(p.like.device());
  }

 private:
  struct Dim {
    std::int64_t size, window, stride, count;
  };
  struct Part {
    std::vector<Dim> dims;
    std::int64_t count = 1, first = 0;
    Tensor like;
  };

  /// For windows at the positions `index` [k] along dimension d: what they cover, [k, 1 ... size ... 1].
  static Tensor along(const Dim& dim, const Tensor& index, std::size_t d, std::size_t dims) {
    const Tensor start = (index * dim.stride).unsqueeze(1), place = at::arange(dim.size, at::kLong);
    Shape shape(dims + 1, 1);
    shape.front() = index.size(0);
    shape[d + 1] = dim.size;
    return place.ge(start).logical_and(place.lt(start + dim.window)).reshape(shape);
  }

  static Part laid_out(const Shape& window, const Shape& stride, const Tensor& x, std::size_t part) {
    const auto rank = static_cast<std::size_t>(x.dim() - 1);
    require(window.size() <= rank && stride.size() == window.size(), [&] {
      return text("the window of input ", part, " has ", window.size(), " dimensions and its stride ",
                  stride.size(), "; expected as many of both, at most ", rank, " for an input of ",
                  x.sizes());
    });
    Part result{.dims = {}, .like = x};
    for (std::size_t d = 0; d < rank; ++d) {
      const std::int64_t size = x.size(static_cast<std::int64_t>(d) + 1);
      const std::size_t skipped = rank - window.size();
      const std::int64_t w = d < skipped ? size : window[d - skipped],
                         s = d < skipped ? 1 : stride[d - skipped];
      require(w >= 1 && w <= size && s >= 1 && (s <= w || w == size), [&] {
        return text("a window of ", w, " with stride ", s, " does not fit dimension ", d + 1, " of input ",
                    part, ", which has ", size,
                    "; expected 1 <= window <= size, and 1 <= stride <= window so that ",
                    "every element is covered");
      });
      result.dims.push_back({size, w, s, (size - w + s - 1) / s + 1});
      result.count *= result.dims.back().count;
    }
    return result;
  }

  std::vector<Part> parts_;
  std::int64_t count_ = 0;
};

}  // namespace lumen::perturb
