// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/schedule.hpp>

#include <vector>

#include <doctest/doctest.h>

using lumen::train::Cosine;
using lumen::train::CosineRestarts;
using lumen::train::History;
using lumen::train::Plateau;

static_assert(lumen::train::Schedule<Plateau> && lumen::train::Schedule<Cosine>);

namespace {

History losses(const std::vector<double>& values) {
  History history;
  for (const double value : values) history.push_back({.train_loss = value});
  return history;
}

}  // namespace

DOCTEST_TEST_CASE("Plateau: the rule of ReduceLROnPlateau") {
  const Plateau plateau{.factor = 0.5, .patience = 2, .threshold = 0.1, .lowest = 0.3};
  DOCTEST_CHECK(plateau(1.0, {}) == 1.0);
  DOCTEST_CHECK(plateau(1.0, losses({5, 4, 3, 2})) == 1.0);
  DOCTEST_CHECK(plateau(1.0, losses({5, 5, 5})) == 1.0);     // two epochs without progress are forgiven
  DOCTEST_CHECK(plateau(1.0, losses({5, 5, 5, 5})) == 0.5);  // the third is not
  DOCTEST_CHECK(plateau(1.0, losses({5, 4.6, 4.55, 4.51})) == 0.5);  // falls of less than a tenth are none
  DOCTEST_CHECK(plateau(1.0, losses({5, 5, 5, 4, 4, 4})) == 1.0);    // progress starts the count anew
  DOCTEST_CHECK(plateau(1.0, losses({5, 5, 5, 5, 5, 5})) == 0.5);
  DOCTEST_CHECK(plateau(1.0, losses({5, 5, 5, 5, 5, 5, 5})) == 0.3);  // not 0.25
  DOCTEST_CHECK(plateau(0.1, losses({5, 5, 5, 5, 5, 5, 5})) == 0.1);  // never raised
}

DOCTEST_TEST_CASE("Cosine: from the first rate to the last") {
  const Cosine cosine{.epochs = 4, .last = 0.2};
  DOCTEST_CHECK(cosine(1.0, {}) == doctest::Approx(1.0));
  DOCTEST_CHECK(cosine(1.0, losses({1, 1})) == doctest::Approx(0.6));
  DOCTEST_CHECK(cosine(2.0, losses({1, 1, 1, 1})) == doctest::Approx(0.4));
  DOCTEST_CHECK(cosine(2.0, losses({1, 1, 1, 1, 1})) == doctest::Approx(0.4));
}

DOCTEST_TEST_CASE("Cosine: by the clock where that is ahead") {
  const Cosine cosine{.epochs = 10, .last = 0.0, .seconds = 8};
  DOCTEST_CHECK(cosine(1.0, {{.seconds = 0.1}}) == Cosine{.epochs = 10, .last = 0.0}(1.0, losses({1})));
  DOCTEST_CHECK(cosine(1.0, {{.seconds = 4.0}}) == doctest::Approx(0.5));
}

DOCTEST_TEST_CASE("CosineRestarts: each fall starts at the first rate and is longer than the one before") {
  const CosineRestarts restarts{.period = 2, .growth = 3, .last = 0.1};
  const auto rate = [&](std::size_t epochs) {
    return restarts(2.0, losses(std::vector<double>(epochs, 1.0)));
  };
  for (const std::size_t start : {0, 2, 8, 26}) DOCTEST_CHECK(rate(start) == doctest::Approx(2.0));
  DOCTEST_CHECK(rate(1) == doctest::Approx(2.0 * 0.55));
  DOCTEST_CHECK(rate(5) == doctest::Approx(2.0 * 0.55));
  DOCTEST_CHECK(rate(17) == doctest::Approx(2.0 * 0.55));
  DOCTEST_CHECK(rate(7) < rate(6));
  const Cosine one{.epochs = 6, .last = 0.1};
  for (std::size_t i = 0; i < 6; ++i)
    DOCTEST_CHECK(rate(2 + i) == doctest::Approx(one(2.0, losses(std::vector<double>(i, 1.0)))));
  DOCTEST_CHECK_THROWS_AS((void)(CosineRestarts{.period = 0}(1.0, {})), lumen::Error);
}
