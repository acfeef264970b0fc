// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/target/any.hpp>

namespace lumen::target {

namespace detail {

/// What a target becomes when it is frozen: itself, if it has nothing to freeze.
template <class T>
struct FrozenAs {
  using Type = T;
};
template <lumen::detail::Freezable T>
struct FrozenAs<T> {
  using Type = std::remove_cvref_t<decltype(std::declval<const T&>().freeze(std::declval<const Tensor&>()))>;
};
template <class T>
using Frozen = typename FrozenAs<T>::Type;
template <lumen::detail::RowWise T>
using RowsOf = std::remove_cvref_t<decltype(std::declval<const T&>().rows(std::declval<const Tensor&>()))>;

template <class T>
Frozen<T> freeze(const T& target, const Tensor& output) {
  if constexpr (lumen::detail::Freezable<T>) {
    return target.freeze(output);
  } else {
    return target;
  }
}

inline void check_classes(const Tensor& output, const char* name) {
  require(output.dim() >= 2, [&] {
    return text("target::", name, " needs classes in dimension 1 of the output, the model gave ",
                output.sizes());
  });
}

inline Tensor probabilities(const Tensor& output) {
  check_classes(output, "Softmax");
  return output.size(1) == 1 ? at::sigmoid(output) : at::softmax(output, 1);
}

/// log p / (1 - p) = z_c - log sum of exp z_k over k != c, without cancellation
inline Tensor log_odds(const Tensor& output) {
  check_classes(output, "LogOdds");
  if (output.size(1) == 1) return output;
  const Tensor log_p = at::log_softmax(output, 1);
  const Tensor first = at::zeros_like(output, at::kBool).scatter(1, output.detach().argmax(1, true), true);
  const Tensor others =
      at::logsumexp(output.masked_fill(first, -std::numeric_limits<double>::infinity()), {1}, true);
  // where c is not the largest class p <= 1/2, so that log(1 - p) is well conditioned; masked elsewhere
  const Tensor p = log_p.exp().masked_fill(first, 0.5);
  return at::where(first, output - others, log_p - at::log1p(-p));
}

/// A box with all of dimension 1.
inline Box all_classes(Box box, const std::vector<std::int64_t>& sizes) {
  if (!box.empty()) box.front() = {0, sizes[1]};
  return box;
}

}  // namespace detail

/// A target asked of the class probabilities instead: softmax over dimension 1 (sigmoid where it has size 1).
/// What it freezes it takes from the output itself: a lone channel's region is where that, not its sigmoid,
/// is positive.
template <Target T>
struct Softmax {
  T target{};  ///< sees probabilities in [0, 1], shape of the output

  Tensor operator()(const Tensor& output) const {
    return detail::freeze(target, output)(detail::probabilities(output));
  }
  Softmax<detail::Frozen<T>> freeze(const Tensor& output) const
    requires lumen::detail::Freezable<T>
  {
    return {target.freeze(output)};
  }
  // a template, so that what it returns is only asked for where there is such
  template <class Whole = T>
    requires lumen::detail::RowWise<Whole>
  Softmax<detail::RowsOf<Whole>> rows(const Tensor& samples) const {
    return {target.rows(samples)};
  }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::all_classes(AnyTarget(target).reads(sizes), sizes);
  }
};

/// A target asked of the log-odds log p / (1 - p) of each class instead; the output itself where dimension 1
/// has size 1. Unlike a probability it does not saturate. What it freezes it takes from the output itself.
template <Target T>
struct LogOdds {
  T target{};  ///< sees log-odds, shape of the output

  Tensor operator()(const Tensor& output) const {
    return detail::freeze(target, output)(detail::log_odds(output));
  }
  LogOdds<detail::Frozen<T>> freeze(const Tensor& output) const
    requires lumen::detail::Freezable<T>
  {
    return {target.freeze(output)};
  }
  // a template, so that what it returns is only asked for where there is such
  template <class Whole = T>
    requires lumen::detail::RowWise<Whole>
  LogOdds<detail::RowsOf<Whole>> rows(const Tensor& samples) const {
    return {target.rows(samples)};
  }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::all_classes(AnyTarget(target).reads(sizes), sizes);
  }
};

/// How much more the one than the other: `first` minus `second`, for instance two classes.
template <Target A, Target B>
struct Margin {
  A first{};
  B second{};

  Tensor operator()(const Tensor& output) const { return first(output) - second(output); }
  Margin<detail::Frozen<A>, detail::Frozen<B>> freeze(const Tensor& output) const
    requires(lumen::detail::Freezable<A> || lumen::detail::Freezable<B>)
  {
    return {detail::freeze(first, output), detail::freeze(second, output)};
  }
  template <class First = A, class Second = B>
    requires(lumen::detail::RowWise<First> && lumen::detail::RowWise<Second>)
  Margin<detail::RowsOf<First>, detail::RowsOf<Second>> rows(const Tensor& samples) const {
    return {first.rows(samples), second.rows(samples)};
  }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return hull(AnyTarget(first).reads(sizes), AnyTarget(second).reads(sizes));
  }
};

}  // namespace lumen::target
