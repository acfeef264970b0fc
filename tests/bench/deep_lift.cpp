// SPDX-License-Identifier: BSD-3-Clause
// What DeepLIFT costs on ResNet-18 at 224 over the passes that it cannot do without.
#include <ATen/CPUGeneratorImpl.h>

#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/target/element.hpp>

#include "bench/comparison.hpp"
#include "bench/limit.hpp"
#include "bench/nets.hpp"

namespace bench = lumen::bench;
using lumen::Tensor;

int main(int argc, char** argv) {
  const bench::Weights weights = bench::ResNet18::weights();
  const bench::ResNet18 net(weights);
  at::Generator source = at::detail::createCPUGenerator(1);
  const auto picture = [&] { return at::randn({1, 3, 224, 224}, source, at::TensorOptions(at::kFloat)); };
  const Tensor x = picture(), other = picture();
  const lumen::target::Class question{.index = 3};
  const auto ours = [&](const auto& rule) {
    return [&, rule] {
      const lumen::DeepLift<lumen::baseline::Given, std::decay_t<decltype(rule)>> method{.baseline = {other},
                                                                                         .rule = rule};
      return method(net, x, question).map;
    };
  };
  // forward and backward of [x; x'], whose operators are not rewritten
  const auto doubled = [&] { return bench::limit::gradient(net, at::cat({x, other}), 3); };
  // two forward passes and one backward pass
  const auto separate = [&] {
    {
      const at::NoGradGuard no_grad;
      (void)net(other);
    }
    return bench::limit::gradient(net, x, 3);
  };
  return bench::run_comparisons(argc, argv,
                                {{.name = "deep-lift-resnet18, doubled batch",
                                  .ours = ours(lumen::rule::Rescale{}),
                                  .limit = doubled,
                                  .over_limit = 1.25,
                                  .tolerance = -1},
                                 {.name = "deep-lift-resnet18, two passes",
                                  .ours = ours(lumen::rule::Rescale{}),
                                  .limit = separate,
                                  .tolerance = -1},
                                 {.name = "deep-lift-reveal-cancel-resnet18",
                                  .ours = ours(lumen::rule::RevealCancel{}),
                                  .limit = doubled,
                                  .tolerance = -1}});
}
