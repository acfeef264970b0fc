// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/ablation/feature_permutation.hpp>

#include <doctest/doctest.h>

#include <set>

#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::FeaturePermutation;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("each sample gets the feature of exactly one other, in any chunks") {
  const Tensor x = nets::random({5, 4}, 971);
  const auto first = [](const Tensor& at) { return at.select(1, 0) * 2.0; };
  for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{1} << 30}) {
    FeaturePermutation method{.seed = 3};
    method.run.memory = bytes;
    const auto why = method(first, x, target::Output{});
    // of a model that reads one feature, the answer tells where it came from
    const Tensor taken = x.select(1, 0) - why.map.select(1, 0) / 2;
    std::set<std::int64_t> sources;
    for (std::int64_t s = 0; s < 5; ++s) {
      const Tensor hit = (x.select(1, 0) - taken[s]).abs() < 1e-12;
      DOCTEST_REQUIRE(hit.sum().item<std::int64_t>() == 1);
      DOCTEST_CHECK(!hit[s].item<bool>());
      sources.insert(hit.nonzero().item<std::int64_t>());
    }
    DOCTEST_CHECK(sources.size() == 5);
    DOCTEST_CHECK(why.map.narrow(1, 1, 3).abs().max().item<double>() == 0.0);
    DOCTEST_CHECK(why.forward_passes == 5);
  }
}

DOCTEST_TEST_CASE("many draws come to the mean over other samples, within the error that is told") {
  const nets::Linear net;
  const Tensor x = nets::random({4, 5}, 972);
  const auto why = FeaturePermutation{.samples = 2000}(net, x, target::Class{1});
  const Tensor mean = (x.sum(0, true) - x) / 3, expected = (x - mean) * net.weights[1];
  const Tensor away = ((why.map - expected) / why.standard_error).abs();
  DOCTEST_CHECK(away.max().item<double>() < 4.0);
  DOCTEST_CHECK(why.standard_error.max().item<double>() < 0.1);
}

DOCTEST_TEST_CASE(
    "groups span inputs; targets share passes; a layer sees the whole batch whatever the budget") {
  const nets::TwoInputs two;
  const std::tuple x{nets::random({2, 4}, 973), nets::random({2, 1, 4, 4}, 974)};
  const FeaturePermutation method{
      .groups = {at::zeros({1, 4}, at::kLong), at::tensor(0, at::kLong).squeeze()}};
  const auto why = method(two, x, lm::Targets{target::Class{0}, target::Class{1}});
  const auto& [a, b] = x;
  const Tensor change = two(a, b) - two(a.flip(0), b.flip(0));  // of two samples there is one cycle
  DOCTEST_CHECK(all_close(std::get<0>(why[1].map).select(1, 2), change.select(1, 1), 1e-12));
  DOCTEST_CHECK(
      all_close(std::get<1>(why[0].map).select(1, 0).select(1, 3).select(1, 3), change.select(1, 0), 1e-12));

  const nets::ConvNet net;
  const Tensor image = nets::random({3, 1, 8, 8}, 975);
  const auto at = [&](std::int64_t bytes) {
    FeaturePermutation inner{.groups = {at::arange(6, at::kLong).reshape({1, 6, 1, 1})}};
    inner.run.memory = bytes;
    return lm::AtLayer{.method = inner, .layer = lm::layer::of(net.conv2)}(net, image, target::Class{2}).map;
  };
  DOCTEST_CHECK(all_close(at(1), at(std::int64_t{1} << 30), 1e-12));
  DOCTEST_CHECK(at(1).abs().max().item<double>() > 1e-4);
}

DOCTEST_TEST_CASE("a sample alone has nobody to take features from") {
  const nets::Linear net;
  const auto message = [&](const FeaturePermutation& method, std::int64_t n) {
    return message_of([&] { (void)method(net, nets::random({n, 5}, 976), target::Class{0}); });
  };
  DOCTEST_CHECK(holds(message({}, 1), "which has one alone"));
  DOCTEST_CHECK(holds(message({.samples = 0}, 2), "samples is 0"));
  DOCTEST_CHECK(holds(message({.groups = {at::zeros({3, 5}, at::kLong)}}, 2), "mask of groups"));
}
