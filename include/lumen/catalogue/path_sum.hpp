// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/path/conductance.hpp>
#include <lumen/catalogue/words.hpp>

namespace lumen::catalogue {

/// A sum along a path chosen at run time.
struct AnyPathSum {
  enum class Kind { Stieltjes, CaptumLeft };
  Kind kind = Kind::Stieltjes;

  template <QuadratureRule Q>
  [[nodiscard]] std::vector<double> nodes(const Q& rule, std::int64_t steps) const {
    return kind == Kind::CaptumLeft ? CaptumLeftSum{}.nodes(rule, steps) : StieltjesSum{}.nodes(rule, steps);
  }
  [[nodiscard]] Tensor slope(const Tensor& before, const Tensor& after) const {
    return kind == Kind::CaptumLeft ? CaptumLeftSum{}.slope(before, after)
                                    : StieltjesSum{}.slope(before, after);
  }
  friend bool operator==(const AnyPathSum&, const AnyPathSum&) = default;
};

template <>
struct Words<AnyPathSum> {
  using K = AnyPathSum::Kind;
  static constexpr std::array<std::pair<std::string_view, AnyPathSum>, 2> all{
      {{"stieltjes", {K::Stieltjes}}, {"captum-left", {K::CaptumLeft}}}};
};

}  // namespace lumen::catalogue
