// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/perturb/regions.hpp>
#include <lumen/perturb/spread.hpp>

namespace lumen::perturb::detail {

/// Inputs between x' and x, region by region.
template <Regions R>
class Mixture {
 public:
  Mixture(Tensors x, Tensors absent, R regions)
      : x_(std::move(x)), absent_(std::move(absent)), regions_(std::move(regions)) {}

  [[nodiscard]] const Tensors& x() const { return x_; }
  [[nodiscard]] const Tensors& absent() const { return absent_; }
  [[nodiscard]] const R& regions() const { return regions_; }
  [[nodiscard]] std::int64_t samples() const { return x_.front().size(0); }

  /// Inputs of copies of the samples `index` (int64 [k]), with as much of each region as `values` [k, regions] says.
  [[nodiscard]] Tensors operator()(const Tensor& values, const Tensor& index) const {
    Tensors rows(x_.size());
    std::size_t next = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (!engine::explained(x_[i])) {
        rows[i] = x_[i].index_select(0, index.to(x_[i].device()));
        continue;
      }
      const Tensor there = spread(regions_, next++, values, index), here = row_of(x_[i], index),
                   other = row_of(absent_[i], index);
      rows[i] = there.scalar_type() == at::kBool ? at::where(there, here, other)
                                                 : at::lerp(other, here, there.to(here.scalar_type()));
    }
    return rows;
  }

  /// Which regions have an element where x is not x', in each sample: bool [N, regions], on the processor.
  [[nodiscard]] Tensor moving() const {
    Tensor result = at::zeros({samples(), regions_.count()}, at::kBool);
    const Tensor all = at::arange(samples(), at::kLong);
    std::size_t next = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (!engine::explained(x_[i])) continue;
      const Tensor apart = x_[i].ne(absent_[i]).to(at::kFloat);
      result.logical_or_(totals(regions_, next++, apart, all).to(at::kCPU) > 0);
    }
    return result;
  }

  /// A value for each region, [N, regions], at each of its elements, in each part's type.
  [[nodiscard]] Tensors map(const Tensor& values) const {
    Tensors parts;
    std::size_t next = 0;
    const Tensor all = at::arange(samples(), at::kLong);
    for (const Tensor& part : x_) {
      parts.push_back(at::zeros_like(part, at::MemoryFormat::Contiguous));
      if (!engine::explained(part)) continue;
      parts.back().copy_(summed(regions_, next++, values.to(part.device()), all));
    }
    return parts;
  }

 private:
  /// Rows of a part; of a batch of one the row itself, which broadcasts.
  static Tensor row_of(const Tensor& part, const Tensor& index) {
    return part.size(0) == 1 ? part : part.index_select(0, index.to(part.device()));
  }

  Tensors x_, absent_;
  R regions_;
};

}  // namespace lumen::perturb::detail
