// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/soft_cl_dice.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using lumen::Tensor;
using lumen::train::DiceClDice;
using lumen::train::SoftClDice;
using lumen::train::SoftDice;

static_assert(lumen::train::Loss<SoftClDice> && lumen::train::Loss<DiceClDice>);

namespace {

Tensor logits_of(const Tensor& mask) {
  const Tensor sure = mask.to(at::kDouble) * 80 - 40;
  return at::stack({-sure, sure}, 1) / 2;
}

/// The paper's skeleton, pixel by pixel.
Tensor by_definition(Tensor mask, std::int64_t iterations) {
  const std::int64_t rows = mask.size(0), columns = mask.size(1);
  const auto over = [&](const Tensor& x, bool least, bool square) {
    Tensor out = x.clone();
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c)
        for (std::int64_t i = std::max<std::int64_t>(r - 1, 0); i <= std::min(r + 1, rows - 1); ++i)
          for (std::int64_t j = std::max<std::int64_t>(c - 1, 0); j <= std::min(c + 1, columns - 1); ++j) {
            if (!square && i != r && j != c) continue;
            const double value = x[i][j].item<double>(), now = out[r][c].item<double>();
            out[r][c] = least ? std::min(value, now) : std::max(value, now);
          }
    return out;
  };
  const auto erode = [&](const Tensor& x) { return over(x, true, false); };
  const auto rest = [&](const Tensor& x) { return at::relu(x - over(erode(x), false, true)); };
  Tensor skeleton = rest(mask);
  for (std::int64_t i = 0; i < iterations; ++i) {
    mask = erode(mask);
    const Tensor delta = rest(mask);
    skeleton = skeleton + at::relu(delta - skeleton * delta);
  }
  return skeleton;
}

}  // namespace

DOCTEST_TEST_CASE("the soft skeleton is the paper's algorithm, and the middle of a bar") {
  const Tensor mask = at::rand({9, 11}, at::kDouble);
  for (const std::int64_t iterations : {1, 3}) {
    const Tensor mine = lumen::train::soft_skeleton(mask.reshape({1, 1, 9, 11}), iterations)[0][0];
    DOCTEST_CHECK(at::allclose(mine, by_definition(mask, iterations)));
  }
  Tensor bar = at::zeros({1, 1, 15, 40}, at::kDouble);
  bar.narrow(2, 5, 5).narrow(3, 4, 32).fill_(1);
  const Tensor lines = lumen::train::soft_skeleton(bar, 5)[0][0];
  DOCTEST_CHECK(lines[7].narrow(0, 8, 24).eq(1).all().item<bool>());
  DOCTEST_CHECK(lines.narrow(1, 8, 24).sum().item<double>() == 24.0);
}

DOCTEST_TEST_CASE(
    "SoftClDice minds a gap more than a width; it is 0 for the label itself and has gradients") {
  Tensor label = at::zeros({1, 24, 40}, at::kLong);
  label.narrow(1, 10, 5).fill_(1);
  Tensor thin = at::zeros_like(label), gap = label.clone();
  thin.narrow(1, 11, 3).fill_(1);
  gap.narrow(2, 14, 16).fill_(0);  // fewer pixels are missing
  const SoftClDice loss{.iterations = 4};
  const auto of = [&](const Tensor& mask) { return loss(logits_of(mask), label).item<double>(); };
  DOCTEST_CHECK(of(label) < 1e-6);
  DOCTEST_CHECK(of(thin) < 0.05);
  DOCTEST_CHECK(of(gap) > 0.15);
  DOCTEST_CHECK(SoftDice{}(logits_of(thin), label).item<double>() > 0.2);
  const Tensor logits = (logits_of(gap) * 0.05).requires_grad_(true);
  loss(logits, label).backward();
  DOCTEST_CHECK(logits.grad()[0][1][12][20].item<double>() < 0);  // the gap wants to close
  const DiceClDice both{.cl_dice = loss, .weight = 0.3};
  DOCTEST_CHECK(both(logits, label).item<double>() ==
                doctest::Approx(0.7 * SoftDice{}(logits, label).item<double>() +
                                0.3 * loss(logits, label).item<double>()));
}

DOCTEST_TEST_CASE("SoftClDice: options out of range") {
  const Tensor logits = at::rand({1, 2, 8, 8}), label = at::zeros({1, 8, 8}, at::kLong);
  DOCTEST_CHECK_THROWS_AS((SoftClDice{.channel = 2}(logits, label)), lumen::Error);
  DOCTEST_CHECK_THROWS_AS((SoftClDice{.iterations = 0}(logits, label)), lumen::Error);
  DOCTEST_CHECK_THROWS_AS((SoftClDice{.smooth = 0}(logits, label)), lumen::Error);
  DOCTEST_CHECK_THROWS_AS((DiceClDice{.weight = 2}(logits, label)), lumen::Error);
}
