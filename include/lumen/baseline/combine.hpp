// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <type_traits>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::baseline {

namespace detail {

template <Baseline B>
Tensor apply(const B& baseline, const Tensor& x, at::Generator& generator) {
  if constexpr (lumen::detail::RandomBaseline<B>) {
    return baseline(x, generator);
  } else {
    return baseline(x);
  }
}

template <Baseline B>
constexpr std::uint64_t seed_of(const B& baseline) {
  if constexpr (lumen::detail::RandomBaseline<B>) {
    return baseline.seed;
  } else {
    return 0;
  }
}

template <class A, class B>
concept BothFixed = lumen::detail::FixedBaseline<A> && lumen::detail::FixedBaseline<B>;

}  // namespace detail

/// One after the other: second(first(x)). Written `first | second`, for instance `Blur{4} |
/// GaussianNoise{0.1}`. Random as soon as one of the two is.
template <Baseline A, Baseline B>
struct Then {
  A first{};
  B second{};
  std::uint64_t seed = mix(detail::seed_of(first), detail::seed_of(second));

  Tensor operator()(const Tensor& x) const
    requires detail::BothFixed<A, B>
  {
    return second(first(x));
  }
  Tensor operator()(const Tensor& sample, at::Generator& generator) const
    requires(!detail::BothFixed<A, B>)
  {
    return detail::apply(second, detail::apply(first, sample, generator), generator);
  }
};

template <Baseline A, Baseline B>
  requires(std::is_class_v<A> && std::is_class_v<B>)
[[nodiscard]] Then<A, B> operator|(A first, B second) {
  return {std::move(first), std::move(second)};
}

/// A weighted mean of two: weight * first(x) + (1 - weight) * second(x). Random as soon as one of the two is.
template <Baseline A, Baseline B>
struct Mix {
  A first{};
  B second{};
  double weight = 0.5;  ///< of the first, in [0, 1]
  std::uint64_t seed = mix(detail::seed_of(first), detail::seed_of(second));

  /// @throws Error if the weight is outside [0, 1]
  Tensor operator()(const Tensor& x) const
    requires detail::BothFixed<A, B>
  {
    check();
    return first(x) * weight + second(x) * (1.0 - weight);
  }
  Tensor operator()(const Tensor& sample, at::Generator& generator) const
    requires(!detail::BothFixed<A, B>)
  {
    check();
    const Tensor a = detail::apply(first, sample, generator);
    return a * weight + detail::apply(second, sample, generator) * (1.0 - weight);
  }

 private:
  void check() const {
    require(weight >= 0 && weight <= 1,
            [&] { return text("baseline::Mix: weight ", weight, " is outside [0, 1]"); });
  }
};

}  // namespace lumen::baseline
