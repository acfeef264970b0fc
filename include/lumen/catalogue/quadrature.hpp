// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include <lumen/catalogue/words.hpp>
#include <lumen/engine/quadrature.hpp>

namespace lumen::catalogue {

/// A quadrature rule chosen at run time.
struct AnyRule {
  enum class Kind { GaussLegendre, RiemannLeft, RiemannRight, RiemannMiddle, Trapezoid, CaptumTrapezoid };
  Kind kind = Kind::GaussLegendre;

  [[nodiscard]] Quadrature operator()(std::int64_t steps) const {
    namespace q = quadrature;
    switch (kind) {
      case Kind::RiemannLeft:
        return q::RiemannLeft{}(steps);
      case Kind::RiemannRight:
        return q::RiemannRight{}(steps);
      case Kind::RiemannMiddle:
        return q::RiemannMiddle{}(steps);
      case Kind::Trapezoid:
        return q::Trapezoid{}(steps);
      case Kind::CaptumTrapezoid:
        return q::CaptumTrapezoid{}(steps);
      default:
        return q::GaussLegendre{}(steps);
    }
  }
  friend bool operator==(const AnyRule&, const AnyRule&) = default;
};

template <>
struct Words<AnyRule> {
  using K = AnyRule::Kind;
  static constexpr std::array<std::pair<std::string_view, AnyRule>, 6> all{
      {{"gauss-legendre", {K::GaussLegendre}},
       {"riemann-left", {K::RiemannLeft}},
       {"riemann-right", {K::RiemannRight}},
       {"riemann-middle", {K::RiemannMiddle}},
       {"trapezoid", {K::Trapezoid}},
       {"captum-trapezoid", {K::CaptumTrapezoid}}}};
};

}  // namespace lumen::catalogue
