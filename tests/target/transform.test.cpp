// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/target/transform.hpp>

#include <doctest/doctest.h>

#include <lumen/target/element.hpp>
#include <lumen/target/logit.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

using lumen::Error;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::nets::random;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;
using target::Class;
using target::ClassRegion;
using target::Logit;
using target::LogOdds;
using target::Margin;
using target::Softmax;

namespace {

static_assert(lumen::Target<Softmax<Class>> && lumen::detail::RowWise<Softmax<Class>>);
static_assert(!lumen::detail::Freezable<Softmax<Class>> && lumen::detail::Freezable<Softmax<ClassRegion>>);
static_assert(lumen::detail::Freezable<LogOdds<ClassRegion>> && lumen::detail::RowWise<LogOdds<Class>>);
static_assert(lumen::detail::Freezable<Margin<Class, ClassRegion>> &&
              !lumen::detail::Freezable<Margin<Class, Class>>);
using Plain = Tensor (*)(const Tensor&);
static_assert(lumen::Target<Margin<Class, Plain>> && !lumen::detail::RowWise<Margin<Class, Plain>>);
static_assert(!lumen::detail::RowWise<Softmax<Plain>>);

/// e^z_c / sum of e^z_k in long double.
long double probability(const Tensor& row, std::int64_t c) {
  long double sum = 0.0L;
  for (std::int64_t k = 0; k < row.size(0); ++k) {
    sum += std::exp(static_cast<long double>(row[k].item<double>()) -
                    static_cast<long double>(row[c].item<double>()));
  }
  return 1.0L / sum;
}

/// log p / (1 - p), from sums of exponentials in long double.
double log_odds(const Tensor& row, std::int64_t c) {
  long double others = 0.0L;
  for (std::int64_t k = 0; k < row.size(0); ++k) {
    if (k != c)
      others += std::exp(static_cast<long double>(row[k].item<double>()) -
                         static_cast<long double>(row[c].item<double>()));
  }
  return static_cast<double>(-std::log(others));
}

/// The gradient of the summed scores.
template <class T>
Tensor gradient(const T& question, const Tensor& output) {
  const Tensor leaf = output.detach().clone().requires_grad_(true);
  return torch::autograd::grad({question(leaf).sum()}, {leaf}).front();
}

const Tensor scores = random({6, 4}, 1, 3.0);
const Tensor extreme =
    at::tensor({1000., -1000., 0., 100., -100., 0., -100.,  -100.,  100.,  //
                1000., 1000.,  0., 0.,   0.,    0., -1000., -1000., -1000., -3., 1000., 999., 1e5, -1e5, 0.},
               at::kDouble)
        .reshape({8, 3});

}  // namespace

DOCTEST_TEST_CASE("Softmax and LogOdds agree with the direct formulas") {
  for (std::int64_t c = 0; c < 4; ++c) {
    const Tensor p = Softmax{Class{.index = c}}(scores), odds = LogOdds{Class{.index = c}}(scores);
    for (std::int64_t i = 0; i < scores.size(0); ++i) {
      DOCTEST_CHECK(p[i].item<double>() ==
                    doctest::Approx(static_cast<double>(probability(scores[i], c))).epsilon(1e-13));
      DOCTEST_CHECK(odds[i].item<double>() == doctest::Approx(log_odds(scores[i], c)).epsilon(1e-12));
      DOCTEST_CHECK(odds[i].item<double>() ==
                    doctest::Approx(std::log(p[i].item<double>() / (1 - p[i].item<double>()))).epsilon(1e-9));
    }
  }
}

DOCTEST_TEST_CASE("extreme outputs: right and finite values, finite gradients") {
  for (std::int64_t c = 0; c < 3; ++c) {
    const LogOdds<Class> odds{Class{.index = c}};
    const Softmax<Class> p{Class{.index = c}};
    const Tensor got = odds(extreme);
    for (std::int64_t i = 0; i < extreme.size(0); ++i) {
      const double expected = log_odds(extreme[i], c);
      DOCTEST_CAPTURE(i);
      DOCTEST_CAPTURE(c);
      if (std::isfinite(expected))
        DOCTEST_CHECK(got[i].item<double>() == doctest::Approx(expected).epsilon(1e-12));
    }
    DOCTEST_CHECK(at::isfinite(got).all().item<bool>());
    DOCTEST_CHECK(at::isfinite(gradient(odds, extreme)).all().item<bool>());
    DOCTEST_CHECK(at::isfinite(p(extreme)).all().item<bool>());
    DOCTEST_CHECK(at::isfinite(gradient(p, extreme)).all().item<bool>());
    // the log-odds rise by one with their own class, and fall by one in all with the others
    DOCTEST_CHECK(all_close(gradient(odds, extreme).select(1, c), at::ones({8}, at::kDouble), 1e-9));
    DOCTEST_CHECK(all_close(gradient(odds, extreme).sum(1), at::zeros({8}, at::kDouble), 1e-9));
    const Tensor single = extreme.to(at::kFloat);
    DOCTEST_CHECK(at::isfinite(odds(single)).all().item<bool>());
    DOCTEST_CHECK(at::isfinite(gradient(odds, single)).all().item<bool>());
  }
}

DOCTEST_TEST_CASE("gradients agree with central differences") {
  for (std::int64_t c = 0; c < 4; ++c) {
    for (std::int64_t i = 0; i < 3; ++i) {
      const Tensor row = scores.narrow(0, i, 1);
      const Softmax<Class> p{Class{.index = c}};
      const LogOdds<Class> odds{Class{.index = c}};
      DOCTEST_CHECK(all_close(gradient(p, row), oracle::finite_differences(p, row), 1e-8));
      DOCTEST_CHECK(all_close(gradient(odds, row), oracle::finite_differences(odds, row), 1e-7));
    }
  }
}

DOCTEST_TEST_CASE("ties, and two classes: the log-odds are the margin") {
  const Tensor two = random({5, 2}, 2, 50.0);
  DOCTEST_CHECK(all_close(LogOdds{Class{.index = 1}}(two), two.select(1, 1) - two.select(1, 0), 1e-12));
  const Tensor tied = at::full({1, 2}, 7.0, at::kDouble);
  for (std::int64_t c = 0; c < 2; ++c) {
    DOCTEST_CHECK(std::abs(LogOdds{Class{.index = c}}(tied).item<double>()) < 1e-14);
    DOCTEST_CHECK(std::abs(gradient(LogOdds{Class{.index = c}}, tied)[0][c].item<double>() - 1.0) < 1e-12);
  }
}

DOCTEST_TEST_CASE("a single channel is the score of a sigmoid") {
  const Tensor one = random({3, 1}, 3, 2.0);
  DOCTEST_CHECK(all_close(Softmax{target::Output{}}(one), at::sigmoid(one).squeeze(1), 1e-15));
  DOCTEST_CHECK(all_close(LogOdds{target::Output{}}(one), one.squeeze(1), 1e-15));
  const Tensor dense = random({2, 1, 3, 3}, 4);
  const target::Pixel pixel{.row = 1, .column = 2};
  DOCTEST_CHECK(all_close(Softmax{pixel}(dense), at::sigmoid(pixel(dense)), 1e-15));
}

DOCTEST_TEST_CASE("dense outputs are taken over dimension 1") {
  const Tensor dense = random({2, 3, 4, 5}, 5, 2.0);
  const target::Pixel pixel{.channel = 2, .row = 3, .column = 1};
  const Tensor row = dense.select(3, 1).select(2, 3);
  DOCTEST_CHECK(all_close(Softmax{pixel}(dense), Softmax{Class{.index = 2}}(row), 1e-14));
  DOCTEST_CHECK(all_close(LogOdds{pixel}(dense), LogOdds{Class{.index = 2}}(row), 1e-12));
}

DOCTEST_TEST_CASE("frozen inside a transform, a region stays where it was") {
  for (const std::int64_t channels : {1, 2, 3}) {
    const Tensor before = random({2, channels, 4, 5}, 6), after = random({2, channels, 4, 5}, 7);
    const Tensor mask = ClassRegion{}.freeze(before).mask;
    const target::Region region{.mask = mask};
    DOCTEST_CAPTURE(channels);
    DOCTEST_CHECK(all_close(LogOdds{ClassRegion{}}.freeze(before)(after), LogOdds{region}(after), 1e-14));
    DOCTEST_CHECK(all_close(Softmax{ClassRegion{}}.freeze(before)(after), Softmax{region}(after), 1e-14));
    DOCTEST_CHECK(all_close(Softmax{ClassRegion{}}(before), Softmax{region}(before), 1e-14));
    DOCTEST_CHECK(all_close(LogOdds{ClassRegion{}}(before), LogOdds{region}(before), 1e-14));
    const Margin margin{ClassRegion{}, target::Pixel{.row = 1}};
    DOCTEST_CHECK(
        all_close(margin.freeze(before)(after), region(after) - target::Pixel{.row = 1}(after), 1e-14));
  }
}

DOCTEST_TEST_CASE("Logit of probabilities is LogOdds of the logits that they are of") {
  const auto probabilities = [](const Tensor& z) { return z.size(1) == 1 ? z.sigmoid() : z.softmax(1); };
  for (const std::int64_t channels : {1, 2, 3}) {
    DOCTEST_CAPTURE(channels);
    const Tensor z = random({4, channels}, 11, 2.0), dense = random({2, channels, 4, 5}, 12);
    const Class asked{.index = channels - 1};
    DOCTEST_CHECK(all_close(Logit{asked}(probabilities(z)), LogOdds{asked}(z), 1e-12));
    const auto whole = [&](const Tensor& logits) { return Logit{asked}(probabilities(logits)); };
    DOCTEST_CHECK(all_close(gradient(whole, z), gradient(LogOdds{asked}, z), 1e-12));
    const target::ClassRegion region{.threshold = 0.4};
    const auto frozen = Logit{region}.freeze(probabilities(dense));
    const Tensor other = probabilities(random({2, channels, 4, 5}, 13));
    DOCTEST_CHECK(all_close(frozen(other), region.freeze(probabilities(dense))(at::logit(other)), 1e-12));
  }
  const target::Classes own{at::tensor({0, 1, 0, 1}, at::kLong)};
  const Tensor p = random({4, 2}, 14).softmax(1), index = at::tensor({3, 3, 0}, at::kLong);
  DOCTEST_CHECK(
      all_close(Logit{own}.rows(index)(p.index_select(0, index)), Logit{own}(p).index_select(0, index), 0));
  DOCTEST_CHECK_THROWS_WITH_AS((void)Logit{own}(scores.narrow(0, 0, 4)),
                               doctest::Contains("use target::LogOdds"), Error);
  // rounding of an average is none of its business; what is certain has no finite log-odds
  DOCTEST_CHECK_FALSE(Logit{Class{}}(at::full({1, 1}, 1.0 + 1e-7)).isfinite().item<bool>());
}

DOCTEST_TEST_CASE("a margin is one question less the other, row by row") {
  const Margin margin{Class{.index = 2}, Class{.index = 0}};
  DOCTEST_CHECK(all_close(margin(scores), scores.select(1, 2) - scores.select(1, 0), 0.0));
  const target::Classes own{at::tensor({0, 1, 2, 3, 0, 1}, at::kLong)};
  const Tensor index = at::tensor({5, 5, 0, 3}, at::kLong);
  const Margin mixed{own, Softmax{Class{.index = 1}}};
  DOCTEST_CHECK(all_close(mixed.rows(index)(scores.index_select(0, index)),
                          mixed(scores).index_select(0, index), 1e-15));
  const LogOdds nested{own};
  DOCTEST_CHECK(all_close(nested.rows(index)(scores.index_select(0, index)),
                          nested(scores).index_select(0, index), 1e-15));
}

DOCTEST_TEST_CASE("an output without classes is refused") {
  DOCTEST_CHECK_THROWS_WITH_AS((void)Softmax{target::Output{}}(scores.select(1, 0)),
                               doctest::Contains("target::Softmax needs classes in dimension 1"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)LogOdds{target::Output{}}(scores.select(1, 0)),
                               doctest::Contains("target::LogOdds needs classes in dimension 1"), Error);
}
