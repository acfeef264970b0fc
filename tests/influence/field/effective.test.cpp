// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/field/effective.hpp>

#include <cmath>
#include <tuple>

#include <doctest/doctest.h>

#include <lumen/influence/field/gaussian.hpp>
#include <lumen/influence/reducer/reduce.hpp>

#include "support/allclose.hpp"
#include "support/influence.hpp"
#include "support/message.hpp"

using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::Jacobian;
using lumen::testing::message_of;
namespace inf = lumen::influence;
namespace nets = lumen::testing::nets;

namespace {

/// The mean square at one offset over outputs of a group, one by one; and for how many it lies in the image.
std::pair<double, std::int64_t> slow(const Jacobian& j, const Tensor& labels, std::int64_t group,
                                     std::int64_t down, std::int64_t right) {
  double sum = 0;
  std::int64_t seen = 0;
  for (std::int64_t p = 0; p < j.out_height * j.out_width; ++p) {
    if (!j.which.eq(p).any().item<bool>()) continue;
    const std::int64_t row = p / j.out_width, column = p % j.out_width;
    if (labels.defined() && labels[row][column].item<std::int64_t>() != group) continue;
    // of two pixels in the middle the first
    const std::int64_t scale = j.height / j.out_height;
    const std::int64_t r = row * scale + (scale - 1) / 2 + down, c = column * scale + (scale - 1) / 2 + right;
    if (r < 0 || r >= j.height || c < 0 || c >= j.width) continue;
    const double value = j.dense[p].sum(0)[r][c].item<double>();
    sum += value * value;
    ++seen;
  }
  return {seen == 0 ? 0.0 : sum / static_cast<double>(seen), seen};
}

template <class... A>
std::vector<inf::Field> fields_of(const Jacobian& j, std::int64_t size, A... arguments) {
  const auto found = inf::Reduce{}([&](const inf::RowSink& sink) { j.stream(sink, size); },
                                   inf::EffectiveField(arguments...));
  return std::get<0>(found.results);
}

void check(const Jacobian& j, const inf::Field& field, const Tensor& labels, std::int64_t group) {
  const auto middle_row = static_cast<std::int64_t>(std::floor(field.row)),
             middle_column = static_cast<std::int64_t>(std::floor(field.column));
  for (std::int64_t r = 0; r < field.energy.size(0); ++r) {
    for (std::int64_t c = 0; c < field.energy.size(1); ++c) {
      const auto [energy, seen] = slow(j, labels, group, r - middle_row, c - middle_column);
      DOCTEST_CHECK(field.energy[r][c].item<double>() == doctest::Approx(energy).epsilon(1e-11));
      DOCTEST_CHECK(field.seen[r][c].item<std::int64_t>() == seen);
    }
  }
}

}  // namespace

DOCTEST_TEST_CASE(
    "the effective field is the mean of squared rows about their pixels, offsets beyond the image left out") {
  for (const Jacobian& j :
       {Jacobian{.height = 7, .width = 6, .out_height = 7, .out_width = 6, .radius = 2}.made(),
        Jacobian{.height = 5,
                 .width = 4,
                 .out_height = 5,
                 .out_width = 4,
                 .channels = 2,
                 .radius = 6,
                 .without = {2}}
            .made(),
        Jacobian{.height = 8, .width = 6, .out_height = 4, .out_width = 3, .radius = 2}.made()}) {
    const auto one = fields_of(j, 5);
    DOCTEST_REQUIRE(one.size() == 1);
    DOCTEST_CHECK(one[0].rows == j.which.size(0));
    check(j, one[0], {}, 0);
    const auto whole = fields_of(j, 1);
    DOCTEST_CHECK(all_close(whole[0].energy, one[0].energy, 1e-12));
    DOCTEST_CHECK(all_close(whole[0].standard_error, one[0].standard_error, 1e-12));
  }
}

DOCTEST_TEST_CASE("each class or region of outputs has its own field") {
  const Jacobian j = Jacobian{.height = 7, .width = 6, .out_height = 7, .out_width = 6, .radius = 2}.made();
  const Tensor labels = (nets::random({7, 6}, 5).abs() * 2).floor().to(at::kLong).clamp_max(2) - 1;
  const auto fields = fields_of(j, 4, labels, 2);
  DOCTEST_REQUIRE(fields.size() == 2);
  for (std::int64_t g = 0; g < 2; ++g) {
    DOCTEST_CHECK(fields[static_cast<std::size_t>(g)].rows == labels.eq(g).sum().item<std::int64_t>());
    check(j, fields[static_cast<std::size_t>(g)], labels, g);
  }
  DOCTEST_CHECK(!message_of([&] { inf::EffectiveField(labels, 1); }).empty());
  DOCTEST_CHECK(!message_of([&] { fields_of(j, 4, labels.narrow(0, 0, 6), 2); }).empty());
}

DOCTEST_TEST_CASE("the standard error is that of a sample of rows") {
  const Jacobian j =
      Jacobian{.height = 40, .width = 40, .out_height = 40, .out_width = 40, .radius = 1}.made();
  const auto field = fields_of(j, 100)[0];
  // squares of standard normal values have mean 1 and variance 2; offset 0 of even columns lies in their windows
  const auto r = static_cast<std::int64_t>(field.row), c = static_cast<std::int64_t>(field.column);
  const double energy = field.energy[r][c].item<double>(), error = field.standard_error[r][c].item<double>();
  DOCTEST_CHECK(std::abs(energy - 1) < 4 * error);
  DOCTEST_CHECK(error == doctest::Approx(std::sqrt(2.0 / 1600)).epsilon(0.2));
}

DOCTEST_TEST_CASE("the radius holds the share of the energy that it is asked for") {
  inf::Field field{.energy = at::zeros({5, 5}, at::kDouble), .row = 2, .column = 2};
  DOCTEST_CHECK(field.radius() == 0);
  field.energy[2][2] = 8;
  field.energy[2][4] = 1;
  field.energy[0][0] = 1;
  DOCTEST_CHECK(field.radius(80) == 0);
  DOCTEST_CHECK(field.radius(90) == 2);
  DOCTEST_CHECK(field.radius(100) == doctest::Approx(std::sqrt(8.0)));
}

DOCTEST_TEST_CASE("a Gaussian is found again, also with noise, and what has none is said so") {
  const inf::Gaussian made{.amplitude = 3e-6,
                           .row = 14.3,
                           .column = 17.8,
                           .sigma_row = 4.0,
                           .sigma_column = 2.5,
                           .correlation = 0.4};
  const Tensor map = made.on(31, 35);
  const inf::Gaussian found = inf::fit_gaussian(map);
  DOCTEST_CHECK(found.amplitude == doctest::Approx(made.amplitude).epsilon(1e-6));
  DOCTEST_CHECK(found.row == doctest::Approx(made.row).epsilon(1e-6));
  DOCTEST_CHECK(found.column == doctest::Approx(made.column).epsilon(1e-6));
  DOCTEST_CHECK(found.sigma_row == doctest::Approx(made.sigma_row).epsilon(1e-6));
  DOCTEST_CHECK(found.sigma_column == doctest::Approx(made.sigma_column).epsilon(1e-6));
  DOCTEST_CHECK(found.correlation == doctest::Approx(made.correlation).epsilon(1e-5));
  DOCTEST_CHECK(found.r_squared == doctest::Approx(1));
  DOCTEST_CHECK(all_close(found.on(31, 35), map, 1e-11));

  const Tensor noisy = (map * (1 + 0.1 * nets::random({31, 35}, 3))).clamp_min(0);
  const inf::Gaussian near = inf::fit_gaussian(noisy);
  DOCTEST_CHECK(near.sigma_row == doctest::Approx(4.0).epsilon(0.05));
  DOCTEST_CHECK(near.r_squared > 0.95);
  DOCTEST_CHECK(near.r_squared < 1);

  DOCTEST_CHECK(inf::fit_gaussian(at::zeros({4, 4}, at::kDouble)).amplitude == 0);
  Tensor point = at::zeros({9, 9}, at::kDouble);
  point[4][4] = 2;
  const inf::Gaussian narrow = inf::fit_gaussian(point);
  DOCTEST_CHECK(narrow.row == doctest::Approx(4).epsilon(1e-3));
  DOCTEST_CHECK(narrow.sigma_row < 0.5);
  DOCTEST_CHECK(std::isfinite(narrow.r_squared));
  DOCTEST_CHECK(std::isfinite(inf::fit_gaussian(at::ones({6, 6}, at::kDouble)).sigma_row));
  DOCTEST_CHECK(!message_of([&] { (void)inf::fit_gaussian(-map); }).empty());
  DOCTEST_CHECK(!message_of([&] { (void)inf::fit_gaussian(map * NAN); }).empty());
}
