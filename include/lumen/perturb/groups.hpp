// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::perturb {

/// Which elements of an input are removed together: those of one number, in all parts. For a batch.
class Groups {
 public:
  /// @param masks  int64, one for each part, a scalar or of its rank, that broadcasts to its shape (batch size 1 for all samples, or
  ///               one that divides the batch, which is then taken to hold copies); none: each element by itself
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
    ids_ = masks.empty() ? at::arange(next, at::kLong) : std::get<0>(at::_unique(at::cat(ids)));
  }

  [[nodiscard]] std::int64_t count() const { return ids_.size(0); }

  /// Where the groups with the places `which` (int64 [k], 0 to count() - 1) stand in part `part`, of the samples of
  /// the batch that `samples` (int64 [k]) lists: bool, broadcasts to k rows of the part.
  [[nodiscard]] Tensor where(std::size_t part, const Tensor& which, const Tensor& samples) const {
    const Tensor& mask = masks_[part];
    const Tensor rows =
        mask.size(0) == 1 ? mask : mask.index_select(0, samples.remainder(mask.size(0)).to(mask.device()));
    return rows == engine::per_row(ids_.index_select(0, which), mask).to(mask.device());
  }

 private:
  static Tensor fitted(const Tensor& mask, const Tensor& x, std::size_t part) {
    const auto refuse = [&] {
      return text("the mask of groups of input ", part, " is ",
                  mask.defined() ? text(mask.scalar_type(), ' ', mask.sizes()) : std::string("undefined"),
                  ", expected int64 of its rank that broadcasts to ", x.sizes(),
                  ", or with a batch size that divides ", x.size(0));
    };
    require(mask.defined() && mask.scalar_type() == at::kLong && (mask.dim() == 0 || mask.dim() == x.dim()),
            refuse);
    const Tensor full =
        mask.dim() > 0 ? mask : mask.reshape(std::vector<std::int64_t>(static_cast<std::size_t>(x.dim()), 1));
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
};

}  // namespace lumen::perturb
