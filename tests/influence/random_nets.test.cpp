// SPDX-License-Identifier: BSD-3-Clause
// Networks drawn from every operator that gradients are confined in, and some in which they are not: the rows are those
// of plain backward passes.
#include <lumen/influence/rows.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/nets.hpp"
#include "support/random_nets.hpp"
#include "support/rows.hpp"

using lumen::Targets;
using lumen::Tensor;
using lumen::testing::Drawn;
using lumen::testing::drawn_net;
using lumen::testing::row_error;
using lumen::testing::nets::random;
using lumen::testing::nets::weight;
namespace influence = lumen::influence;
namespace target = lumen::target;

DOCTEST_TEST_CASE("rows of random networks") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto height = static_cast<std::int64_t>(9 + seed % 12),
               width = static_cast<std::int64_t>(9 + seed % 7);
    const Drawn net = drawn_net(seed, height, width);
    DOCTEST_CAPTURE(seed);
    DOCTEST_CAPTURE(net.text);
    const Tensor x = random({1, 2, height, width}, seed);
    const Targets targets{target::Softmax{target::Class{.index = 1}}};
    influence::Report report;
    const influence::Every some{.step = 1 + static_cast<std::int64_t>(seed % 3)};
    DOCTEST_CHECK(row_error(net.run, x, some, targets, {.run = {.memory = seed % 2 == 0 ? 1 : 1 << 24}},
                            &report) < 1e-11);
    DOCTEST_CHECK_MESSAGE(report.way == influence::Way::Rows, report.why);
    influence::Report by_columns;
    const influence::Options columns{.run = {.memory = 1 << 24}, .way = influence::Way::Columns};
    DOCTEST_CHECK(row_error(net.run, x, some, targets, columns, &by_columns) < 1e-11);
    DOCTEST_CHECK(by_columns.way == influence::Way::Columns);
    for (const influence::StepReport& step : report.steps) {
      DOCTEST_CAPTURE(step.where);
      DOCTEST_CHECK((step.confined || step.share == 1.0));
    }
  }
}

DOCTEST_TEST_CASE(
    "where a network is not local, whole gradients go on from there, and the result says where") {
  const Tensor first = weight({4, 1, 3, 3}, 1), second = weight({4, 4, 3, 3}, 2),
               head = weight({2, 4, 3, 3}, 3);
  const Tensor gate = weight({4, 4}, 4);
  const auto squeeze = [&](const Tensor& x) {
    const Tensor y = at::relu(at::conv2d(x, first, {}, 1, 1));
    const Tensor scale = at::sigmoid(at::linear(y.mean({2, 3}), gate)).unsqueeze(2).unsqueeze(3);
    return at::conv2d(at::relu(at::conv2d(y * scale, second, {}, 1, 1)), head, {}, 1, 1);
  };
  const auto attention = [&](const Tensor& x) {
    const Tensor y = at::conv2d(x, first, {}, 1, 1), flat = y.flatten(2);
    const Tensor mixed = at::matmul(flat, at::softmax(at::matmul(flat.transpose(1, 2), flat), 2)).view_as(y);
    return at::conv2d(at::relu(at::conv2d(mixed + y, second, {}, 1, 1)), head, {}, 1, 1);
  };
  const auto normal = [&](const Tensor& x) {
    return at::conv2d(at::relu(at::group_norm(at::conv2d(x, first, {}, 1, 1), 2)), head, {}, 1, 1);
  };
  const Tensor x = random({1, 1, 12, 14}, 5);
  for (const std::function<Tensor(const Tensor&)>& net :
       std::vector<std::function<Tensor(const Tensor&)>>{squeeze, attention, normal}) {
    influence::Report report;
    DOCTEST_CHECK(row_error(net, x, influence::Every{.step = 2}, {target::Class{.index = 1}}, {}, &report) <
                  1e-12);
    DOCTEST_CHECK_MESSAGE(report.way == influence::Way::Rows, report.why);
    DOCTEST_CHECK(report.steps.back().confined);
    DOCTEST_CHECK_FALSE(report.steps.front().confined);
  }
  const Tensor mean = at::zeros({4}, at::kDouble), variance = at::ones({4}, at::kDouble);
  const auto training = [&](const Tensor& x_) {
    return at::conv2d(at::batch_norm(at::conv2d(x_, first, {}, 1, 1), {}, {}, mean.clone(), variance.clone(),
                                     true, 0.1, 1e-5, false),
                      head);
  };
  influence::Report report;
  DOCTEST_CHECK(
      row_error(training, x, influence::Every{.step = 3}, {target::Class{.index = 1}}, {}, &report) < 1e-12);
  DOCTEST_CHECK(report.way == influence::Way::Whole);
  DOCTEST_CHECK_FALSE(report.why.empty());
}
