// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/baseline/draw.hpp>
#include <lumen/baseline/random.hpp>

namespace lumen::detail {

/// Row j of each part's set for draw j: a joint baseline.
struct EachRow {
  static constexpr bool random = true;
  Tensors sets;  ///< for each part, [B, ...]

  [[nodiscard]] std::int64_t size() const { return sets.front().size(0); }

  /// @throws Error if the sets are not of the input's shapes, or not of one size
  [[nodiscard]] Tensors rows(const Tensors& x, const std::vector<std::int64_t>&,
                             const std::vector<std::int64_t>& draw) const {
    Tensors result;
    for (std::size_t p = 0; p < sets.size(); ++p) {
      const bool fits = p < x.size() && sets[p].dim() == x[p].dim() && sets[p].size(0) == size() &&
                        sets[p].sizes().slice(1) == x[p].sizes().slice(1);
      require(fits, [&] {
        return text("the baselines of input ", p, " are ", sets[p].sizes(),
                    "; expected [B, ...] with rows like ",
                    p < x.size() ? text("those of ", x[p].sizes()) : "those of an input",
                    ", and one B for all inputs");
      });
      result.push_back(sets[p]
                           .to(x[p].device(), x[p].scalar_type())
                           .index_select(0, at::tensor(draw, at::kLong).to(x[p].device())));
    }
    return result;
  }
};

template <class B>
inline constexpr bool is_tuple_of_samples = false;
template <class... B>
inline constexpr bool is_tuple_of_samples<std::tuple<B...>> = (std::same_as<B, baseline::Samples> && ...);

/// A baseline that is a set of rows as such a set: baseline::Samples for every part or a tuple of them, or a joint
/// baseline with a `size()`, of which draws 0 ... size() - 1 are asked, or one that knows how to be one, `as_set()`.
/// Null for all others.
/// @throws Error if a set is empty
template <Baseline B>
auto set_of(const B& baseline, const Tensors& x) {
  const auto checked = [](Tensors sets) {
    for (const Tensor& set : sets) {
      require(set.defined() && set.dim() >= 1 && set.size(0) >= 1,
              "baseline::Samples holds no rows; give it [B, ...]");
    }
    return std::optional(EachRow{std::move(sets)});
  };
  if constexpr (requires { baseline.as_set(); }) {
    return baseline.as_set();
  } else if constexpr (std::same_as<B, baseline::Samples>) {
    return checked(Tensors(x.size(), baseline.values));
  } else if constexpr (requires { baseline.size(); }) {
    return std::optional<B>(baseline);
  } else if constexpr (is_tuple_of_samples<B>) {
    return checked(std::apply([](const auto&... s) { return Tensors{s.values...}; }, baseline));
  } else {
    return std::optional<EachRow>();
  }
}

}  // namespace lumen::detail
