// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/xtensor.hpp>

#include <doctest/doctest.h>

DOCTEST_TEST_CASE("one include brings containers, adaptors, slices and arithmetic") {
  const xt::xtensor<float, 2> a{{1, -2}, {3, 4}};
  const xt::xarray<float> b = xt::abs(a) * 2.0F;
  DOCTEST_CHECK(b(0, 1) == 4.0F);
  DOCTEST_CHECK(xt::view(a, 1, xt::all())(0) == 3.0F);
  DOCTEST_CHECK(xt::adapt(a.data(), 4, xt::no_ownership(), std::vector<std::size_t>{4})(3) == 4.0F);
  DOCTEST_CHECK(xt::sum(a)() == 6.0F);
}
