// SPDX-License-Identifier: BSD-3-Clause
// What every method of the list costs with its defaults on the 28x28 network, over the passes that it says it took, each
// run by itself: below 1 where it runs many rows at once.
#include <ATen/CPUGeneratorImpl.h>

#include <cstdint>
#include <vector>

#include <lumen/catalogue/methods.hpp>
#include <lumen/target/element.hpp>

#include "bench/comparison.hpp"
#include "bench/limit.hpp"
#include "bench/nets.hpp"

namespace bench = lumen::bench;
namespace catalogue = lumen::catalogue;
using lumen::Tensor;
using lumen::Tensors;

int main(int argc, char** argv) {
  const bench::Weights weights = bench::Small::weights();
  const bench::Small net(weights);
  at::Generator source = at::detail::createCPUGenerator(1);
  const Tensor x = at::randn({1, 1, 28, 28}, source, at::TensorOptions(at::kFloat));
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts.front()); };
  const lumen::Targets question{lumen::target::Class{.index = 3}};
  std::vector<bench::Comparison> all;
  for (const catalogue::Entry& entry : catalogue::methods()) {
    catalogue::Choices choices;
    if (entry.traits.layer == catalogue::LayerUse::Required) choices.layer = lumen::layer::nth("relu", -1);
    if (entry.both) choices.neuron = lumen::target::Element{{0, 0, 0}};
    const catalogue::Explainer explain = entry.prepare(choices);
    const auto ours = [explain, &model, &x, &question] { return explain(model, {x}, question, {}).front(); };
    const catalogue::Map once = ours();
    const auto passes = [&net, &x, forward = once.forward_passes, backward = once.backward_passes] {
      const at::NoGradGuard no_grad;
      Tensor last;
      for (std::int64_t i = backward; i < forward; ++i) last = net(x);
      const at::AutoGradMode enable(true);
      for (std::int64_t i = 0; i < backward; ++i) last = bench::limit::gradient(net, x, 3);
      return last;
    };
    all.push_back({.name = entry.name,
                   .ours = [ours] { return ours().map.front(); },
                   .limit = passes,
                   .tolerance = -1});
  }
  return bench::run_comparisons(argc, argv, all);
}
