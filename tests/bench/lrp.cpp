// SPDX-License-Identifier: BSD-3-Clause
// What LRP and excitation backprop cost on ResNet-18 at 224, over a plain forward and backward pass.
#include <ATen/CPUGeneratorImpl.h>

#include <string>
#include <vector>

#include <lumen/attribution/relevance/excitation_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>

#include "bench/comparison.hpp"
#include "bench/limit.hpp"
#include "bench/nets.hpp"

namespace bench = lumen::bench;
namespace lrp = lumen::rule::lrp;
using lumen::Tensor;

int main(int argc, char** argv) {
  const bench::Weights weights = bench::ResNet18::weights();
  const bench::ResNet18 net(weights);
  at::Generator source = at::detail::createCPUGenerator(1);
  const Tensor x = at::randn({1, 3, 224, 224}, source, at::TensorOptions(at::kFloat));
  const lumen::target::Class question{.index = 3};
  const auto plain = [&] { return bench::limit::gradient(net, x, 3); };
  std::vector<bench::Comparison> all;
  const auto add = [&](const std::string& name, const auto& method) {
    all.push_back({.name = name + "-resnet18",
                   .ours = [&, method] { return method(net, x, question).map; },
                   .limit = plain,
                   .tolerance = -1});
  };
  const auto composite = [&](const std::string& name, const lumen::rule::Composite& given) {
    add("lrp-" + name, lumen::Lrp{.composite = given});
  };
  composite("epsilon", lrp::uniform(lrp::Epsilon{}));
  composite("epsilon-plus", lrp::EpsilonPlus{});
  composite("epsilon-plus-flat", lrp::EpsilonPlusFlat{});
  composite("epsilon-alpha2-beta1", lrp::EpsilonAlpha2Beta1{});
  composite("epsilon-gamma-box", lrp::EpsilonGammaBox{.low = -6.0, .high = 6.0});
  add("excitation-backprop", lumen::ExcitationBackprop{});
  add("excitation-backprop-contrastive", lumen::ExcitationBackprop{.contrastive = true});
  return bench::run_comparisons(argc, argv, all);
}
