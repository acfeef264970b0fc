// SPDX-License-Identifier: BSD-3-Clause
// How the layout of a CAM is written where options are words.
#include <lumen/catalogue/cam_options.hpp>

#include <doctest/doctest.h>

#include <string>

#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Layout;
using lumen::Tensor;
using lumen::catalogue::parsed;
using lumen::testing::holds;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("a layout in words is that layout") {
  const Tensor last = nets::random({2, 3, 5, 4}, 1), tokens = nets::random({2, 17, 4}, 2);
  DOCTEST_CHECK_FALSE(parsed<Layout>("as-found").given());
  DOCTEST_CHECK(at::equal(parsed<Layout>("channels-first")(last), last));
  DOCTEST_CHECK(parsed<Layout>("channels-first").given());
  DOCTEST_CHECK(at::equal(parsed<Layout>("channels-last")(last), last.permute({0, 3, 1, 2})));
  DOCTEST_CHECK(at::equal(parsed<Layout>("tokens")(tokens), lumen::layout::Tokens{}(tokens)));
  DOCTEST_CHECK(parsed<Layout>("tokens:2x8")(tokens).sizes() == at::IntArrayRef({2, 4, 2, 8}));
  DOCTEST_CHECK(parsed<Layout>("tokens:3x5+2")(tokens).sizes() == at::IntArrayRef({2, 4, 3, 5}));
  DOCTEST_CHECK(parsed<Layout>("tokens+1")(tokens).sizes() == at::IntArrayRef({2, 4, 4, 4}));
  for (const char* wrong : {"", "channels", "tokens:", "tokens:4", "tokens:4x4x4", "tokens4x4", "tokens:+1",
                            "tokens+1+1", "tokens:ax4", "Tokens"}) {
    DOCTEST_CAPTURE(wrong);
    DOCTEST_CHECK_FALSE(message_of([&] { (void)parsed<Layout>(wrong); }).empty());
  }
  DOCTEST_CHECK(holds(message_of([&] { (void)parsed<Layout>("tokens:2x9")(tokens); }), "a grid of 2 x 9"));
}
