// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/guided_integrated_gradients.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::GuidedIntegratedGradients;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<GuidedIntegratedGradients<>>);

namespace {

/// The paper's algorithm for one sample, feature by feature.
template <class Score>
Tensor walk(const Score& score, const Tensor& input, const Tensor& origin, std::int64_t steps,
            double fraction, double max_distance) {
  const Tensor goal_tensor = input.reshape({-1}), origin_tensor = origin.reshape({-1});
  const auto size = static_cast<std::size_t>(goal_tensor.numel());
  std::vector<double> goal(size), from(size), at(size), map(size, 0.0);
  double length = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    goal[i] = goal_tensor[static_cast<std::int64_t>(i)].item<double>();
    from[i] = at[i] = origin_tensor[static_cast<std::int64_t>(i)].item<double>();
    length += std::abs(goal[i] - from[i]);
  }
  const auto on_line = [&](std::size_t i, double t) { return from[i] + (goal[i] - from[i]) * t; };
  for (std::int64_t step = 1; step <= steps; ++step) {
    const Tensor point = at::tensor(at, at::kDouble).reshape(input.sizes());
    const Tensor slope = lumen::testing::oracle::gradient(score, point).reshape({-1});
    const double t = static_cast<double>(step) / static_cast<double>(steps);
    const double low = std::max(t - max_distance, 0.0), high = std::min(t + max_distance, 1.0);
    const std::vector<double> before = at;
    for (std::size_t i = 0; i < size; ++i) {
      if (std::abs(at[i] - from[i]) < std::abs(on_line(i, low) - from[i])) at[i] = on_line(i, low);
    }
    std::vector<double> magnitude(size);
    for (std::size_t i = 0; i < size; ++i)
      magnitude[i] = std::abs(slope[static_cast<std::int64_t>(i)].item<double>());
    for (std::size_t round = 0; round < size + 2; ++round) {
      double left = 0.0;
      for (std::size_t i = 0; i < size; ++i) left += std::abs(goal[i] - at[i]);
      if (left - length * (1.0 - t) <= length * 1e-9) break;
      for (std::size_t i = 0; i < size; ++i) {
        if (at[i] == on_line(i, high)) magnitude[i] = std::numeric_limits<double>::infinity();
      }
      std::vector<double> sorted = magnitude;
      std::sort(sorted.begin(), sorted.end());
      const double threshold = sorted[static_cast<std::size_t>(fraction * static_cast<double>(size - 1))];
      double reach = 0.0;
      for (std::size_t i = 0; i < size; ++i) {
        if (magnitude[i] <= threshold && !std::isinf(magnitude[i]))
          reach += std::abs(on_line(i, high) - at[i]);
      }
      if (reach == 0.0) break;
      const double share = std::min(1.0, (left - length * (1.0 - t)) / reach);
      for (std::size_t i = 0; i < size; ++i) {
        if (magnitude[i] > threshold || std::isinf(magnitude[i])) continue;
        at[i] = share >= 1.0 ? on_line(i, high) : at[i] + (on_line(i, high) - at[i]) * share;
      }
    }
    for (std::size_t i = 0; i < size; ++i)
      map[i] += (at[i] - before[i]) * slope[static_cast<std::int64_t>(i)].item<double>();
  }
  return at::tensor(map, at::kDouble).reshape(input.sizes());
}

}  // namespace

DOCTEST_TEST_CASE("it equals the paper's algorithm walked feature by feature") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 1), origin = nets::random({2, 1, 8, 8}, 2, 0.1);
  for (const double fraction : {0.1, 0.25, 1.0}) {
    for (const double distance : {0.0, 0.02, 0.3}) {
      const GuidedIntegratedGradients method{.baseline = lumen::baseline::Given{origin},
                                             .steps = 15,
                                             .fraction = fraction,
                                             .max_distance = distance};
      const auto why = method(net, x, target::Class{.index = 1});
      for (std::int64_t i = 0; i < 2; ++i) {
        const auto score = [&](const Tensor& one) { return net(one).select(1, 1); };
        DOCTEST_CHECK(
            all_close(why.map.narrow(0, i, 1),
                      walk(score, x.narrow(0, i, 1), origin.narrow(0, i, 1), 15, fraction, distance), 1e-9));
      }
    }
  }
}

DOCTEST_TEST_CASE("rounding of many features in float32 does not keep the path from arriving") {
  for (const double fraction : {0.25, 1.0}) {
    const Tensor goal = nets::random({2, 20000}, 7).to(at::kFloat);
    lumen::path::Guided path{at::zeros_like(goal), goal, fraction, 0.02};
    for (int step = 1; step <= 16; ++step) {
      const double t = step / 16.0;
      const Tensor slope = nets::random({2, 20000}, static_cast<std::uint64_t>(7 + step)).to(at::kFloat);
      DOCTEST_CHECK(path.advance(slope, t) <= static_cast<std::int64_t>(1.0 / fraction) + 1);
      const Tensor covered = path.at.to(at::kDouble).abs().sum(1) / goal.to(at::kDouble).abs().sum(1);
      DOCTEST_CHECK((covered - t).abs().max().item<double>() < 1e-6);
    }
    DOCTEST_CHECK((path.at - goal).abs().max().item<float>() < 1e-5F);
  }
}

DOCTEST_TEST_CASE("with no freedom it is integrated gradients by the left Riemann sum") {
  const nets::Smooth net;
  const Tensor x = nets::random({3, 6}, 3);
  const auto guided =
      GuidedIntegratedGradients{.steps = 12, .max_distance = 0.0}(net, x, target::Class{.index = 0});
  const auto straight = lumen::IntegratedGradients{.steps = 12, .rule = lumen::quadrature::RiemannLeft{}}(
      net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(guided.map, straight.map, 1e-9));
}

DOCTEST_TEST_CASE("the completeness error falls as one over the steps") {
  const nets::Smooth net;
  const Tensor x = nets::random({4, 6}, 4);
  const auto error = [&](std::int64_t steps) {
    const auto why = GuidedIntegratedGradients{.steps = steps}(net, x, target::Class{.index = 0});
    DOCTEST_CHECK(all_close(why.completeness_error,
                            why.map.sum(1) - (net(x) - net(at::zeros_like(x))).select(1, 0), 1e-12));
    return why.completeness_error.abs().sum().item<double>();
  };
  DOCTEST_CHECK(error(1600) < 0.2 * error(200));
}

DOCTEST_TEST_CASE("batches, chunks and several targets do not change it") {
  const nets::Segmentation net;
  const Tensor x = nets::random({3, 1, 6, 6}, 5);
  const lumen::Targets both{target::ClassRegion{.channel = 1},
                            target::Pixel{.channel = 0, .row = 2, .column = 3}};
  const GuidedIntegratedGradients method{.steps = 10};
  const auto whole = method(net, x, both);
  const auto split = GuidedIntegratedGradients{.steps = 10, .run = {.memory = 1}}(net, x, both);
  for (std::size_t t = 0; t < 2; ++t) {
    DOCTEST_CHECK(all_close(whole[t].map, split[t].map, 1e-10));
    DOCTEST_CHECK(
        all_close(whole[t].map.narrow(0, 2, 1), method(net, x.narrow(0, 2, 1), both)[t].map, 1e-10));
  }
}

DOCTEST_TEST_CASE("an input equal to its baseline gets zeros, bad options are errors") {
  const nets::Smooth net;
  const Tensor x = nets::random({2, 6}, 6);
  const auto same =
      GuidedIntegratedGradients{.baseline = lumen::baseline::Given{x}, .steps = 5}(net, x, target::Class{});
  DOCTEST_CHECK(all_close(same.map, at::zeros_like(x)));
  DOCTEST_CHECK_THROWS_WITH_AS((void)GuidedIntegratedGradients{.fraction = 0.0}(net, x, target::Class{}),
                               doctest::Contains("fraction 0"), lumen::Error);
}
