// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/bootstrap.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

using lumen::metric::Bootstrap;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

double normal(std::uint64_t seed, std::int64_t at) {
  return std::sqrt(-2 * std::log(1 - lumen::uniform(seed, at, 0))) *
         std::cos(2 * std::acos(-1.0) * lumen::uniform(seed, at, 1));
}

}  // namespace

DOCTEST_TEST_CASE("Bootstrap: of one run the interval is the normal one for many values") {
  std::vector<double> values;
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < 400; ++i) values.push_back(3 + 2 * normal(1, i));
  for (const double v : values) sum += v / 400;
  for (const double v : values) squares += (v - sum) * (v - sum) / 400;
  const double half = 1.96 * std::sqrt(squares / 400);
  const auto found = Bootstrap{.draws = 4000}(values);
  DOCTEST_CHECK(found.mean == doctest::Approx(sum).epsilon(1e-12));
  DOCTEST_CHECK(found.low == doctest::Approx(sum - half).epsilon(0.01));
  DOCTEST_CHECK(found.high == doctest::Approx(sum + half).epsilon(0.01));
  const auto narrow = Bootstrap{.level = 0.5, .draws = 4000}(values);
  DOCTEST_CHECK((narrow.high - narrow.low) / (found.high - found.low) ==
                doctest::Approx(0.6745 / 1.96).epsilon(0.06));
}

DOCTEST_TEST_CASE("Bootstrap: it covers the mean about as often as it says") {
  int covered = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < 30; ++i) values.push_back(normal(trial + 10, i));
    const auto found = Bootstrap{.level = 0.9, .draws = 300, .seed = trial}(values);
    covered += found.low <= 0 && 0 <= found.high ? 1 : 0;
  }
  DOCTEST_CHECK(covered >= 165);
  DOCTEST_CHECK(covered <= 195);
}

DOCTEST_TEST_CASE("Bootstrap: runs that differ widen the interval, which images alone would not show") {
  std::vector<std::vector<double>> runs(8), alike(8);
  for (std::size_t r = 0; r < 8; ++r)
    for (std::int64_t i = 0; i < 50; ++i) {
      runs[r].push_back(normal(2, i) + 3 * normal(3, static_cast<std::int64_t>(r)));
      alike[r].push_back(normal(2, i));
    }
  const auto wide = Bootstrap{}(runs), narrow = Bootstrap{}(alike), one = Bootstrap{}(alike.front());
  DOCTEST_CHECK(wide.high - wide.low > 4 * (narrow.high - narrow.low));
  DOCTEST_CHECK(narrow.high - narrow.low == doctest::Approx(one.high - one.low).epsilon(0.1));
  DOCTEST_CHECK(wide.low < wide.mean);
  DOCTEST_CHECK(wide.mean < wide.high);
}

DOCTEST_TEST_CASE("Bootstrap: what the docs show") {
  //! [bootstrap]
  const std::vector<std::vector<double>> plain{{0.71, 0.64, 0.80},
                                               {0.73, 0.60, 0.81}},  // two seeds, three images
      other{{0.74, 0.66, 0.83}, {0.75, 0.64, 0.82}};
  std::vector<std::vector<double>> gain = other;
  for (std::size_t run = 0; run < gain.size(); ++run)
    for (std::size_t item = 0; item < gain[run].size(); ++item) gain[run][item] -= plain[run][item];
  const lumen::metric::MeanInterval found = lumen::metric::Bootstrap{}(gain);  // of the mean gain
  //! [bootstrap]
  DOCTEST_CHECK(found.mean == doctest::Approx(0.025));
  DOCTEST_CHECK(found.low > 0);
  DOCTEST_CHECK(found.high < 0.05);
}

DOCTEST_TEST_CASE("Bootstrap: the seed alone decides, and bad values are refused") {
  const std::vector<double> values{1, 2, 4};
  const auto a = Bootstrap{.seed = 1}(values), b = Bootstrap{.seed = 1}(values);
  DOCTEST_CHECK(a.low == b.low);
  DOCTEST_CHECK(a.high == b.high);
  const auto constant = Bootstrap{}(std::vector<double>{2, 2});
  DOCTEST_CHECK(constant.low == 2);
  DOCTEST_CHECK(constant.high == 2);
  const auto refused = [](const Bootstrap& bootstrap, const std::vector<std::vector<double>>& runs) {
    return message_of([&] { (void)bootstrap(runs); });
  };
  DOCTEST_CHECK(holds(refused({}, {}), "no values"));
  DOCTEST_CHECK(holds(refused({}, {{1, 2}, {1}}), "one run has 1 values, the first 2"));
  DOCTEST_CHECK(holds(refused({}, {{1, std::numeric_limits<double>::quiet_NaN()}}), "not finite"));
  DOCTEST_CHECK(holds(refused({.level = 1}, {{1}}), "level 1"));
  DOCTEST_CHECK(holds(refused({.draws = 10}, {{1}}), "10 draws"));
}
