// SPDX-License-Identifier: BSD-3-Clause
// Passes that compute what a region changes, against the model's own: the same scores for every border position, on
// networks of all kinds.
#include <lumen/perturb/incremental.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/nets.hpp"
#include "support/random_nets.hpp"

namespace lm = lumen;
namespace target = lumen::target;
using lumen::Passes;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::drawn_net;
using lumen::testing::nets::random;
using lumen::testing::nets::weight;
using Net = std::function<Tensor(const Tensor&)>;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  const double scale = std::max(b.abs().max().item<double>(), 1e-30);
  return (a - b).abs().max().item<double>() / scale;
}

/// The largest difference of two ways, relative to the largest value of the map.
template <class Method>
double error_of(Method method, const Net& net, const Tensor& x, const Targets& targets,
                bool* incremental = nullptr, std::string* why = nullptr) {
  method.run.passes = Passes::Incremental;
  const auto fast = method(net, x, targets);
  method.run.passes = Passes::Whole;
  const auto slow = method(net, x, targets);
  double most = 0.0;
  for (std::size_t t = 0; t < targets.size(); ++t)
    most = std::max(most, difference(fast[t].map, slow[t].map));
  if (incremental != nullptr) *incremental = fast[0].execution.incremental;
  if (why != nullptr) *why = fast[0].execution.why;
  return most;
}

}  // namespace

DOCTEST_TEST_CASE(
    "occlusion of random local networks, all border positions, dense targets of a part and of all") {
  int confined = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto height = static_cast<std::int64_t>(9 + seed % 12),
               width = static_cast<std::int64_t>(9 + seed % 7);
    const auto net = drawn_net(seed, height, width);
    DOCTEST_CAPTURE(seed);
    DOCTEST_CAPTURE(net.text);
    const Tensor x = random({2, 2, height, width}, seed);
    const Tensor output = net.run(x);
    Tensor part = at::zeros({output.size(2), output.size(3)}, at::kBool);
    part.narrow(0, output.size(2) / 2, 1).narrow(1, 0, 2).fill_(true);
    const lm::Occlusion<> method{.window = {{3, 2}}, .stride = {{2, 1}}};
    const Targets all{
        target::Region{.channel = 1, .mask = at::ones({output.size(2), output.size(3)}, at::kBool)}};
    const Targets some{target::Softmax{target::Region{.channel = 0, .mask = part}},
                       target::Pixel{.channel = 1, .row = output.size(2) / 2, .column = 0}};
    bool incremental = false;
    std::string why;
    DOCTEST_CHECK(error_of(method, net.run, x, all, &incremental, &why) < 1e-12);
    DOCTEST_CHECK_MESSAGE(incremental, why);
    DOCTEST_CHECK(error_of(method, net.run, x, some) < 1e-12);
    confined += incremental ? 1 : 0;
  }
  DOCTEST_CHECK(confined == 60);
}
