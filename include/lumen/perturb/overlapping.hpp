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
#include <lumen/perturb/groups.hpp>

namespace lumen::perturb {

/// Features given by a mask each, which may overlap and need not cover all: `Regions`. An element is absent as soon as one of
/// the features that hold it is.
class Overlapping {
 public:
  /// @param features  for each feature one mask for each part: bool, broadcasting to one row of it ([H, W], [1, 1, H, W]);
  ///                  undefined: nothing there
  /// @throws Error if there is none, another number of masks than parts, or one does not fit
  Overlapping(const std::vector<Tensors>& features, const Tensors& x)
      : count_(static_cast<std::int64_t>(features.size())) {
    require(!features.empty(), "the list of overlapping features is empty; give at least one mask");
    for (std::size_t part = 0; part < x.size(); ++part) {
      Tensors rows;
      for (std::size_t f = 0; f < features.size(); ++f) {
        require(features[f].size() == x.size(), [&] {
          return text("overlapping feature ", f, " has ", features[f].size(), " masks for ", x.size(),
                      " inputs; give one each, undefined where it has no element");
        });
        rows.push_back(row_of(features[f][part], x[part], f, part));
      }
      masks_.push_back(at::cat(rows).contiguous());
    }
  }

  [[nodiscard]] std::int64_t count() const { return count_; }

  [[nodiscard]] Tensor where(std::size_t part, const Tensor& which, const Tensor&) const {
    return masks_[part].index_select(0, which.to(masks_[part].device()));
  }

  [[nodiscard]] Box box(std::size_t part, std::int64_t i) const {
    const Tensor mask = masks_[part][i];
    Box box;
    for (std::int64_t dim = 0; dim < mask.dim(); ++dim) {
      Tensor along = mask;
      for (std::int64_t other = mask.dim(); other-- > 0;) {
        if (other != dim) along = along.any(other);
      }
      const Tensor places = along.nonzero().cpu();
      if (places.numel() == 0) return Box(static_cast<std::size_t>(mask.dim()));
      box.push_back({places.min().item<std::int64_t>(), places.max().item<std::int64_t>() + 1});
    }
    return box;
  }

 private:
  static Tensor row_of(const Tensor& given, const Tensor& x, std::size_t feature, std::size_t part) {
    const Tensor mask = detail::of_rank(given, x.dim());
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.front() = 1;
    if (!mask.defined()) return at::zeros(shape, x.options().dtype(at::kBool));
    bool fits = mask.scalar_type() == at::kBool && mask.dim() == x.dim() && mask.size(0) == 1;
    for (std::int64_t dim = 1; fits && dim < x.dim(); ++dim)
      fits = mask.size(dim) == 1 || mask.size(dim) == x.size(dim);
    require(fits, [&] {
      return text("the mask of overlapping feature ", feature, " for input ", part, " is ",
                  given.scalar_type(), ' ', given.sizes(), ", expected bool that broadcasts to ", shape,
                  "; write mask.ne(0) for numbers");
    });
    return mask.to(x.device()).expand(shape);
  }

  std::int64_t count_ = 0;
  Tensors masks_;  // of each part, [features, ...]
};

}  // namespace lumen::perturb
