// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/mask/rise.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Rise;
using lumen::Tensor;
using lumen::target::Class;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// F(x) = 3 + sum of w x, [N, 1].
struct Linear {
  Tensor weight;
  Tensor operator()(const Tensor& x) const { return (x * weight).flatten(1).sum(1, true) + 3; }
};

/// RISE's map of it in closed form: sum over j of w_j x_j E[M_i M_j] / p + 3, where E[M_i M_j] is p^2, and p (1 - p)
/// times what i and j have of the same cells, the mean over all shifts.
Tensor closed_form(const Tensor& contribution, std::int64_t cells, double p) {
  const std::int64_t height = contribution.size(0), width = contribution.size(1);
  const std::int64_t down = (height + cells - 1) / cells, across = (width + cells - 1) / cells;
  const Tensor basis = at::eye(cells * cells, at::kDouble).reshape({cells * cells, 1, cells, cells});
  const Tensor large = at::upsample_bilinear2d(basis, {(cells + 1) * down, (cells + 1) * across}, false);
  Tensor shared = at::zeros({height * width, height * width}, at::kDouble);
  for (std::int64_t top = 0; top < down; ++top) {
    for (std::int64_t left = 0; left < across; ++left) {
      const Tensor part = large.narrow(2, top, height).narrow(3, left, width).reshape({cells * cells, -1});
      shared += at::mm(part.t(), part);
    }
  }
  const Tensor both = p * p + p * (1 - p) * shared / static_cast<double>(down * across);
  return (at::mv(both, contribution.reshape({-1})) / p + 3).reshape({height, width});
}

}  // namespace

DOCTEST_TEST_CASE(
    "on an additive model RISE converges to its closed form, within the standard errors it gives") {
  const Linear net{nets::random({2, 7, 9}, 1)};
  const Tensor x = nets::random({1, 2, 7, 9}, 2);
  for (const double p : {0.5, 0.3}) {
    const Tensor expected = closed_form((net.weight * x).sum(1)[0], 3, p);
    const auto why = Rise{.samples = 6000, .grid = 3, .probability = p, .seed = 4}(net, x, Class{});
    DOCTEST_CHECK(why.map.sizes() == x.sizes());
    DOCTEST_CHECK(all_close(why.map.select(1, 0), why.map.select(1, 1), 0.0));
    const Tensor away = (why.map[0][0] - expected).abs() / why.standard_error[0][0];
    DOCTEST_CHECK(away.max().item<double>() < 4.5);
    DOCTEST_CHECK(why.standard_error.max().item<double>() < 0.06 * expected.abs().max().item<double>());
    DOCTEST_CHECK(why.forward_passes == 6002);
  }
}

DOCTEST_TEST_CASE("the standard errors of RISE cover the truth as often as they should") {
  const Linear net{nets::random({1, 6, 6}, 1)};
  const Tensor x = nets::random({1, 1, 6, 6}, 2);
  const Tensor expected = closed_form((net.weight * x)[0][0], 2, 0.5);
  Tensor inside = at::zeros({6, 6}, at::kDouble);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto why = Rise{.samples = 100, .grid = 2, .seed = seed}(net, x, Class{});
    inside += ((why.map[0][0] - expected).abs() <= 1.96 * why.standard_error[0][0]).to(at::kDouble);
  }
  const double covered = inside.mean().item<double>() / 200;
  DOCTEST_CAPTURE(covered);
  DOCTEST_CHECK(covered > 0.90);
  DOCTEST_CHECK(covered < 0.98);
}

DOCTEST_TEST_CASE("each feature of [N, F] is a cell: kept or removed, with no upsampling") {
  const Linear net{nets::random({5}, 1)};
  const Tensor x = nets::random({2, 5}, 2), part = net.weight * x;
  const auto why = Rise{.samples = 8000, .probability = 0.4, .seed = 1}(net, x, Class{});
  const Tensor expected = 0.4 * part.sum(1, true) + 0.6 * part + 3;
  DOCTEST_CHECK(((why.map - expected).abs() / why.standard_error).max().item<double>() < 4.5);
}

DOCTEST_TEST_CASE(
    "RISE stops where its standard errors are small enough, whatever the budget and the company") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 3);
  Rise method{.samples = 50, .tolerance = 0.02, .max_samples = 3000, .grid = 4, .seed = 5};
  const auto why = method(net, x, Class{.index = 1});
  DOCTEST_CHECK(why.forward_passes > 52);
  DOCTEST_CHECK(why.forward_passes < 3002);
  DOCTEST_CHECK(why.standard_error.max().item<double>() <= 0.02);
  for (const std::int64_t bytes : {1, 30000}) {
    method.run.memory = bytes;
    const auto pieces = method(net, x, Class{.index = 1});
    DOCTEST_CHECK(pieces.forward_passes == why.forward_passes);
    DOCTEST_CHECK(all_close(pieces.map, why.map, 1e-12));
    DOCTEST_CHECK(all_close(pieces.standard_error, why.standard_error, 1e-9));
  }
  for (const double tolerance : {0.02, 0.0}) {
    method.tolerance = tolerance;
    const auto both = method(net, x, Class{.index = 1});
    const auto alone = method(net, x.narrow(0, 1, 1), Class{.index = 1});
    DOCTEST_CHECK(all_close(alone.map, both.map.narrow(0, 1, 1), 1e-12));
  }
}

DOCTEST_TEST_CASE("several inputs have masks of their own, several targets share the passes") {
  const Tensor a = nets::random({1, 1, 6, 6}, 1), b = nets::random({1, 4}, 2);
  const Tensor u = nets::random({1, 6, 6}, 3), v = nets::random({4}, 4);
  std::int64_t rows = 0;
  const auto net = [&](const Tensor& first, const Tensor& second) {
    rows += first.size(0);
    return at::stack({(first * u).flatten(1).sum(1), (second * v).sum(1)}, 1);
  };
  const Rise method{.samples = 2000, .grid = 6, .seed = 3};
  const auto why = method(net, std::tuple{a, b}, lumen::Targets{Class{.index = 0}, Class{.index = 1}});
  DOCTEST_CHECK(rows == 2002 + 1);  // one of them alone, too
  const auto& [first, second] = why[0].map;
  const Tensor ua = (u * a).sum();  // of the other input the score is independent: E[F | kept] = E[F]
  DOCTEST_CHECK(((second - ua / 2).abs() / std::get<1>(why[0].standard_error)).max().item<double>() < 4.5);
  DOCTEST_CHECK(
      ((first - (ua / 2 + u * a / 2)).abs() / std::get<0>(why[0].standard_error)).max().item<double>() < 4.5);
  DOCTEST_CHECK(all_close(std::get<0>(method(net, std::tuple{a, b}, Class{.index = 1}).map),
                          std::get<0>(why[1].map), 1e-12));
}

DOCTEST_TEST_CASE("the examples of the docs") {
  namespace lm = lumen;
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 3);
  //! [rise]
  const auto why = lm::Rise{.samples = 200, .tolerance = 0.02, .max_samples = 4000, .grid = 4}(
      net, image, lm::target::Class{.index = 1});
  const Tensor map = why.map;               // F where a pixel is kept, on average, in units of the score
  const Tensor error = why.standard_error;  // nowhere above 0.02
  //! [rise]
  DOCTEST_CHECK(error.max().item<double>() <= 0.02);
  DOCTEST_CHECK(map.sizes() == image.sizes());
}

DOCTEST_TEST_CASE("what RISE cannot do is an Error") {
  const nets::ConvNet net;
  const Tensor x = nets::random({1, 1, 8, 8}, 3);
  const auto error = [&](const Rise<>& method) {
    return message_of([&] { (void)method(net, x, Class{.index = 1}); });
  };
  DOCTEST_CHECK(holds(error({.samples = 0}), "samples is 0"));
  DOCTEST_CHECK(holds(error({.tolerance = -1}), "tolerance is -1"));
  DOCTEST_CHECK(holds(error({.tolerance = std::nan("")}), "tolerance is nan"));
  DOCTEST_CHECK(holds(error({.grid = 0}), "grid is 0"));
  DOCTEST_CHECK(holds(error({.probability = 1}), "probability is 1"));
  DOCTEST_CHECK(holds(error({.probability = std::nan("")}), "probability is nan"));
  const auto infinite = [](const Tensor& v) { return (1 / v.flatten(1)).sum(1, true); };
  DOCTEST_CHECK(
      holds(message_of([&] { (void)Rise{.samples = 9}(infinite, x, Class{}); }), "NaN or infinite"));
}
