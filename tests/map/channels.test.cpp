// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/channels.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::says;

DOCTEST_TEST_CASE_TEMPLATE("each reduction is its definition, pixel by pixel", T, float, double) {
  const auto x = random_map<T>({2, 3, 4, 5}, 1);
  const auto sum = map::sum_channels(x);
  const auto mean = map::mean_channels(x);
  const auto loudest = map::max_abs_channels(x);
  const auto length = map::l2_channels(x);
  DOCTEST_CHECK(map::Flat(sum).shape() == std::vector<std::size_t>{2, 1, 4, 5});
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t c = 0; c < 5; ++c) {
        double total = 0;
        double squares = 0;
        T best = 0;
        for (std::size_t channel = 0; channel < 3; ++channel) {
          const T value = x(n, channel, r, c);
          total += static_cast<double>(value);
          squares += static_cast<double>(value) * static_cast<double>(value);
          if (std::abs(value) > std::abs(best)) best = value;
        }
        DOCTEST_CHECK(static_cast<double>(sum(n, 0, r, c)) == doctest::Approx(total).epsilon(1e-5));
        DOCTEST_CHECK(static_cast<double>(mean(n, 0, r, c)) == doctest::Approx(total / 3).epsilon(1e-5));
        DOCTEST_CHECK(static_cast<double>(length(n, 0, r, c)) ==
                      doctest::Approx(std::sqrt(squares)).epsilon(1e-5));
        DOCTEST_CHECK(loudest(n, 0, r, c) == best);
      }
}

DOCTEST_TEST_CASE("a single picture, slices and lazy expressions") {
  //! [channels]
  const xt::xtensor<float, 3> rgb{{{1, 0}}, {{-5, 2}}, {{3, -2}}};  // [C, H, W] = [3, 1, 2]
  const auto sum = lumen::map::sum_channels(rgb);                   // [1, 1, 2]: -1 and 0
  const auto loudest = lumen::map::max_abs_channels(rgb);           // -5 and 2, the first of equals
  //! [channels]
  DOCTEST_CHECK(lumen::testing::same(sum, xt::xarray<float>{{{-1, 0}}}));
  DOCTEST_CHECK(lumen::testing::same(loudest, xt::xarray<float>{{{-5, 2}}}));
  const auto batch = random_map<float>({2, 3, 4, 5}, 2);
  const auto whole = map::sum_channels(batch);
  const xt::xarray<float> second = xt::view(whole, 1);
  DOCTEST_CHECK(lumen::testing::same(map::sum_channels(xt::view(batch, 1)), second));
  DOCTEST_CHECK(lumen::testing::same(map::sum_channels(batch * 2.0F), xt::xarray<float>(whole * 2.0F)));
}

DOCTEST_TEST_CASE("NaN in any channel makes the pixel NaN") {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    xt::xarray<float> x = xt::ones<float>({3, 1, 2});
    x(channel, 0, 1) = nan_of<float>;
    for (const auto& out :
         {map::sum_channels(x), map::mean_channels(x), map::max_abs_channels(x), map::l2_channels(x)}) {
      DOCTEST_CHECK_FALSE(std::isnan(out(0, 0, 0)));
      DOCTEST_CHECK(std::isnan(out(0, 0, 1)));
    }
  }
}

DOCTEST_TEST_CASE("shapes without a channel axis") {
  const auto message = [](std::vector<std::size_t> shape) {
    const auto x = map::filled(shape, 0.0F);
    return error_of([&] { static_cast<void>(map::mean_channels(x)); });
  };
  DOCTEST_CHECK(
      says(message({4, 5}), "shape [4, 5] has no channel axis; expected [N, C, H, W] or [C, H, W]"));
  DOCTEST_CHECK(says(message({1, 1, 3, 4, 5}), "no channel axis"));
  DOCTEST_CHECK(says(message({2, 0, 4, 5}), "has no channels"));
  DOCTEST_CHECK(message({0, 3, 4, 5}).empty());
}
