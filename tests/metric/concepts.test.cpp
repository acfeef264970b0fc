// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/concepts.hpp>

#include <tuple>

#include <doctest/doctest.h>

#include <lumen/metric/cl_dice.hpp>
#include <lumen/metric/concentration.hpp>
#include <lumen/metric/localisation.hpp>
#include <lumen/metric/overlap.hpp>
#include <lumen/metric/pointing_game.hpp>
#include <lumen/metric/sign_mass.hpp>
#include <lumen/metric/sparsity.hpp>

namespace map = lumen::map;
namespace metric = lumen::metric;

namespace {

static_assert(metric::MaskMetric<metric::IoU> && metric::MaskMetric<metric::Dice> &&
              metric::MaskMetric<metric::Recall>);
static_assert(metric::MaskMetric<metric::Precision> && metric::MaskMetric<metric::PixelAccuracy>);
static_assert(metric::MapMetric<metric::Gini> && metric::MapMetric<metric::Hoyer> &&
              metric::MapMetric<metric::L0>);
static_assert(metric::MapMetric<metric::Entropy> && metric::MapMetric<metric::EffectiveArea>);
static_assert(metric::LocalisationMetric<metric::PointingGame> &&
              metric::LocalisationMetric<metric::MassAccuracy>);
static_assert(metric::LocalisationMetric<metric::RankAccuracy>);

// One kind is not another, and what is no metric is none.
static_assert(!metric::MapMetric<metric::IoU> && !metric::MaskMetric<metric::Gini>);
static_assert(!metric::LocalisationMetric<metric::IoU> && !metric::MaskMetric<metric::MassAccuracy>);
static_assert(!metric::MaskMetric<metric::ClDice> && !metric::MapMetric<metric::SignMass>);
static_assert(!metric::MaskMetric<int> && !metric::MapMetric<int> && !metric::LocalisationMetric<int>);

// A map is refused where a mask belongs, and numbers where a map belongs.
template <class... Args>
constexpr bool iou_takes = std::invocable<const metric::IoU&, const Args&...>;
template <class... Args>
constexpr bool gini_takes = std::invocable<const metric::Gini&, const Args&...>;
static_assert(iou_takes<xt::xarray<bool>, xt::xtensor<std::uint8_t, 2>> &&
              !iou_takes<xt::xarray<bool>, xt::xarray<float>>);
static_assert(!iou_takes<xt::xarray<bool>, int> && !iou_takes<xt::xarray<bool>>);
static_assert(gini_takes<xt::xarray<float>> && !gini_takes<xt::xarray<int>> && !gini_takes<float>);

}  // namespace

DOCTEST_TEST_CASE("a list of metrics is a tuple") {
  //! [list]
  const xt::xtensor<float, 2> map{{0, 0, 4}, {0, 0, 0}};
  const auto metrics = std::tuple{lumen::metric::Gini{}, lumen::metric::EffectiveArea{.percent = 95},
                                  [](const auto& m) { return static_cast<double>(m.size()); }};
  const auto numbers = std::apply(
      [&](const lumen::metric::MapMetric auto&... metric) { return std::vector<double>{metric(map)...}; },
      metrics);
  //! [list]
  DOCTEST_CHECK(numbers[0] == doctest::Approx(5.0 / 6));
  DOCTEST_CHECK(numbers[1] == doctest::Approx(1.0 / 6));
  DOCTEST_CHECK(numbers[2] == 6);
}
