// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/schedule.hpp>

#include <vector>

#include <doctest/doctest.h>

using lumen::train::Cosine;
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
