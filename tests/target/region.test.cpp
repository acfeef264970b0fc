// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/target/region.hpp>

#include <doctest/doctest.h>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Error;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::nets::random;
namespace target = lumen::target;
using target::ClassRegion;
using target::Reduction;
using target::Region;

namespace {

static_assert(lumen::detail::RowWise<Region> && !lumen::detail::Freezable<Region>);
static_assert(lumen::detail::RowWise<ClassRegion> && lumen::detail::Freezable<ClassRegion>);

const Tensor dense = random({3, 2, 4, 5}, 1);

/// The definition, pixel by pixel. `mask` is [H, W] or [N, H, W].
Tensor naive(const Tensor& output, std::int64_t channel, const Tensor& mask, Reduction reduction) {
  const Tensor weights = mask.to(at::kDouble);
  Tensor result = at::zeros({output.size(0)}, at::kDouble);
  for (std::int64_t i = 0; i < output.size(0); ++i) {
    double sum = 0.0, area = 0.0;
    for (std::int64_t r = 0; r < output.size(2); ++r) {
      for (std::int64_t c = 0; c < output.size(3); ++c) {
        const double w = (mask.dim() == 3 ? weights[i][r][c] : weights[r][c]).item<double>();
        sum += w * output[i][channel][r][c].item<double>();
        area += w;
      }
    }
    result[i] = reduction == Reduction::Sum ? sum : sum / area;
  }
  return result;
}

}  // namespace

DOCTEST_TEST_CASE("a region is the sum or the mean over its pixels, for bool and weighted masks") {
  const Tensor shared = random({4, 5}, 2) > 0, own = random({3, 4, 5}, 3) > 0;
  const Tensor soft = random({3, 4, 5}, 4).abs();
  for (const Reduction reduction : {Reduction::Sum, Reduction::Mean}) {
    for (const Tensor& mask : {shared, own, soft, soft[0], soft.to(at::kFloat)}) {
      const Tensor got = Region{.channel = 1, .mask = mask, .reduction = reduction}(dense);
      DOCTEST_CHECK(all_close(got, naive(dense, 1, mask, reduction), 1e-12));
    }
  }
}

DOCTEST_TEST_CASE("a region without a pixel is an error, of one sample of several too") {
  const auto refused = [](const auto& question, const Tensor& output, const char* why) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)question(output), doctest::Contains(why), Error);
  };
  Tensor own = random({3, 4, 5}, 3) > 0;
  own[1].fill_(false);
  for (const Reduction reduction : {Reduction::Sum, Reduction::Mean}) {
    refused(Region{.mask = at::zeros({4, 5}, at::kBool), .reduction = reduction}, dense,
            "the mask holds no pixel");
    refused(Region{.mask = at::zeros({4, 5}), .reduction = reduction}, dense, "the mask holds no pixel");
    refused(Region{.mask = own, .reduction = reduction}, dense, "(sample 1, counted from 0)");
  }
  Tensor balanced = at::zeros({4, 5});
  balanced[0][0] = 1.0;
  balanced[1][1] = -1.0;
  refused(Region{.mask = balanced, .reduction = Reduction::Mean}, dense, "add up to 0");
  DOCTEST_CHECK_NOTHROW((void)Region{.mask = balanced}(dense));
  Tensor two = random({2, 2, 4, 5}, 7);
  two[1].select(0, 1).fill_(-100.0);
  refused(ClassRegion{.channel = 1}, two, "no pixel is predicted as class 1");
  refused(ClassRegion{.channel = 0, .predicted = 1}, two, "(sample 1, counted from 0)");
  refused(ClassRegion{}, random({1, 1, 4, 5}, 8) - 100.0, "no pixel is predicted as class 0");
}

DOCTEST_TEST_CASE("a single channel that may be a probability needs a threshold, and takes it") {
  const Tensor logits = random({2, 1, 4, 5}, 8), p = at::sigmoid(logits);
  DOCTEST_CHECK_THROWS_WITH_AS((void)ClassRegion{}.freeze(p), doctest::Contains("give threshold = 0.5"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)ClassRegion{}.freeze(logits.abs() + 0.1),
                               doctest::Contains("threshold = 0"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)ClassRegion{}.freeze(at::cat({logits, at::sigmoid(logits * 1000)})),
                               doctest::Contains("threshold = 0.5"),
                               Error);  // exact zeros and ones are none the less
  const Region half = ClassRegion{.threshold = 0.5}.freeze(p);
  DOCTEST_CHECK(at::equal(half.mask, logits.select(1, 0) > 0));
  DOCTEST_CHECK(at::equal(half.mask, ClassRegion{}.freeze(logits).mask));
  DOCTEST_CHECK(at::equal(ClassRegion{.threshold = 0.0}.freeze(p).mask, at::ones({2, 4, 5}, at::kBool)));
  const Tensor many = random({2, 3, 4, 5}, 9);  // labels that do not exclude each other
  DOCTEST_CHECK(
      at::equal(ClassRegion{.channel = 2, .threshold = 0.3}.freeze(many).mask, many.select(1, 2) > 0.3));
}

DOCTEST_TEST_CASE("rows of a region take the masks of those samples") {
  const Tensor index = at::tensor({2, 0, 2, 1}, at::kLong);
  for (const Tensor& mask : {random({4, 5}, 5) > 0, random({3, 4, 5}, 6) > 0}) {
    const Region region{.channel = 1, .mask = mask, .reduction = Reduction::Mean};
    DOCTEST_CHECK(
        at::equal(region.rows(index)(dense.index_select(0, index)), region(dense).index_select(0, index)));
  }
}

DOCTEST_TEST_CASE("a mask that does not fit is refused") {
  const auto refused = [](const Region& wrong, const char* why) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)wrong(dense), doctest::Contains(why), Error);
  };
  refused({.mask = at::ones({5, 4})}, "the mask is [5, 4], expected [4, 5] or [3, 4, 5]");
  refused({.mask = at::ones({2, 4, 5})}, "the mask is [2, 4, 5], expected");
  refused({.mask = at::ones({20})}, "the mask is [20], expected");
  refused({.mask = at::ones({3, 1, 4, 5})}, "the mask is [3, 1, 4, 5], expected");
  refused({}, "the mask is undefined");
  refused({.channel = 2, .mask = at::ones({4, 5})}, "channel 2 is out of range");
  DOCTEST_CHECK_THROWS_WITH_AS((void)Region{.mask = at::ones({4, 5})}(random({3, 2}, 1)),
                               doctest::Contains("needs a dense output"), Error);
}

DOCTEST_TEST_CASE("a class region is where the class has the largest output") {
  const Tensor three = random({2, 3, 4, 5}, 7);
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    const Tensor mask = three.argmax(1) == channel;
    DOCTEST_CHECK(all_close(ClassRegion{.channel = channel}(three),
                            naive(three, channel, mask, Reduction::Sum), 1e-12));
  }
  const Tensor other = three.argmax(1) == 2;
  DOCTEST_CHECK(all_close(ClassRegion{.channel = 0, .predicted = 2}(three),
                          naive(three, 0, other, Reduction::Sum), 1e-12));
}

DOCTEST_TEST_CASE("of a single channel it is where the output is positive") {
  const Tensor one = random({2, 1, 4, 5}, 8);
  DOCTEST_CHECK(all_close(ClassRegion{}(one), one.clamp_min(0).sum({1, 2, 3}), 1e-12));
}

DOCTEST_TEST_CASE("frozen, it stays where it was when the output changes, and does not carry a gradient") {
  const Tensor before = random({3, 2, 4, 5}, 9), after = random({3, 2, 4, 5}, 10);
  const ClassRegion question{.channel = 1, .reduction = Reduction::Mean};
  const Region frozen = question.freeze(before.clone().requires_grad_(true));
  DOCTEST_CHECK_FALSE(frozen.mask.requires_grad());
  DOCTEST_CHECK(all_close(frozen(after), naive(after, 1, before.argmax(1) == 1, Reduction::Mean), 1e-12));
  DOCTEST_CHECK_FALSE(all_close(frozen(after), question(after), 1e-3));
  const Tensor index = at::tensor({1, 1, 0}, at::kLong);
  DOCTEST_CHECK(
      at::equal(frozen.rows(index)(after.index_select(0, index)), frozen(after).index_select(0, index)));
}

DOCTEST_TEST_CASE("a class region of a flat output, or of a class that is not there, is refused") {
  DOCTEST_CHECK_THROWS_WITH_AS((void)ClassRegion{}(random({3, 2}, 1)),
                               doctest::Contains("ClassRegion needs a dense output"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)ClassRegion{.channel = 2}(dense),
                               doctest::Contains("channel 2 is out of range"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)(ClassRegion{.channel = 0, .predicted = 5}(dense)),
                               doctest::Contains("class 5 is out of range"), Error);
}
