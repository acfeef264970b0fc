// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/combine/pipe.hpp>

#include <doctest/doctest.h>

#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;

DOCTEST_TEST_CASE("Example") {
  const nets::Residual net;
  const Tensor image = nets::random({2, 2, 6, 6}, 1);
  namespace lm = lumen;
  //! [pipe]
  const auto method = lm::IntegratedGradients{.steps = 20} | lm::SumChannels{} | lm::PositivePart{};
  const Tensor map = method(net, image, lm::target::Class{.index = 1}).map;  // [2, 1, 6, 6], >= 0
  //! [pipe]
  static_assert(lm::Method<decltype(lm::IntegratedGradients{} | lm::SumChannels{})>);
  const auto plain = lm::IntegratedGradients{.steps = 20}(net, image, lm::target::Class{.index = 1});
  DOCTEST_CHECK(all_close(map, plain.map.sum(1, true).clamp_min(0)));
}

DOCTEST_TEST_CASE("what is known of the attribution stays, but for the standard error") {
  const nets::Residual net;
  const Tensor x = nets::random({2, 2, 6, 6}, 2);
  const auto smooth = lumen::Smooth{.method = lumen::IntegratedGradients{.steps = 4}, .samples = 3};
  const auto before = smooth(net, x, target::Class{});
  const auto after = (smooth | lumen::SumChannels{})(net, x, target::Class{});
  DOCTEST_CHECK(all_close(after.completeness_error, before.completeness_error));
  DOCTEST_CHECK(all_close(after.score, before.score));
  DOCTEST_CHECK(after.forward_passes == before.forward_passes);
  DOCTEST_CHECK_FALSE(after.standard_error.defined());
  DOCTEST_CHECK(all_close(after.map.flatten(1).sum(1), before.map.flatten(1).sum(1)));
}

DOCTEST_TEST_CASE("parts and magnitude; a functor of one's own; smoothing a piped method passes its run on") {
  const Tensor map = nets::random({2, 3, 4}, 3);
  DOCTEST_CHECK(all_close(lumen::PositivePart{}(map)-lumen::NegativePart{}(map), map));
  DOCTEST_CHECK(all_close(lumen::PositivePart{}(map) + lumen::NegativePart{}(map), lumen::Magnitude{}(map)));
  const nets::Residual net;
  const Tensor x = nets::random({2, 2, 6, 6}, 4);
  const auto doubled = lumen::Saliency{} | [](const Tensor& m) { return m * 2; };
  DOCTEST_CHECK(
      all_close(doubled(net, x, target::Class{}).map, lumen::Saliency{}(net, x, target::Class{}).map * 2));

  std::int64_t most = 0;
  const auto watched = [&](const Tensor& v) {
    most = std::max(most, v.size(0));
    return net(v);
  };
  lumen::Smooth smooth{.method = lumen::IntegratedGradients{.steps = 4} | lumen::SumChannels{}, .samples = 3};
  smooth.run.memory = 1;
  (void)smooth(watched, x, target::Class{});
  DOCTEST_CHECK(most == 1);
}

DOCTEST_TEST_CASE("channels are needed to be summed") {
  DOCTEST_CHECK_THROWS_WITH_AS((void)lumen::SumChannels{}(at::ones({3})),
                               doctest::Contains("SumChannels needs"), lumen::Error);
}
