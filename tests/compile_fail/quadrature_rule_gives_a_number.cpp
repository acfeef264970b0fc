// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*QuadratureRule<|(because|satisfy) 'QuadratureRule[<'])
#include <cstdint>

#include <lumen/attribution/path/integrated_gradients.hpp>

struct Rule {
#ifdef LUMEN_POSITIVE
  lumen::Quadrature operator()(std::int64_t) const { return {{0.5}, {1.0}}; }
#else
  double operator()(std::int64_t) const { return 0.5; }
#endif
};

const lumen::IntegratedGradients<lumen::baseline::Zero, Rule> method{};
