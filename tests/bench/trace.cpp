// SPDX-License-Identifier: BSD-3-Clause
// What observing and rewriting the operators of ResNet-18 at 224 costs over its plain forward and backward pass.
#include <ATen/CPUGeneratorImpl.h>

#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/target/element.hpp>
#include <lumen/trace/observe.hpp>

#include "bench/comparison.hpp"
#include "bench/limit.hpp"
#include "bench/nets.hpp"

namespace bench = lumen::bench;
using lumen::Tensor;
using lumen::Tensors;

int main(int argc, char** argv) {
  const bench::Weights weights = bench::ResNet18::weights();
  const bench::ResNet18 net(weights);
  at::Generator source = at::detail::createCPUGenerator(1);
  const Tensor x = at::randn({1, 3, 224, 224}, source, at::TensorOptions(at::kFloat));
  const auto plain = [&] { return bench::limit::gradient(net, x, 3); };
  const auto observed = [&] {
    Tensor gradient;
    const auto operations = lumen::trace::observe([&] { gradient = bench::limit::gradient(net, x, 3); });
    lumen::require(operations.size() > 60, "the operators were not seen");
    return gradient;
  };
  // the same numbers by rules: each rectifier's own gradient, from a node of lumen's
  const auto rewritten = [&] {
    lumen::rule::Composite composite = lumen::rule::rectifier_composite(
        "plain", [](const lumen::rule::Record& record, const Tensors& gradients) {
          return lumen::rule::only(record, 0, at::threshold_backward(gradients[0], record.outputs[0], 0));
        });
    lumen::rule::Pass pass(composite);
    const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
    return lumen::engine::differentiate(pass.bind(model), {x},
                                        pass.bind(lumen::Targets{lumen::target::Class{.index = 3}}), true)
        .gradients[0][0];
  };
  const auto guided = [&] { return lumen::GuidedBackprop{}(net, x, lumen::target::Class{.index = 3}).map; };
  return bench::run_comparisons(
      argc, argv,
      {{.name = "observe-resnet18", .ours = observed, .limit = plain, .over_limit = 1.10},
       {.name = "rewrite-resnet18", .ours = rewritten, .limit = plain, .over_limit = 1.10},
       {.name = "guided-backprop-resnet18",
        .ours = guided,
        .limit = plain,
        .over_limit = 1.10,
        .tolerance = -1}});
}
