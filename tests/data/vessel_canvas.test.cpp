// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/vessel_canvas.hpp>

#include <numeric>
#include <vector>

#include <doctest/doctest.h>

using lumen::data::Random;
using lumen::data::detail::VesselCanvas;

DOCTEST_TEST_CASE("VesselCanvas: a tube covers its centre line and is as wide as it should be") {
  Random random({1});
  VesselCanvas canvas(64, random);
  DOCTEST_CHECK(canvas.covered() == 0.0);
  canvas.grow(32, -4, 0.0, 4.0, 1.0, /*generation=*/3);  // the last generation does not branch
  std::size_t vessel = 0, line = 0;
  for (std::size_t i = 0; i < canvas.count(); ++i) {
    vessel += canvas.label()[i] == 1 ? 1 : 0;
    line += canvas.skeleton()[i];
    if (canvas.skeleton()[i] != 0) DOCTEST_CHECK(canvas.label()[i] == 1);
    if (canvas.light()[i] > 0) DOCTEST_CHECK(canvas.label()[i] == 1);
  }
  DOCTEST_REQUIRE(line > 10);
  const double width = static_cast<double>(vessel) / static_cast<double>(line);
  DOCTEST_CHECK(width > 6.0);
  DOCTEST_CHECK(width < 11.0);
}

DOCTEST_TEST_CASE("blur: keeps the mean of a picture that is even at its borders, and evens out") {
  constexpr std::int64_t size = 21;
  std::vector<float> picture(size * size, 1.0F);
  picture[10 * size + 10] = 2.0F;
  lumen::data::detail::blur(picture, size, 2.0);
  DOCTEST_CHECK(std::accumulate(picture.begin(), picture.end(), 0.0) == doctest::Approx(size * size + 1.0));
  // The centre of a Gaussian of sigma 2 is 1 / (2 pi 4), sampled and cut at three sigma.
  DOCTEST_CHECK(picture[10 * size + 10] == doctest::Approx(1.0398).epsilon(1e-3));
  DOCTEST_CHECK(picture[10 * size + 8] == doctest::Approx(picture[8 * size + 10]));
}
