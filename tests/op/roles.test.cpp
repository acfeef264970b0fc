// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/roles.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include <lumen/op/windows.hpp>

#include "op/reads.hpp"

namespace lm = lumen::testing;
namespace op = lumen::op;
using lumen::Tensor;
using lumen::Tensors;

namespace {

const Tensor x = lm::values({2, 4, 5, 5}, 1), rows = lm::values({2, 4}, 2);
const Tensor w = lm::values({6, 4, 3, 3}, 3), m = lm::values({4, 6}, 4), b = lm::values({6}, 5),
             c = lm::values({4}, 6);

/// The constants that are weight and bias, in the one step that `run` runs on `data`.
template <class Run>
void check(const Tensor& data, const Run& run, const Tensor& weight, const Tensor& bias) {
  const auto steps = lm::steps_of({data}, run);
  const lumen::trace::Step& step = steps.back();
  const std::string name = step.op.schema().name();
  DOCTEST_CAPTURE(name);
  DOCTEST_REQUIRE(op::data(step).has_value());
  DOCTEST_CHECK(step.operands[*op::data(step)].value == 0);
  DOCTEST_CHECK(op::weight(step).has_value() == weight.defined());
  DOCTEST_CHECK(op::bias(step).has_value() == bias.defined());
  if (weight.defined()) DOCTEST_CHECK(step.operands[*op::weight(step)].constant.is_same(weight));
  if (bias.defined()) DOCTEST_CHECK(step.operands[*op::bias(step)].constant.is_same(bias));
}

}  // namespace

DOCTEST_TEST_CASE("data, weight and bias under every name that a weighted sum has") {
  check(x, [] { return at::conv2d(x, w, b); }, w, b);
  check(x, [] { return at::conv2d(x, w); }, w, {});
  check(x, [] { return at::convolution(x, w, b, {1, 1}, {0, 0}, {1, 1}, false, {0, 0}, 1); }, w, b);
  check(
      x,
      [] {
        return at::_convolution(x, w, b, {1, 1}, {0, 0}, {1, 1}, false, {0, 0}, 1, false, false, false,
                                false);
      },
      w, b);
  check(x, [] { return at::thnn_conv2d(x, w, {3, 3}, b, {1, 1}, {0, 0}); }, w, b);
  check(x, [] { return at::_slow_conv2d_forward(x, w, {3, 3}, b, {1, 1}, {0, 0}); }, w, b);
  const Tensor back = w.transpose(0, 1).contiguous();
  check(x, [&] { return at::conv_transpose2d(x, back, b); }, back, b);
  check(
      x, [&] { return at::slow_conv_transpose2d(x, back, {3, 3}, b, {1, 1}, {0, 0}, {0, 0}, {1, 1}); }, back,
      b);
  const Tensor turned = m.t().contiguous();
  check(rows, [&] { return at::linear(rows, turned, b); }, turned, b);
  check(rows, [] { return at::addmm(b, rows, m); }, m, b);
  check(rows, [] { return at::mm(rows, m); }, m, {});
  check(rows, [] { return at::matmul(rows, m); }, m, {});
  const Tensor stack = rows.unsqueeze(1), each = m.expand({2, 4, 6}).contiguous(),
               add = b.expand({2, 1, 6}).contiguous();
  check(stack, [&] { return at::bmm(stack, each); }, each, {});
  check(stack, [&] { return at::baddbmm(add, stack, each); }, each, add);
  check(x, [] { return at::batch_norm(x, c, {}, c, c, false, 0.1, 1e-5, false); }, c, {});
  check(x, [] { return at::native_batch_norm(x, c, c, c, c, false, 0.1, 1e-5); }, c, c);
  check(x, [] { return at::group_norm(x, 2, c, c); }, c, c);
  check(x, [] { return at::relu(x); }, {}, {});
}

DOCTEST_TEST_CASE("running statistics are told from weights, also where weights are missing") {
  const Tensor mean = lm::values({4}, 7), variance = mean.square() + 1;
  const auto steps =
      lm::steps_of({x}, [&] { return at::batch_norm(x, {}, {}, mean, variance, false, 0.1, 1e-5, false); });
  const op::Roles roles = op::roles(steps[0]);
  DOCTEST_CHECK_FALSE(op::weight(steps[0]).has_value());
  DOCTEST_CHECK(
      steps[0].operands[op::operand_of(steps[0], roles.running_mean).value()].constant.is_same(mean));
  DOCTEST_CHECK(
      steps[0].operands[op::operand_of(steps[0], roles.running_var).value()].constant.is_same(variance));
  DOCTEST_CHECK(steps[0].arguments[static_cast<std::size_t>(roles.epsilon)].toDouble() == 1e-5);
}

DOCTEST_TEST_CASE("the windows of a convolution and of a pool") {
  const auto steps = lm::steps_of({x}, [] {
    (void)at::conv2d(x, w, {}, {2, 1}, "valid");
    (void)at::conv2d(x, w, {}, 2, at::IntArrayRef{1, 0}, {1, 1}, 1);
    (void)at::max_pool2d(x, {3, 2}, {}, {1, 1});
    return at::conv2d(x, w, {}, at::IntArrayRef{1, 1}, "same", at::IntArrayRef{2, 1});
  });
  const auto at = [&](std::size_t i) { return op::windows(steps[i]).value(); };
  DOCTEST_CHECK(at(0).stride == std::vector<std::int64_t>{2, 1});
  DOCTEST_CHECK(at(0).padding == std::vector<std::int64_t>{0, 0});
  DOCTEST_CHECK(at(1).stride == std::vector<std::int64_t>{2, 2});
  DOCTEST_CHECK(at(1).padding == std::vector<std::int64_t>{1, 0});
  DOCTEST_CHECK(at(2).kernel == std::vector<std::int64_t>{3, 2});
  DOCTEST_CHECK(at(2).stride == std::vector<std::int64_t>{3, 2});
  DOCTEST_CHECK(at(2).padding == std::vector<std::int64_t>{1, 1});
  DOCTEST_CHECK(at(3).padding == std::vector<std::int64_t>{2, 1});
  DOCTEST_CHECK_FALSE(op::windows(lm::steps_of({x}, [] { return at::relu(x); })[0]).has_value());
}
