// SPDX-License-Identifier: BSD-3-Clause
// A rule of one's own, in a composite of LRP: relevance goes to inputs by their activation alone.
#include <cstdio>

#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>

namespace lm = lumen;
namespace rule = lumen::rule;

//! [rule]
/// R_i = sum over j of x_i / (sum over i of x_i) R_j, of the inputs above zero: weights play no part.
struct ByActivation {
  lm::Tensors operator()(const rule::Record& record, const lm::Tensors& gradients) const {
    const std::size_t data = record.data();
    const lm::Tensor x = record.inputs[data].clamp_min(0);
    const lm::Tensor relevance = gradients[0].sum(-1, true);  // in LRP what flows back is relevance
    return rule::only(record, data, x / x.sum(-1, true).clamp_min(1e-12) * relevance);
  }
};
//! [rule]

int main() {
  const at::Tensor first = at::tensor({1.0, -1.0, 2.0, 0.5, 1.0, 1.0}).reshape({2, 3});
  const at::Tensor second = at::tensor({1.0, 2.0}).reshape({1, 2});
  const auto net = [&](const at::Tensor& x) { return at::linear(at::relu(at::linear(x, first)), second); };
  const at::Tensor x = at::tensor({1.0, 1.0, 2.0}).reshape({1, 3});
  //! [use]
  rule::Composite composite = rule::lrp::EpsilonPlus{};
  composite.use({"linear"}, ByActivation{});                                         // by kind
  composite.layers.emplace_back(lm::layer::nth("linear", 1), rule::lrp::Epsilon{});  // but by layer first
  const auto why = lm::Lrp{.composite = composite}(net, x, lm::target::Output{});
  //! [use]
  std::printf("%g %g %g, F(x) = %g\n", why.map[0][0].item<double>(), why.map[0][1].item<double>(),
              why.map[0][2].item<double>(), why.score.item<double>());
  const at::Tensor expected = x / x.sum() * why.score;
  return at::allclose(why.map, expected, 1e-4) ? 0 : 1;
}
