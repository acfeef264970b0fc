// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/gradient/saliency.hpp>

#include <doctest/doctest.h>

#include <lumen/engine/method.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Saliency;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<Saliency>);

DOCTEST_TEST_CASE("Example") {
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 12, 12}, 1);
  //! [saliency]
  const auto why = lumen::Saliency{}(net, image, lumen::target::ClassRegion{.channel = 1});
  const Tensor map = why.map;      // [1, 1, 12, 12]: |dF/dx| of every pixel
  const Tensor score = why.score;  // [1]: F(x), the sum of channel 1 over the pixels predicted as class 1
  //! [saliency]
  DOCTEST_CHECK(map.sizes() == image.sizes());
  DOCTEST_CHECK(all_close(score, target::ClassRegion{.channel = 1}(net(image))));
}

DOCTEST_TEST_CASE("the signed map is the gradient, the default its magnitude") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 2);
  const auto why = Saliency{.absolute = false}(net, x, target::Class{.index = 2});
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto score = [&](const Tensor& one) { return net(one).select(1, 2); };
    DOCTEST_CHECK(
        all_close(why.map.narrow(0, i, 1), lumen::testing::oracle::gradient(score, x.narrow(0, i, 1))));
  }
  DOCTEST_CHECK(why.map.min().item<double>() < 0);
  DOCTEST_CHECK(all_close(Saliency{}(net, x, target::Class{.index = 2}).map, why.map.abs()));
  DOCTEST_CHECK(why.forward_passes == 1);
  DOCTEST_CHECK(why.backward_passes == 1);
  DOCTEST_CHECK_FALSE(why.completeness_error.defined());
}

DOCTEST_TEST_CASE("several targets share one forward pass") {
  const nets::ConvNet net;
  int calls = 0;
  const auto counted = [&](const Tensor& x) {
    ++calls;
    return net(x);
  };
  const Tensor x = nets::random({1, 1, 8, 8}, 3);
  const auto all =
      Saliency{}(counted, x, lumen::Targets{target::Class{0}, target::Class{1}, target::Class{2}});
  DOCTEST_CHECK(calls == 1);
  DOCTEST_REQUIRE(all.size() == 3);
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto one = Saliency{}(net, x, target::Class{.index = c});
    DOCTEST_CHECK(all_close(all[static_cast<std::size_t>(c)].map, one.map));
    DOCTEST_CHECK(all_close(all[static_cast<std::size_t>(c)].score, one.score));
  }
}

DOCTEST_TEST_CASE("a region is frozen for each sample of a batch, also when the batch is split") {
  const nets::Segmentation net;
  const Tensor x = nets::random({4, 1, 7, 7}, 4);
  const auto whole = Saliency{}(net, x, target::ClassRegion{.channel = 1});
  const auto split = Saliency{.run = {.memory = 1}}(net, x, target::ClassRegion{.channel = 1});
  DOCTEST_CHECK(all_close(whole.map, split.map));
  DOCTEST_CHECK(all_close(whole.score, split.score));
}

DOCTEST_TEST_CASE("an empty list of targets is an error") {
  const nets::ConvNet net;
  DOCTEST_CHECK_THROWS_WITH_AS((void)Saliency{}(net, nets::random({1, 1, 8, 8}, 1), lumen::Targets{}),
                               doctest::Contains("list of targets is empty"), lumen::Error);
}
