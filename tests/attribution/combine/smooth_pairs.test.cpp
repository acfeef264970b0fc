// SPDX-License-Identifier: BSD-3-Clause
// Smooth and | around every method, whatever its map is of.
#include "support/pairs.hpp"

#include <doctest/doctest.h>

#include <string>

namespace layer = lumen::layer;
namespace target = lumen::target;
using lumen::AnyModel;
using lumen::Targets;
using lumen::Tensor;
using lumen::testing::all_close;
using namespace lumen::testing::pairs;  // NOLINT(google-build-using-namespace): what these tests are about

DOCTEST_TEST_CASE("Smooth around every method is the mean of it over the noise") {
  each(layer::tap("late"), [](const std::string& name, const auto& method) {
    const lumen::Smooth smooth{
        .method = method, .samples = 2, .stdev = 0.1, .scale = lumen::NoiseScale::InputUnits, .seed = 5};
    sound(name, smooth);
  });
  const auto method = lumen::GradCam{.layer = layer::tap("late")};
  const auto why =
      lumen::Smooth{
          .method = method, .samples = 2, .stdev = 0.1, .scale = lumen::NoiseScale::InputUnits, .seed = 5}(
          model, x, questions[0]);
  Tensor mean = at::zeros_like(why.map);
  for (std::int64_t draw = 0; draw < 2; ++draw) {
    mean +=
        method(model, x + 0.1 * lumen::normal_rows(x, lumen::mix(5, 0), {0, 1}, {draw, draw}), questions[0])
            .map /
        2;
  }
  DOCTEST_CHECK(all_close(why.map, mean, 1e-12));
}

DOCTEST_TEST_CASE("a step behind every method") {
  each(layer::tap("late"), [](const std::string& name, const auto& method) {
    const auto piped = method | lumen::Magnitude{};
    sound(name, piped);
    const auto again = piped(model, x, questions[0]);
    DOCTEST_CHECK(all_close(again.map, method(model, x, questions[0]).map.abs(), 1e-12));
  });
}
