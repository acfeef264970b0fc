// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include <lumen/rule/deep_lift/rules.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

/// DeepLIFT of one operator, and whether it is exact.
namespace lumen::testing {

/// The multipliers of a score, and what they miss of F(x) - F(x'), for each sample.
struct Lift {
  Tensors multipliers;
  Tensor missing, difference;
};

template <class R = rule::Rescale>
Lift lift(const lumen::engine::Function& model, const Tensors& x, const Tensors& origin,
          const lumen::AnyTarget& question = target::Output{}, const R& chosen = {}) {
  rule::DeepLiftPasses passes(rule::deep_lift_chooser(chosen), 1e-10);
  Tensors both = x;
  both.insert(both.end(), origin.begin(), origin.end());
  const auto found =
      lumen::engine::differentiate(passes.bind(model), both, passes.bind(Targets{question}), true);
  Lift result{found.gradients.front(), {}, found.scores.front() - passes.origin_scores.front()};
  result.multipliers.resize(x.size());
  Tensors shares;
  for (std::size_t i = 0; i < x.size(); ++i) shares.push_back(result.multipliers[i] * (x[i] - origin[i]));
  result.missing = lumen::engine::sum_of(shares) - result.difference;
  return result;
}

using Layer = std::function<Tensor(const Tensor&)>;
struct Case {
  std::string name;
  Layer run;
};

/// Scores [N] that weigh each element of a layer's output differently.
inline lumen::engine::Function weighed(const Layer& layer) {
  return [layer](const Tensors& x) {
    const Tensor y = layer(x.front());
    return (y * nets::random(y.sizes().slice(1).vec(), 5)).flatten(1).sum(1);
  };
}

inline void check_exact(const Case& one, const Tensor& x, const Tensor& origin) {
  DOCTEST_CAPTURE(one.name);
  const Lift found = lift(weighed(one.run), {x}, {origin});
  DOCTEST_CHECK(found.difference.abs().max().item<double>() > 1e-3);
  DOCTEST_CHECK(found.missing.abs().max().item<double>() <
                1e-11 * (1.0 + found.difference.abs().max().item<double>()));
}

/// The multipliers become the gradient as the baseline nears the input.
inline void check_limit(const Case& one, const Tensor& x) {
  DOCTEST_CAPTURE(one.name);
  const Tensor leaf = x.clone().requires_grad_(true);
  const Tensor gradient = torch::autograd::grad({weighed(one.run)({leaf * 1.0}).sum()}, {leaf}).front();
  const Lift near = lift(weighed(one.run), {x}, {x - 1e-6 * nets::random(x.sizes().vec(), 9)});
  DOCTEST_CHECK(all_close(near.multipliers.front(), gradient, 2e-4));
}

}  // namespace lumen::testing
