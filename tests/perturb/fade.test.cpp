// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/fade.hpp>

#include <cmath>

#include <doctest/doctest.h>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

using lumen::Tensor;
using lumen::perturb::Fade;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("a bright bar on even ground fades into it where it is asked to") {
  Tensor image = at::full({1, 24, 30}, 0.25, at::kDouble), bar = at::zeros({24, 30}, at::kBool);
  bar.slice(0, 10, 13).fill_(true);
  image.masked_fill_(bar, 0.75);
  const Fade fade{.reach = 4.0, .border = 0};
  const Tensor gone = fade(image, bar, 11, 15, 1.0);
  DOCTEST_CHECK(gone[0][11][15].item<double>() == doctest::Approx(0.25));
  // the definition, at a place away from the middle
  const double share = std::exp(-(1.0 + 25.0) / 32.0);
  DOCTEST_CHECK(gone[0][10][20].item<double>() == doctest::Approx(0.75 - share * 0.5));
  const Tensor half = fade(image, bar, 11, 15, 0.5);
  DOCTEST_CHECK(all_close(half - image, 0.5 * (gone - image), 1e-12));
  DOCTEST_CHECK(
      all_close(gone.masked_select(bar.logical_not()), image.masked_select(bar.logical_not()), 1e-12));
  DOCTEST_CHECK(at::equal(fade(image, bar, 11, 15, 0.0), image));
}

DOCTEST_TEST_CASE("the border widens what fades, and no more") {
  const Tensor image = lumen::testing::nets::random({2, 20, 20}, 3).abs();
  Tensor region = at::zeros({20, 20}, at::kLong);
  region.slice(0, 8, 11).slice(1, 8, 11).fill_(1);
  const Tensor changed = Fade{.border = 2}(image, region, 9, 9, 1.0).ne(image);
  Tensor wide = at::zeros({20, 20}, at::kBool);
  wide.slice(0, 6, 13).slice(1, 6, 13).fill_(true);
  DOCTEST_CHECK(at::equal(changed[0], wide));
  DOCTEST_CHECK(at::equal(changed[1], wide));
}

DOCTEST_TEST_CASE("fades that cannot be are refused") {
  const Tensor image = at::zeros({1, 4, 4});
  DOCTEST_CHECK(
      holds(message_of([&] { (void)Fade{}(image, at::zeros({4, 5}), 0, 0, 0.5); }), "and a region [4, 5]"));
  DOCTEST_CHECK(holds(message_of([&] { (void)Fade{}(image, at::zeros({4, 4}), 0, 0, 1.5); }),
                      "`share` lies in [0, 1]"));
}
