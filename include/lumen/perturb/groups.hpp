// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::perturb {

namespace detail {

/// A mask of fewer dimensions than its input, with those in front that it leaves out: one for all samples.
inline Tensor of_rank(const Tensor& mask, std::int64_t rank) {
  if (!mask.defined() || mask.dim() == 0 || mask.dim() >= rank) return mask;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(rank - mask.dim()), 1);
  shape.insert(shape.end(), mask.sizes().begin(), mask.sizes().end());
  return mask.reshape(shape);
}

}  // namespace detail

/// Which elements of an input are removed together: those of one number, in all parts. For a batch: `Regions`.
class Groups {
 public:
  /// @param masks  integers of any type, one for each part, that broadcasts to its shape: [H, W] for all samples and channels, with
  ///               a batch size of its own 1 for all samples, or one that divides the batch, which is then taken to hold
  ///               copies; none: each element by itself
  /// @throws Error if there is another number of masks than of parts, or one does not fit
  Groups(const Tensors& masks, const Tensors& x) {
    require(masks.empty() || masks.size() == x.size(), [&] {
      return text(masks.size(), " masks of groups were given for ", x.size(),
                  " inputs; give one each, or none");
    });
    std::int64_t next = 0;
    Tensors ids;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (masks.empty()) {
        const std::int64_t count = x[i][0].numel();
        masks_.push_back(
            at::arange(next, next + count, at::kLong).reshape(x[i].sizes().slice(1)).unsqueeze(0));
        next += count;
      } else {
        masks_.push_back(fitted(masks[i], x[i], i));
      }
      masks_.back() = masks_.back().to(x[i].device());
      ids.push_back(masks_.back().reshape({-1}).cpu());
    }
    if (masks.empty()) {
      ids_ = at::arange(next, at::kLong);
      for (const Tensor& part : x) single_.push_back(part[0].numel());
      places_ = masks_;
    } else {
      const auto [unique, places, counts] = at::_unique2(at::cat(ids), true, true);
      ids_ = unique;
      measure(places.contiguous());
      std::int64_t first = 0;
      for (const Tensor& mask : masks_) {
        places_.push_back(places.narrow(0, first, mask.numel()).reshape(mask.sizes()).to(mask.device()));
        first += mask.numel();
      }
    }
  }

  [[nodiscard]] std::int64_t count() const { return ids_.size(0); }
  [[nodiscard]] static bool disjoint() { return true; }  ///< no element is of two groups

  /// Where the groups with the places `which` (int64 [k], 0 to count() - 1) stand in part `part`, of the samples of
  /// the batch that `samples` (int64 [k]) lists: bool, broadcasts to k rows of the part.
  [[nodiscard]] Tensor where(std::size_t part, const Tensor& which, const Tensor& samples) const {
    const Tensor& mask = masks_[part];
    const Tensor rows =
        mask.size(0) == 1 ? mask : mask.index_select(0, samples.remainder(mask.size(0)).to(mask.device()));
    return rows == engine::per_row(ids_.index_select(0, which), mask).to(mask.device());
  }

  /// For each row the value of each element's group, in part `part` of the samples of the batch that `samples`
  /// (int64 [k]) lists.
  /// @param values  [k, count()], of any type
  /// @return k rows of the part, of that type
  [[nodiscard]] Tensor spread(std::size_t part, const Tensor& values, const Tensor& samples) const {
    const Tensor& places = places_[part];
    const Tensor given = values.to(places.device());
    std::vector<std::int64_t> shape = places.sizes().vec();
    shape.front() = values.size(0);
    if (places.size(0) == 1) return given.index_select(1, places.reshape({-1})).reshape(shape);
    const Tensor rows = places.index_select(0, samples.remainder(places.size(0)).to(places.device()));
    return given.gather(1, rows.reshape({values.size(0), -1})).reshape(shape);
  }

  /// The same for numbers: each element is in one group.
  [[nodiscard]] Tensor summed(std::size_t part, const Tensor& values, const Tensor& samples) const {
    return spread(part, values, samples);
  }

  /// The sum of the values of each group's elements in part `part`, of the samples that `samples` lists.
  /// @param values  k rows of the part
  /// @return [k, count()], of their type
  [[nodiscard]] Tensor totals(std::size_t part, const Tensor& values, const Tensor& samples) const {
    const Tensor& places = places_[part];
    const std::int64_t rows = values.size(0);
    const Tensor index = places.size(0) == 1
                             ? places.reshape({1, -1}).expand({rows, -1})
                             : places.index_select(0, samples.remainder(places.size(0)).to(places.device()))
                                   .reshape({rows, -1});
    return at::zeros({rows, count()}, values.options()).scatter_add_(1, index, values.reshape({rows, -1}));
  }

  /// The smallest box, without the batch, that holds group i in part `part` for every sample; empty if it has no
  /// element there.
  [[nodiscard]] Box box(std::size_t part, std::int64_t i) const {
    const auto rank = static_cast<std::size_t>(masks_[part].dim() - 1);
    Box box(rank);
    if (single_.empty()) {
      const auto first = boxes_[part].begin() + i * static_cast<std::int64_t>(rank);
      std::copy_n(first, rank, box.begin());
      return box;
    }
    const auto at = single_.begin() + static_cast<std::int64_t>(part);
    std::int64_t left = i - std::accumulate(single_.begin(), at, std::int64_t{0});
    if (left < 0 || left >= *at) return box;
    for (std::size_t d = rank; d-- > 0;) {
      const std::int64_t size = masks_[part].size(static_cast<std::int64_t>(d) + 1);
      box[d] = {left % size, left % size + 1};
      left /= size;
    }
    return box;
  }
  /// Whether a group is all of its box, in every sample.
  [[nodiscard]] bool solid(std::size_t part, std::int64_t i) const {
    if (single_.empty()) {
      std::int64_t volume = masks_[part].size(0);
      for (const Interval& each : box(part, i)) volume *= each.size();
      return volume == sizes_[part][static_cast<std::size_t>(i)];
    }
    return true;
  }

 private:
  /// @param places  of the group of each element, of all masks one after the other
  void measure(const Tensor& places) {
    const auto* place = places.data_ptr<std::int64_t>();
    for (const Tensor& mask : masks_) {
      const auto rank = static_cast<std::size_t>(mask.dim() - 1);
      std::vector<Interval>& boxes = boxes_.emplace_back(static_cast<std::size_t>(count()) * rank);
      std::vector<std::int64_t>& sizes = sizes_.emplace_back(static_cast<std::size_t>(count()), 0);
      std::vector<std::int64_t> at(rank, 0);
      for (std::int64_t e = 0; e < mask.numel(); ++e, ++place) {
        Interval* box = boxes.data() + static_cast<std::size_t>(*place) * rank;
        ++sizes[static_cast<std::size_t>(*place)];
        for (std::size_t d = 0; d < rank; ++d) box[d] = hull(box[d], {at[d], at[d] + 1});
        for (std::size_t d = rank; d-- > 0;) {
          if (++at[d] < mask.size(static_cast<std::int64_t>(d) + 1)) break;
          at[d] = 0;
        }
      }
    }
  }

  static Tensor fitted(const Tensor& mask, const Tensor& x, std::size_t part) {
    const auto refuse = [&] {
      return text("the mask of groups of input ", part, " is ",
                  mask.defined() ? text(mask.scalar_type(), ' ', mask.sizes()) : std::string("undefined"),
                  ", expected integers that broadcast to ", x.sizes(), ", or with a batch size that divides ",
                  x.size(0));
    };
    require(mask.defined() && at::isIntegralType(mask.scalar_type(), true) && mask.dim() <= x.dim(), refuse);
    const Tensor full = detail::of_rank(mask.dim() > 0 ? mask : mask.reshape({1}), x.dim()).to(at::kLong);
    require(full.size(0) >= 1 && x.size(0) % full.size(0) == 0, refuse);
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.front() = full.size(0);
    for (std::int64_t dim = 1; dim < x.dim(); ++dim) {
      require(full.size(dim) == 1 || full.size(dim) == x.size(dim), refuse);
    }
    return full.expand(shape).contiguous();
  }

  Tensors masks_;
  Tensor ids_;
  Tensors places_;                                // of the group of each element, 0 to count() - 1
  std::vector<std::int64_t> single_;              // elements of each part, where each is a group by itself
  std::vector<std::vector<std::int64_t>> sizes_;  // of each part: the elements of each group in all samples
  std::vector<std::vector<Interval>> boxes_;  // of each part: group by group, an interval for each dimension
};

/// Masks of groups for the samples of the batch that `index` (int64) lists.
[[nodiscard]] inline Tensors rows_of(Tensors masks, const Tensor& index) {
  for (Tensor& mask : masks) {
    if (mask.defined() && mask.dim() > 0 && mask.size(0) > 1)
      mask = mask.index_select(0, index.remainder(mask.size(0)).to(mask.device()));
  }
  return masks;
}

}  // namespace lumen::perturb
