// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// Any target in one type, with its abilities: for lists of targets and for choices made at run time.
class AnyTarget {
 public:
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, AnyTarget> && Target<std::remove_cvref_t<T>>)
  AnyTarget(T&& target)  // NOLINT(google-explicit-constructor): a list of targets is written as a list
      : AnyTarget(std::in_place, std::remove_cvref_t<T>(std::forward<T>(target))) {}

  /// The scores [N] of an output [N, ...].
  /// @throws Error if the target gives anything but one score for each sample
  Tensor operator()(const Tensor& output) const {
    Tensor scores = score_(output);
    require(scores.defined() && scores.dim() == 1 && scores.size(0) == output.size(0), [&] {
      return text("the target gave ", scores.defined() ? text(scores.sizes()) : "an undefined tensor",
                  ", expected one score for each of the ", output.size(0), " samples: [", output.size(0),
                  "]; reduce all dimensions but the first");
    });
    return scores;
  }

  /// Whether it takes something from the unperturbed output, which `freeze` then fixes.
  [[nodiscard]] bool freezable() const { return static_cast<bool>(freeze_); }

  /// The same question with what it takes from the unperturbed output fixed.
  [[nodiscard]] AnyTarget freeze(const Tensor& output) const { return freezable() ? freeze_(output) : *this; }

  /// Whether it can be asked of any selection of samples (`rows`). If not, passes hold whole batches.
  [[nodiscard]] bool row_wise() const { return static_cast<bool>(rows_); }

  /// The same question for the samples that `index` (int64) lists, for a batch of size N. A target that is
  /// not row-wise can only be asked of whole batches one after the other: index = 0..N-1, repeated.
  [[nodiscard]] AnyTarget rows(const Tensor& index, std::int64_t n) const {
    if (row_wise()) return rows_(index);
    return AnyTarget([all = *this, n](const Tensor& output) {
      if (output.size(0) == n) return all(output);
      std::vector<Tensor> scores;
      for (const Tensor& batch : output.split(n)) scores.push_back(all(batch));
      return at::cat(scores);
    });
  }

  /// The box of an output of these sizes, the batch left out, that holds all that the scores depend on: all of it where
  /// the target does not tell.
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return reads_ ? reads_(sizes) : whole(sizes);
  }

 private:
  template <class T>
  AnyTarget(std::in_place_t, T target) : score_(target) {
    if constexpr (detail::Freezable<T>) {
      freeze_ = [target](const Tensor& output) { return AnyTarget(target.freeze(output)); };
    }
    if constexpr (detail::RowWise<T>) {
      rows_ = [target](const Tensor& index) { return AnyTarget(target.rows(index)); };
    }
    if constexpr (detail::Confinable<T>) {
      reads_ = [target](const std::vector<std::int64_t>& sizes) { return target.reads(sizes); };
    }
  }

  std::function<Tensor(const Tensor&)> score_;
  std::function<AnyTarget(const Tensor&)> freeze_, rows_;
  std::function<Box(const std::vector<std::int64_t>&)> reads_;
};

/// Several questions about one input, answered from shared forward passes: a method given `Targets` returns a
/// std::vector of results, one for each, in order.
using Targets = std::vector<AnyTarget>;

/// One target, or several.
template <class T>
concept TargetOrTargets = Target<T> || std::same_as<T, Targets>;

}  // namespace lumen
