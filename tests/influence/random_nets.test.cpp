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
#include "support/rows.hpp"

using lumen::Targets;
using lumen::Tensor;
using lumen::testing::row_error;
using lumen::testing::nets::random;
using lumen::testing::nets::weight;
namespace influence = lumen::influence;
namespace target = lumen::target;

namespace {

using Sizes = std::vector<std::int64_t>;
using Layer = std::function<Tensor(const Tensor&)>;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : source_(at::detail::createCPUGenerator(seed)) {}
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return at::randint(low, high + 1, {1}, source_, at::kLong).item<std::int64_t>();
  }
  bool coin() { return (*this)(0, 1) == 1; }

 private:
  at::Generator source_;
};

/// What a drawn network is made of, and what it does.
struct Drawn {
  std::string text;
  Layer run;
};

Layer drawn_layer(Dice& dice, std::int64_t c, std::int64_t height, std::int64_t width, std::uint64_t seed,
                  std::string& name) {
  const bool tall = height >= 6 && width >= 6, even = c % 2 == 0;
  const std::int64_t size = dice(1, 3), stride = dice(1, 2), dilation = dice(1, 2), padding = dice(0, 2),
                     out = 2 * dice(1, 3);
  const std::int64_t groups = even && dice.coin() ? 2 : 1;
  switch (dice(0, 21)) {
    case 0:
    case 1:
    case 2:
      if (height + 2 * padding <= dilation * (size - 1) + 1 ||
          width + 2 * padding <= dilation * (size - 1) + 1)
        break;
      name = "conv2d";
      return [=, w = weight({out, c / groups, size, size}, seed)](const Tensor& x) {
        return at::conv2d(x, w, {}, stride, padding, dilation, groups);
      };
    case 3:
      if (height > 20) break;
      name = "conv_transpose2d";
      return [=, w = weight({c, out / 2, 3, 3}, seed)](const Tensor& x) {
        return at::conv_transpose2d(x, w, {}, stride, std::min<std::int64_t>(padding, 1), stride - 1);
      };
    case 4:
      name = "relu";
      return [](const Tensor& x) { return at::relu(x); };
    case 5:
      name = "gelu";
      return [](const Tensor& x) { return at::gelu(x); };
    case 6:
      name = "leaky_relu_";
      return [](const Tensor& x) {
        Tensor y = x * 1.5;
        return y.add_(0.1).relu_();
      };
    case 7:
      name = "batch_norm";
      return [g = random({c}, seed), m = random({c}, seed + 1), v = random({c}, seed + 2).abs() + 0.5](
                 const Tensor& x) { return at::batch_norm(x, g, m, m, v, false, 0.1, 1e-5, false); };
    case 8:
      if (!tall) break;
      name = "max_pool2d";
      return [=](const Tensor& x) { return at::max_pool2d(x, 2, 2, 0, 1, size == 1); };
    case 9:
      if (!tall) break;
      name = "max_pool2d 3";
      return [=](const Tensor& x) { return at::max_pool2d(x, 3, stride, 1, 1); };
    case 10:
      if (!tall) break;
      name = "avg_pool2d";
      return [=](const Tensor& x) { return at::avg_pool2d(x, size, stride, 0, size == 2, size == 3); };
    case 11:
      if (height > 20) break;
      name = "nearest";
      return [](const Tensor& x) { return at::upsample_nearest2d(x, Sizes{x.size(2) * 2, x.size(3) * 2}); };
    case 12:
      if (height > 20) break;
      name = "bilinear";
      return [=](const Tensor& x) {
        return at::upsample_bilinear2d(x, Sizes{x.size(2) * 2 - 1, x.size(3) + 3}, size == 1);
      };
    case 13:
      if (c % 4 != 0 || height > 20) break;
      name = "pixel_shuffle";
      return [](const Tensor& x) { return at::pixel_shuffle(x, 2); };
    case 14:
      if (!tall) break;
      name = "reflection_pad2d";
      return [=](const Tensor& x) { return at::reflection_pad2d(x, Sizes{1, 2, padding, 0}); };
    case 15:
      name = "replication_pad2d";
      return [=](const Tensor& x) { return at::replication_pad2d(x, Sizes{0, 1, padding, 2}); };
    case 16:
      if (!tall) break;
      name = "circular";
      return [=](const Tensor& x) { return at::pad(x, Sizes{1, 0, padding, 1}, "circular"); };
    case 17:
      if (!tall) break;
      name = "crop";
      return [](const Tensor& x) { return x.narrow(2, 1, x.size(2) - 2).slice(3, 0, x.size(3) - 1); };
    case 18:
      name = "residual";
      return [w = weight({c, c, 3, 3}, seed)](const Tensor& x) {
        return x + at::relu(at::conv2d(x, w, {}, 1, 1));
      };
    case 19:
      name = "dense";
      return [w = weight({2, c, 3, 3}, seed)](const Tensor& x) {
        return at::cat({x, at::tanh(at::conv2d(x, w, {}, 1, 1))}, 1);
      };
    case 20:
      if (!tall) break;
      name = "down and up";
      return [w = weight({c, c, 3, 3}, seed)](const Tensor& x) {
        const Tensor low = at::silu(at::conv2d(at::max_pool2d(x, 2), w, {}, 1, 1));
        const Tensor up = at::upsample_nearest2d(low, Sizes{x.size(2), x.size(3)});
        return at::cat({up, x}, 1);
      };
    default:
      break;
  }
  name = "constant_pad_nd";
  return [](const Tensor& x) { return at::constant_pad_nd(x, Sizes{0, 1, 1, 0}, 0.5); };
}

Drawn drawn_net(std::uint64_t seed, std::int64_t height, std::int64_t width) {
  Dice dice(seed);
  Drawn net;
  std::vector<Layer> layers;
  Tensor shape = random({1, 2, height, width}, 1);
  const std::int64_t depth = dice(4, 8);
  for (std::int64_t i = 0; i < depth; ++i) {
    std::string name;
    layers.push_back(drawn_layer(dice, shape.size(1), shape.size(2), shape.size(3),
                                 100 * seed + static_cast<std::uint64_t>(i), name));
    shape = layers.back()(shape);
    net.text += name + "; ";
  }
  layers.push_back(
      [head = weight({2, shape.size(1), 1, 1}, seed)](const Tensor& x) { return at::conv2d(x, head); });
  net.run = [layers](const Tensor& x) {
    Tensor y = x;
    for (const Layer& layer : layers) y = layer(y);
    return y;
  };
  return net;
}

}  // namespace

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
