// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <lumen/core/tensor.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// What is said of each row by itself: a functor from B rows to [B], or [B, k] for k numbers a row, float64 on the CPU.
/// It must not matter which rows come together. One with `needs_peaks()` is called with windows that know the extremes
/// of all rows.
template <class S>
concept Statistic = requires(const S& statistic, const Windows& rows) {
  { statistic(rows) } -> std::convertible_to<Tensor>;
} && std::copy_constructible<S>;

/// Whether it must know the extremes of all rows before it is asked.
template <class T>
[[nodiscard]] bool needs_peaks(const T& asked) {
  if constexpr (requires {
                  { asked.needs_peaks() } -> std::convertible_to<bool>;
                }) {
    return asked.needs_peaks();
  } else {
    return false;
  }
}

/// Any statistic in one type, for lists made at run time.
class AnyStatistic {
 public:
  template <class S>
    requires(!std::same_as<std::remove_cvref_t<S>, AnyStatistic> && Statistic<std::remove_cvref_t<S>>)
  AnyStatistic(
      S&& statistic)  // NOLINT(google-explicit-constructor): a list of statistics is written as a list
      : needs_peaks_(influence::needs_peaks(statistic)), ask_(std::forward<S>(statistic)) {}

  Tensor operator()(const Windows& rows) const { return ask_(rows); }
  [[nodiscard]] bool needs_peaks() const { return needs_peaks_; }

 private:
  bool needs_peaks_;
  std::function<Tensor(const Windows&)> ask_;
};

}  // namespace lumen::influence
