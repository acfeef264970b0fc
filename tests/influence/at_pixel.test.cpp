// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/at_pixel.hpp>

#include <cmath>

#include <doctest/doctest.h>

#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Tensor;
namespace nets = lumen::testing::nets;

//! [at_pixel]
DOCTEST_TEST_CASE("at_pixel: the row is a backward pass, its numbers are counted by hand") {
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 12, 14}, 9);
  Tensor mask = at::zeros({12, 14}, at::kBool);
  mask.slice(1, 0, 6).fill_(true);
  const auto found = lumen::influence::at_pixel(net, image, 5, 6, lumen::target::Class{.index = 1}, mask);
  //! [at_pixel]
  const Tensor x = image.clone().requires_grad_(true);
  const Tensor score = net(x)[0][1][5][6];
  const Tensor row = torch::autograd::grad({score}, {x})[0][0][0];
  DOCTEST_CHECK(lumen::testing::all_close(found.row, row, 1e-12));
  double peak = 0, count = 0, positive = 0, negative = 0, inside = 0;
  std::int64_t top = 12, bottom = -1, left = 14, right = -1;
  const auto at = [&](std::int64_t r, std::int64_t c) { return row[r][c].item<double>(); };
  for (std::int64_t r = 0; r < 12; ++r)
    for (std::int64_t c = 0; c < 14; ++c) peak = std::max(peak, std::abs(at(r, c)));
  for (std::int64_t r = 0; r < 12; ++r)
    for (std::int64_t c = 0; c < 14; ++c) {
      positive += std::max(at(r, c), 0.0);
      negative += std::max(-at(r, c), 0.0);
      if (c < 6) inside += std::abs(at(r, c));
      if (std::abs(at(r, c)) <= 0.01 * peak) continue;
      ++count;
      top = std::min(top, r), bottom = std::max(bottom, r), left = std::min(left, c),
      right = std::max(right, c);
    }
  const double area = static_cast<double>((bottom - top + 1) * (right - left + 1));
  DOCTEST_CHECK(found.peak == doctest::Approx(peak));
  DOCTEST_CHECK(found.count == count);
  DOCTEST_CHECK(found.score == doctest::Approx(score.item<double>()));
  DOCTEST_CHECK(found.box_rows == lumen::Interval{top, bottom + 1});
  DOCTEST_CHECK(found.box_columns == lumen::Interval{left, right + 1});
  DOCTEST_CHECK(found.box_area == area);
  DOCTEST_CHECK(found.fulfilment == doctest::Approx(count / area));
  DOCTEST_CHECK(found.positive == doctest::Approx(positive));
  DOCTEST_CHECK(found.negative == doctest::Approx(negative));
  DOCTEST_CHECK(found.inside == doctest::Approx(inside / (positive + negative)));
  DOCTEST_CHECK(
      std::isnan(lumen::influence::at_pixel(net, image, 5, 6, lumen::target::Class{.index = 1}).inside));
}
