// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/concepts.hpp>

#include <complex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace map = lumen::map;

namespace {

using Lazy = decltype(xt::abs(std::declval<const xt::xarray<double>&>()) * 2.0);
using Slice = decltype(xt::view(std::declval<xt::xtensor<float, 3>&>(), 0));
using Compared = decltype(std::declval<const xt::xarray<float>&>() > 0.0F);

static_assert(map::Map<xt::xarray<float>> && map::Map<xt::xtensor<double, 2>> && map::Map<Lazy> &&
              map::Map<Slice>);
static_assert(map::Map<const xt::xarray<float>&>);
static_assert(map::Mask<xt::xarray<bool>> && map::Mask<xt::xtensor<std::uint8_t, 2>> && map::Mask<Compared>);

// A map is no mask before a threshold, a mask is no map, and other things are neither.
static_assert(!map::Mask<xt::xarray<float>> && !map::Map<xt::xarray<bool>> && !map::Map<xt::xarray<int>>);
static_assert(!map::Expression<int> && !map::Expression<double> && !map::Expression<std::vector<float>>);
static_assert(!map::Expression<xt::xarray<std::complex<float>>> && !map::Expression<xt::xarray<std::string>>);

}  // namespace

DOCTEST_TEST_CASE("value is the plain element type") {
  DOCTEST_CHECK(std::is_same_v<map::Value<const xt::xarray<float>&>, float>);
  DOCTEST_CHECK(std::is_same_v<map::Value<Compared>, bool>);
}
