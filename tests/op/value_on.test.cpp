// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/value_on.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include "op/reads.hpp"
#include "support/allclose.hpp"
#include "support/message.hpp"

namespace lm = lumen::testing;
namespace op = lumen::op;
using lumen::Tensor;
using lumen::Tensors;

namespace {

std::mt19937_64 draw(31);

/// Boxes at a place of their own in each row, computed from what they read, against the whole operator.
void check(const std::string& what, const Tensors& inputs, const lm::Operator& run, bool confined = true,
           double tolerance = 1e-12) {
  DOCTEST_CAPTURE(what);
  std::vector<lumen::trace::Step> steps = lm::steps_of(inputs, [&] { return run(inputs); });
  DOCTEST_REQUIRE(steps.size() == 1);
  const lumen::trace::Step& step = steps.front();
  const Tensors results = run(inputs);
  for (std::size_t r = 0; r < results.size(); ++r) {
    const auto on = op::confined(step, r);
    DOCTEST_CHECK(on.has_value() == confined);
    Tensors operands;
    for (const auto& each : step.operands) {
      operands.push_back(each.is_constant() ? each.constant : inputs[static_cast<std::size_t>(each.value)]);
    }
    const std::vector<std::int64_t> sizes(step.result_sizes[r].begin() + 1, step.result_sizes[r].end());
    for (int trial = 0; trial < 4; ++trial) {
      const lumen::Box box = lm::random_box(sizes, draw);
      DOCTEST_INFO("box " << lm::text_of(box) << " of " << lumen::text(results[r].sizes()));
      const Tensor expected =
          op::cut(results[r], op::Boxes::same(box, static_cast<std::size_t>(results[r].size(0))));
      DOCTEST_CHECK(lm::all_close(op::value_on(step, operands, box, r), expected, tolerance));
      if (!on) continue;
      op::Boxes boxes = op::Boxes::same(box, 3);
      for (std::size_t d = 0; d < sizes.size(); ++d) {
        if (on->whole[d]) boxes.extent[d] = sizes[d];
        for (op::Places& origin : boxes.origins) origin[d] = lm::pick(draw, 0, sizes[d] - boxes.extent[d]);
      }
      Tensors crops;
      for (std::size_t i = 0; i < operands.size(); ++i) {
        if (step.operands[i].is_constant()) {
          crops.emplace_back();
          continue;
        }
        const op::Footprint read = on->footprint(i, boxes);
        crops.push_back(op::cut(operands[i].narrow(0, 0, 1), read.boxes, read.outside));
      }
      DOCTEST_CHECK(
          lm::all_close(on->value(crops, boxes), op::cut(results[r].narrow(0, 0, 1), boxes), tolerance));
    }
  }
}

const Tensor x = lm::values({2, 6, 7, 8}, 1);
const Tensor y = lm::values({2, 6, 7, 8}, 2);

}  // namespace

DOCTEST_TEST_CASE("boxes are cut and laid over, also where they leave the value") {
  const Tensor plane = at::arange(12, at::kDouble).reshape({1, 3, 4});
  const op::Boxes boxes{.origins = {{-1, 2}, {2, -1}, {5, 5}}, .extent = {2, 3}};
  const Tensor crops = op::cut(plane, boxes, 9);
  DOCTEST_CHECK(at::equal(crops[0], at::tensor({9., 9., 9., 2., 3., 9.}, at::kDouble).reshape({2, 3})));
  DOCTEST_CHECK(at::equal(crops[1], at::tensor({9., 8., 9., 9., 9., 9.}, at::kDouble).reshape({2, 3})));
  DOCTEST_CHECK(at::equal(crops[2], at::full({2, 3}, 9, at::kDouble)));
  const op::Boxes inner{.origins = {{0, 3}, {1, 0}, {0, 0}}, .extent = {1, 1}};
  op::lay_over(crops, boxes, at::full({3, 1, 1}, -1, at::kDouble), inner);
  DOCTEST_CHECK(at::equal(crops[0], at::tensor({9., 9., 9., 2., -1., 9.}, at::kDouble).reshape({2, 3})));
  DOCTEST_CHECK(at::equal(crops[1], at::tensor({9., 8., 9., 9., 9., 9.}, at::kDouble).reshape({2, 3})));
  DOCTEST_CHECK_THROWS_AS((void)op::cut(plane, {.origins = {{0}}, .extent = {1}}), lumen::Error);
}

DOCTEST_TEST_CASE("convolutions on boxes: strides, paddings, dilations, groups, transposed") {
  for (int trial = 0; trial < 30; ++trial) {
    const std::int64_t dims = lm::pick(draw, 1, 2), groups = lm::pick(draw, 1, 2);
    std::vector<std::int64_t> size{2, 2 * groups}, forward{2 * groups, 2}, stride, padding, dilation, beyond;
    for (std::int64_t d = 0; d < dims; ++d) {
      size.push_back(lm::pick(draw, 5, 9));
      forward.push_back(lm::pick(draw, 1, 3));
      stride.push_back(lm::pick(draw, 1, 4));
      padding.push_back(lm::pick(draw, 0, 1));
      dilation.push_back(lm::pick(draw, 1, 2));
      beyond.push_back(stride.back() > 1 ? lm::pick(draw, 0, 1) : 0);
    }
    const Tensor in = lm::values(size, draw()), w = lm::values(forward, draw()),
                 b = lm::values({2 * groups}, draw());
    const std::string what = lumen::text(size, forward, stride, padding, dilation, beyond, groups);
    check(what, {in}, [&](const Tensors& at) -> Tensors {
      if (dims == 1) return {at::conv1d(at[0], w, b, stride, padding, dilation, groups)};
      return {at::conv2d(at[0], w, b, stride, padding, dilation, groups)};
    });
    check("transposed " + what, {in}, [&](const Tensors& at) -> Tensors {
      if (dims == 1) return {at::conv_transpose1d(at[0], w, b, stride, padding, beyond, groups, dilation)};
      return {at::conv_transpose2d(at[0], w, b, stride, padding, beyond, groups, dilation)};
    });
  }
  const Tensor w = lm::values({3, 6, 2, 4}, 3);
  check("same", {x}, [&](const Tensors& at) -> Tensors { return {at::conv2d(at[0], w, {}, 1, "same")}; });
}

DOCTEST_TEST_CASE("pools on boxes: ceil mode, dilation, what averages divide by") {
  for (int trial = 0; trial < 20; ++trial) {
    const std::vector<std::int64_t> kernel{lm::pick(draw, 1, 3), lm::pick(draw, 2, 3)},
        stride{lm::pick(draw, 1, 3), lm::pick(draw, 1, 3)};
    const std::vector<std::int64_t> padding{kernel[0] / 2, lm::pick(draw, 0, 1)};
    const bool ceil = draw() % 2 == 0, counted = draw() % 2 == 0;
    const std::string what = lumen::text(kernel, stride, padding, ceil, counted);
    check("max " + what, {x}, [&](const Tensors& at) -> Tensors {
      return {at::max_pool2d(at[0], kernel, stride, padding, {2, 1}, ceil)};
    });
    check("average " + what, {x}, [&](const Tensors& at) -> Tensors {
      return {at::avg_pool2d(at[0], kernel, stride, padding, ceil, counted)};
    });
    check("line " + what, {x.select(2, 0).contiguous()}, [&](const Tensors& at) -> Tensors {
      return {at::avg_pool1d(at[0], {kernel[1]}, {stride[1]}, {padding[1]}, ceil, counted)};
    });
    check("divisor " + what, {x}, [&](const Tensors& at) -> Tensors {
      return {at::avg_pool2d(at[0], kernel, stride, padding, ceil, counted, 5)};
    });
    check("adaptive " + what, {x}, [&](const Tensors& at) -> Tensors {
      return {at::adaptive_avg_pool2d(at[0], {kernel[0] + 2, kernel[1] + 4})};
    });
  }
}

DOCTEST_TEST_CASE("functions of each value on boxes, with constants of any shape") {
  const Tensor c = lm::values({6}, 3), plane = lm::values({7, 8}, 4), rows = lm::values({1, 6, 7, 1}, 5),
               v = c.square() + 1;
  check("relu", {x}, [](const Tensors& at) -> Tensors { return {at::relu(at[0])}; });
  check("gelu", {x}, [](const Tensors& at) -> Tensors { return {at::gelu(at[0])}; });
  check("add", {x, y}, [](const Tensors& at) -> Tensors { return {at::add(at[0], at[1], 0.5)}; });
  check("plane", {x}, [&](const Tensors& at) -> Tensors { return {at[0] * plane}; });
  check("rows", {x}, [&](const Tensors& at) -> Tensors { return {rows - at[0]}; });
  check("number", {x}, [](const Tensors& at) -> Tensors { return {at[0] * 3}; });
  check("gate", {x, lm::values({2, 6, 1, 1}, 6)},
        [](const Tensors& at) -> Tensors { return {at[0] * at[1]}; });
  check("prelu", {x}, [&](const Tensors& at) -> Tensors { return {at::prelu(at[0], c)}; });
  check("batch norm", {x}, [&](const Tensors& at) -> Tensors {
    return {at::batch_norm(at[0], c, {}, c, v, false, 0.1, 1e-5, false)};
  });
  check("softmax", {x}, [](const Tensors& at) -> Tensors { return {at[0].softmax(1)}; });
  check("mean of channels", {x},
        [](const Tensors& at) -> Tensors { return {at[0].mean(at::IntArrayRef{1})}; });
  check("kept", {x}, [](const Tensors& at) -> Tensors { return {at[0].amax(at::IntArrayRef{-1}, true)}; });
  const Tensor w = lm::values({5, 8}, 7), bias = lm::values({5}, 8);
  check("linear", {x}, [&](const Tensors& at) -> Tensors { return {at::linear(at[0], w, bias)}; });
  check("layer norm", {x}, [](const Tensors& at) -> Tensors { return {at::layer_norm(at[0], {8})}; });
  check("glu", {x}, [](const Tensors& at) -> Tensors { return {at::glu(at[0], 1)}; });
  const Tensor stacked =
      lm::values({6, 8, 5}, 9);  // a matrix for each channel, which boxes do not hold all of
  check(
      "matrices by channel", {x}, [&](const Tensors& at) -> Tensors { return {at::matmul(at[0], stacked)}; },
      false);
}

DOCTEST_TEST_CASE("moves on boxes") {
  check("narrow", {x}, [](const Tensors& at) -> Tensors { return {at[0].narrow(2, 1, 4)}; });
  check("slice", {x}, [](const Tensors& at) -> Tensors { return {at[0].slice(3, 1, 8, 2)}; });
  check("flip", {x}, [](const Tensors& at) -> Tensors { return {at[0].flip({2, 3})}; });
  check("roll", {x}, [](const Tensors& at) -> Tensors { return {at[0].roll({3, -2}, {2, 3})}; });
  check("split", {x}, [](const Tensors& at) -> Tensors { return at[0].split(2, 1); });
  check("unbind", {x}, [](const Tensors& at) -> Tensors { return at[0].unbind(2); });
  check("select", {x}, [](const Tensors& at) -> Tensors { return {at[0].select(-1, -2)}; });
  check("cat", {x, y}, [](const Tensors& at) -> Tensors { return {at::cat({at[0], at[1], at[0]}, 1)}; });
  check("permute", {x}, [](const Tensors& at) -> Tensors { return {at[0].permute({0, 2, 3, 1})}; });
  check("unsqueeze", {x}, [](const Tensors& at) -> Tensors { return {at[0].unsqueeze(2)}; });
  check("squeeze", {x.unsqueeze(1)}, [](const Tensors& at) -> Tensors { return {at[0].squeeze(1)}; });
  check("flatten", {x}, [](const Tensors& at) -> Tensors { return {at[0].flatten(2)}; }, false);
  check("repeat", {x}, [](const Tensors& at) -> Tensors { return {at[0].repeat({1, 1, 2, 3})}; });
  check("shuffle", {x}, [](const Tensors& at) -> Tensors { return {at::channel_shuffle(at[0], 3)}; });
  for (const char* mode : {"constant", "reflect", "replicate", "circular"}) {
    check(mode, {x}, [&](const Tensors& at) -> Tensors { return {at::pad(at[0], {2, 3, 1, 4}, mode)}; });
  }
  check("crop", {x},
        [&](const Tensors& at) -> Tensors { return {at::constant_pad_nd(at[0], {-1, 2, 1, -3}, 7)}; });
  for (const std::int64_t r : {2, 3}) {
    const Tensor deep = lm::values({2, 2 * r * r, 4, 3}, 1), wide = lm::values({2, 2, 3 * r, 2 * r}, 2);
    check("pixel_shuffle", {deep},
          [&](const Tensors& at) -> Tensors { return {at::pixel_shuffle(at[0], r)}; });
    check("pixel_unshuffle", {wide},
          [&](const Tensors& at) -> Tensors { return {at::pixel_unshuffle(at[0], r)}; });
  }
}

DOCTEST_TEST_CASE("resizing on boxes") {
  for (int trial = 0; trial < 20; ++trial) {
    const std::vector<std::int64_t> goal{lm::pick(draw, 2, 15), lm::pick(draw, 2, 15)};
    const bool corners = draw() % 2 == 0;
    const std::string what = lumen::text(goal, corners);
    for (const auto& type : {at::kDouble, at::kFloat}) {
      const double tolerance = type == at::kDouble ? 1e-12 : 1e-5;
      const Tensor in = x.to(type);
      check("nearest " + what, {in},
            [&](const Tensors& at) -> Tensors { return {at::upsample_nearest2d(at[0], goal)}; });
      check(
          "bilinear " + what, {in},
          [&](const Tensors& at) -> Tensors { return {at::upsample_bilinear2d(at[0], goal, corners)}; }, true,
          tolerance);
      check(
          "bicubic " + what, {in},
          [&](const Tensors& at) -> Tensors { return {at::upsample_bicubic2d(at[0], goal, corners)}; }, true,
          tolerance);
      check(
          "linear " + what, {in.select(2, 1).contiguous()},
          [&](const Tensors& at) -> Tensors { return {at::upsample_linear1d(at[0], goal[1], corners)}; },
          true, tolerance);
    }
  }
  for (const double by : {1.5, 2.0, 3.3}) {
    check("scaled", {x}, [&](const Tensors& at) -> Tensors {
      return {at::upsample_bilinear2d(at[0], c10::nullopt, false, at::ArrayRef<double>{by, by})};
    });
    check("scaled copies", {x}, [&](const Tensors& at) -> Tensors {
      return {at::upsample_nearest2d(at[0], c10::nullopt, at::ArrayRef<double>{by, by})};
    });
  }
}

DOCTEST_TEST_CASE("the values of boxes, each row's at a place of its own, from what they read") {
  const Tensor w = lm::values({4, 6, 3, 3}, 3);
  const lumen::trace::Step step = lm::steps_of({x}, [&] { return at::conv2d(x, w, {}, 1, 1); }).front();
  //! [confined]
  const auto confined = op::confined(step);  // none: the operator takes its operands whole
  const op::Boxes boxes{.origins = {{0, 0, 0}, {0, 3, 4}}, .extent = {4, 2, 3}};  // of the result
  const op::Footprint read = confined->footprint(0, boxes);                       // of operand 0
  const Tensor crops = op::cut(x, read.boxes, read.outside);                      // [2, 6, 4, 5]
  const Tensor values = confined->value({crops, {}}, boxes);                      // [2, 4, 2, 3]
  //! [confined]
  DOCTEST_CHECK(lm::all_close(values, op::cut(at::conv2d(x, w, {}, 1, 1), boxes), 1e-12));
}

DOCTEST_TEST_CASE("in-place forms leave what they are given; a box that does not fit is refused") {
  const Tensor given = x.clone();
  const auto steps = lm::steps_of({given}, [&] { return given.relu_(); });
  Tensor operand = y.clone();
  const lumen::Box box{{0, 6}, {1, 4}, {2, 5}};
  DOCTEST_CHECK(
      at::equal(op::value_on(steps[0], {operand}, box), op::cut(y.relu(), op::Boxes::same(box, 2))));
  DOCTEST_CHECK(at::equal(operand, y));

  const Tensor w = lm::values({6, 6, 3, 3}, 3);
  const auto conv = lm::steps_of({x}, [&] { return at::conv2d(x, w); });
  const auto on = op::confined(conv[0]).value();
  const std::string message =
      lm::message_of([&] { (void)on.value({x}, op::Boxes::same({{0, 3}, {0, 2}, {0, 2}}, 1)); });
  DOCTEST_CHECK(lm::holds(message, "conv2d 0"));
  DOCTEST_CHECK(lm::holds(message, "hold all"));
}
