// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/channel_map.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include "op/reads.hpp"
#include "support/allclose.hpp"

namespace lm = lumen::testing;
namespace op = lumen::op;
using lumen::Tensor;

namespace {

const Tensor x = lm::values({2, 3, 4, 5}, 1);
const Tensor c = lm::values({3}, 2), mean = lm::values({3}, 3), variance = mean.square() + 0.5;
const Tensor wide = c.reshape({3, 1, 1}), wider = c.reshape({1, 3, 1, 1});

/// The last operator that `run` runs on x: it must be scale * x + shift.
template <class Run>
void check(const std::string& what, const Run& run) {
  DOCTEST_CAPTURE(what);
  const auto steps = lm::steps_of({x}, run);
  const auto map = op::channel_map(steps.back());
  DOCTEST_REQUIRE(map.has_value());
  DOCTEST_CHECK(
      lm::all_close(x * op::on_channels(map->scale, x) + op::on_channels(map->shift, x), run(), 1e-12));
}
template <class Run>
void check_none(const std::string& what, const Run& run) {
  DOCTEST_CAPTURE(what);
  DOCTEST_CHECK_FALSE(op::channel_map(lm::steps_of({x}, run).back()).has_value());
}

}  // namespace

DOCTEST_TEST_CASE(
    "normalisation by fixed statistics is an affine map of each channel, under all of its names") {
  check("all", [] { return at::batch_norm(x, c, mean, mean, variance, false, 0.1, 1e-3, false); });
  check("no weight", [] { return at::batch_norm(x, {}, c, mean, variance, false, 0.1, 1e-3, false); });
  check("no bias", [] { return at::batch_norm(x, c, {}, mean, variance, false, 0.1, 1e-3, false); });
  check("native",
        [] { return std::get<0>(at::native_batch_norm(x, c, c, mean, variance, false, 0.1, 1e-3)); });
  check("instance", [] { return at::instance_norm(x, c, c, mean, variance, false, 0.1, 1e-3, false); });
  check_none("of the batch",
             [] { return at::batch_norm(x, c, c, mean.clone(), variance.clone(), true, 0.1, 1e-3, false); });
  check_none("no statistics", [] { return at::batch_norm(x, c, c, {}, {}, true, 0.1, 1e-3, false); });
  check_none("of each sample", [] {
    return at::instance_norm(x, c, c, mean.clone(), variance.clone(), true, 0.1, 1e-3, false);
  });
}

DOCTEST_TEST_CASE("sums and products with numbers and with one constant a channel") {
  check("mul", [] { return x * wide; });
  check("mul from the left", [] { return wider * x; });
  check("number", [] { return x * 3; });
  check("div", [] { return x / wide; });
  check("div by a number", [] { return x / 4; });
  check("add", [] { return at::add(x, wide, 0.5); });
  check("add behind", [] { return at::add(wide, x, 0.5); });
  check("sub", [] { return at::sub(x, wider, 2); });
  check("sub from", [] { return at::sub(wider, x, 2); });
  check("rsub", [] { return at::rsub(x, 1.5, 3); });
  check("rsub of a tensor", [] { return at::rsub(x, wide, 3); });
  const Tensor seven = at::full({1}, 7, at::kDouble), plane = at::ones({4, 5}, at::kDouble);
  const Tensor line = at::ones({5}, at::kDouble), more = at::ones({2, 1, 3, 1, 1}, at::kDouble);
  check("one for all", [&] { return x + seven; });
  check_none("a quotient of a constant", [] { return wide / x; });
  check_none("rounded", [] { return at::div(x, 4, "floor"); });
  check_none("a plane", [&] { return x + plane; });
  check_none("by columns", [&] { return x * line; });
  check_none("itself", [] { return x * x; });
  check_none("relu", [] { return at::relu(x); });
  check_none("grown", [&] { return x * more; });
}
