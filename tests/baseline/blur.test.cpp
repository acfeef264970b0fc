// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/baseline/blur.hpp>

#include <doctest/doctest.h>

#include <lumen/core/concepts.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Error;
using lumen::gaussian_matrix;
using lumen::Tensor;
using lumen::baseline::Blur;
using lumen::testing::all_close;
using lumen::testing::nets::random;

static_assert(lumen::Baseline<Blur>);

namespace {

/// Position j of a line of `size` pixels that is mirrored about its edges, by walking.
std::int64_t mirrored(std::int64_t j, std::int64_t size) {
  while (j < 0 || j >= size) j = j < 0 ? -1 - j : 2 * size - 1 - j;
  return j;
}

/// Convolution of one line with exp(-d^2 / 2 sigma^2), as it is defined.
std::vector<double> naive(const std::vector<double>& line, double sigma, std::int64_t radius) {
  const auto size = static_cast<std::int64_t>(line.size());
  std::vector<double> result;
  for (std::int64_t i = 0; i < size; ++i) {
    double sum = 0.0, total = 0.0;
    for (std::int64_t d = -radius; d <= radius; ++d) {
      const double w = std::exp(-0.5 * static_cast<double>(d * d) / (sigma * sigma));
      sum += w * line[static_cast<std::size_t>(mirrored(i + d, size))];
      total += w;
    }
    result.push_back(sum / total);
  }
  return result;
}

}  // namespace

DOCTEST_TEST_CASE("rows sum to one, derivatives to zero, also where the radius is larger than the image") {
  for (const std::int64_t size : {1, 2, 5, 16}) {
    for (const double sigma : {0.0, 0.3, 1.0, 4.0, 30.0}) {
      for (const std::int64_t radius : {0, 1, 6, 50}) {
        const auto [blur, derivative] = gaussian_matrix(size, sigma, radius);
        DOCTEST_CHECK(all_close(blur.sum(1), at::ones({size}, at::kDouble), 1e-13));
        DOCTEST_CHECK(all_close(derivative.sum(1), at::zeros({size}, at::kDouble), 1e-12));
        DOCTEST_CHECK(blur.min().item<double>() >= 0.0);
      }
    }
  }
}

DOCTEST_TEST_CASE("the matrix is the convolution with mirrored borders") {
  for (const std::int64_t size : {1, 3, 8}) {
    for (const std::int64_t radius : {2, 5, 20}) {
      const Tensor line = random({size}, 1);
      const std::vector<double> values(line.data_ptr<double>(), line.data_ptr<double>() + size);
      const std::vector<double> expected = naive(values, 1.7, radius);
      DOCTEST_CHECK(all_close(gaussian_matrix(size, 1.7, radius).blur.mv(line),
                              at::tensor(expected, at::kDouble), 1e-13));
    }
  }
}

DOCTEST_TEST_CASE("its derivative agrees with central differences") {
  for (const double sigma : {0.4, 1.0, 3.0, 12.0}) {
    const double step = 1e-6;
    const Tensor expected =
        (gaussian_matrix(9, sigma + step, 12).blur - gaussian_matrix(9, sigma - step, 12).blur) / (2 * step);
    DOCTEST_CHECK(all_close(gaussian_matrix(9, sigma, 12).derivative, expected, 1e-8));
    DOCTEST_CHECK(expected.abs().max().item<double>() > 1e-4);
  }
}

DOCTEST_TEST_CASE("sigma 0 is the identity, without a derivative; tiny sigmas are finite") {
  const auto none = gaussian_matrix(6, 0.0, 3);
  DOCTEST_CHECK(at::equal(none.blur, at::eye(6, at::kDouble)));
  DOCTEST_CHECK(at::equal(none.derivative, at::zeros({6, 6}, at::kDouble)));
  const auto tiny = gaussian_matrix(6, 1e-200, 3);
  DOCTEST_CHECK(at::equal(tiny.blur, at::eye(6, at::kDouble)));
  DOCTEST_CHECK(at::isfinite(tiny.derivative).all().item<bool>());
  const Tensor x = random({2, 1, 5, 4}, 2);
  DOCTEST_CHECK(all_close(Blur{.sigma = 0.0}(x), x, 1e-15));
}

DOCTEST_TEST_CASE("a picture is blurred along rows and columns, each sample and channel on its own") {
  const Tensor x = random({2, 3, 6, 9}, 3);
  const Tensor blurred = Blur{.sigma = 1.5}(x);
  DOCTEST_REQUIRE(blurred.sizes() == x.sizes());
  const Tensor down = gaussian_matrix(6, 1.5, 6).blur, across = gaussian_matrix(9, 1.5, 6).blur;
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t c = 0; c < 3; ++c) {
      DOCTEST_CHECK(all_close(blurred[n][c], down.mm(x[n][c]).mm(across.t()), 1e-13));
    }
  }
  DOCTEST_CHECK(all_close(blurred.mean(), x.mean(), 0.2));
  DOCTEST_CHECK(blurred.var().item<double>() < x.var().item<double>());
}

DOCTEST_TEST_CASE("a constant picture stays constant, sequences and volumes are blurred too") {
  for (const double sigma : {0.5, 4.0, 20.0}) {
    const Tensor flat = at::full({1, 2, 7, 3}, 2.5, at::kDouble);
    DOCTEST_CHECK(all_close(Blur{.sigma = sigma}(flat), flat, 1e-13));
  }
  DOCTEST_CHECK(Blur{}(random({2, 3, 8}, 4)).sizes() == at::IntArrayRef({2, 3, 8}));
  DOCTEST_CHECK(Blur{}(random({1, 1, 3, 4, 5}, 5)).sizes() == at::IntArrayRef({1, 1, 3, 4, 5}));
  const Tensor single = random({1, 1, 4, 4}, 6).to(at::kFloat);
  DOCTEST_CHECK((Blur{}(single).scalar_type() == at::kFloat));
}

DOCTEST_TEST_CASE("what cannot be blurred is refused") {
  DOCTEST_CHECK_THROWS_WITH_AS((void)gaussian_matrix(4, -1.0, 2),
                               doctest::Contains("sigma -1 and radius 2 must be finite"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)gaussian_matrix(4, std::nan(""), 2), doctest::Contains("must be finite"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)gaussian_matrix(4, 1.0, -2), doctest::Contains("radius -2"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Blur{}(random({2, 3}, 1)),
                               doctest::Contains("spatial dimensions, got [2, 3]"), Error);
  const Tensor x = random({1, 1, 4, 4}, 1);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Blur{.sigma = -0.5}(x), doctest::Contains("sigma is -0.5, expected"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Blur{.sigma = std::nan("")}(x), doctest::Contains("sigma is nan"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Blur{.sigma = 1e300}(x), doctest::Contains("sigma is 1e+300"), Error);
}
