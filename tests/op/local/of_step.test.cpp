// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/local/of_step.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>

#include <lumen/trace/intercept.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::max_error;
using lumen::testing::nets::random;
namespace local = lumen::op::local;
namespace trace = lumen::trace;

namespace {

/// The only operator that runs, with the given tensors as values and all others as constants.
struct Recorded {
  std::optional<trace::Step> step;
  Tensors operands;
};

class Recorder final : public trace::Listener {
 public:
  explicit Recorder(const Tensors& values) : values_(values) {}
  void on_call(trace::Call& call) override {
    trace::Step step{.op = call.op, .kind = trace::kind_of(call.op, call.arguments)};
    step.arguments = call.arguments;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const c10::IValue& argument = call.arguments[i];
      if (argument.isTensor() && argument.toTensor().defined()) add(step, argument.toTensor(), i, -1);
      if (!argument.isTensorList()) continue;
      std::int64_t element = 0;
      for (const Tensor& each : argument.toTensorVector()) add(step, each, i, element++);
    }
    call.proceed();
    for (const Tensor& each : trace::tensors_in(call.results)) {
      step.result_sizes.push_back(each.sizes().vec());
      step.results.push_back(static_cast<std::int64_t>(100 + step.results.size()));
    }
    recorded.step.emplace(std::move(step));
    ++count;
  }
  Recorded recorded;
  int count = 0;

 private:
  void add(trace::Step& step, const Tensor& tensor, std::size_t argument, std::int64_t element) {
    trace::Operand operand{.sizes = tensor.sizes().vec(), .dtype = tensor.scalar_type()};
    operand.argument = static_cast<std::int64_t>(argument);
    operand.element = element;
    for (std::size_t v = 0; v < values_.size(); ++v) {
      if (values_[v].is_same(tensor)) operand.value = static_cast<std::int64_t>(v);
    }
    if (operand.is_constant()) operand.constant = tensor;
    step.operands.push_back(operand);
    recorded.operands.push_back(tensor);
  }
  const Tensors& values_;
};

using Op = std::function<Tensor(const Tensors&)>;

Recorded record(const Op& op, const Tensors& values) {
  Recorder recorder(values);
  {
    const at::NoGradGuard no_grad;
    const trace::Listening listening(recorder);
    (void)op(values);
  }
  DOCTEST_REQUIRE(recorder.count == 1);
  return std::move(recorder.recorded);
}

/// Patches of a plane, some of which leave it.
local::Patches some(const local::Plane& plane, std::int64_t h, std::int64_t w, bool aligned,
                    std::uint64_t seed) {
  const std::int64_t b = 5;
  h = std::min(h, plane.height), w = std::min(w, plane.width);
  local::Patches patches{random({b, plane.channels, h, w}, seed), {}, {}, false, false};
  at::Generator source = at::detail::createCPUGenerator(seed);
  const auto draw = [&](std::int64_t size, std::int64_t extent) {
    if (extent == size) return std::int64_t{0};
    return at::randint(-extent + 1, size, {1}, source, at::kLong).item<std::int64_t>();
  };
  for (std::int64_t i = 0; i < b; ++i) {
    patches.rows.push_back(aligned && i > 0 ? patches.rows[0] : draw(plane.height, h));
    patches.columns.push_back(aligned && i > 0 ? patches.columns[0] : draw(plane.width, w));
  }
  return patches;
}

Tensor laid_out(const local::Patches& patches, const local::Plane& plane) {
  const Tensor result =
      at::zeros({patches.size(), plane.channels, plane.height, plane.width}, patches.values.options());
  for (std::int64_t b = 0; b < patches.size(); ++b) {
    for (std::int64_t y = 0; y < patches.height(); ++y) {
      for (std::int64_t x = 0; x < patches.width(); ++x) {
        const std::int64_t row = patches.rows[static_cast<std::size_t>(b)] + y;
        const std::int64_t column = patches.columns[static_cast<std::size_t>(b)] + x;
        if (row < 0 || column < 0 || row >= plane.height || column >= plane.width) continue;
        result[b].select(1, row).select(1, column).copy_(patches.values[b].select(1, y).select(1, x));
      }
    }
  }
  return result;
}

/// Both directions against autograd, for every value among the operands.
void check(const char* what, const Op& op, const Tensors& values, bool expected = true) {
  const std::string name = what;
  DOCTEST_CAPTURE(name);
  const Recorded recorded = record(op, values);
  std::size_t found = 0;
  for (std::size_t v = 0; v < values.size(); ++v) {
    std::size_t operand = 0;
    while (recorded.step->operands[operand].value != static_cast<std::int64_t>(v)) ++operand;
    const local::LocalMapPtr map = local::local_map(*recorded.step, operand, recorded.operands, 0);
    if (!map) continue;
    ++found;
    Tensors leaves = values;
    leaves[v] = values[v].detach().clone().requires_grad_(true);
    const Tensor result = op(leaves);
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const auto size = static_cast<std::int64_t>(1 + seed % 4);
      const bool aligned = seed % 3 == 0;
      const local::Patches gradient = some(map->to(), size, 1 + (size + 1) % 4, aligned, seed);
      const Tensor dense = laid_out(gradient, map->to());
      Tensors rows;
      for (std::int64_t b = 0; b < 5; ++b)
        rows.push_back(torch::autograd::grad({result}, {leaves[v]}, {dense.narrow(0, b, 1)}, true).front());
      const local::Patches pulled = map->pull(gradient);
      DOCTEST_CHECK(max_error(laid_out(pulled, map->from()), at::cat(rows)) < 1e-12);

      const local::Patches change = some(map->from(), size, 1 + (size + 1) % 4, aligned, seed + 100);
      const Tensor moved = laid_out(change, map->from());
      const Tensor weight = at::zeros_like(result).requires_grad_(true);
      const Tensor linear = torch::autograd::grad({result}, {leaves[v]}, {weight}, true, true).front();
      Tensors columns;
      for (std::int64_t b = 0; b < 5; ++b) {
        Tensor column = at::zeros_like(result);
        if (linear.requires_grad())
          column = torch::autograd::grad({linear}, {weight}, {moved.narrow(0, b, 1)}, true).front();
        columns.push_back(column);
      }
      DOCTEST_CHECK(max_error(laid_out(map->push(change), map->to()), at::cat(columns)) < 1e-12);
    }
  }
  DOCTEST_CHECK(found == (expected ? values.size() : 0));
}

Tensor image(std::int64_t c, std::int64_t h, std::int64_t w, std::uint64_t seed = 3) {
  return random({1, c, h, w}, seed);
}

}  // namespace

DOCTEST_TEST_CASE("convolutions") {
  for (const std::int64_t stride : {1, 2, 3}) {
    for (const std::int64_t padding : {0, 1, 2}) {
      for (const std::int64_t dilation : {1, 2}) {
        for (const std::int64_t groups : {1, 2}) {
          const Tensor weight = random({4, 2 / groups, 3, 2}, 1), back = random({2, 4 / groups, 3, 3}, 2);
          const Tensor bias = random({4}, 5);
          check("conv2d",
                [&](const Tensors& v) {
                  return at::conv2d(v[0], weight, bias, stride, padding, dilation, groups);
                },
                {image(2, 9, 11)});
          check("conv_transpose2d",
                [&](const Tensors& v) {
                  return at::conv_transpose2d(v[0], back, bias, stride, padding, stride - 1, groups,
                                              std::max(dilation, stride));
                },
                {image(2, 5, 6)});
        }
      }
    }
  }
  const Tensor even = random({3, 2, 4, 4}, 1), wide = random({40, 300, 3, 3}, 2),
               deep = random({300, 40, 3, 3}, 2);
  check("same", [&](const Tensors& v) { return at::conv2d(v[0], even, {}, 1, "same"); }, {image(2, 9, 8)});
  for (const std::int64_t stride : {1, 2}) {
    check("many in", [&](const Tensors& v) { return at::conv2d(v[0], wide, {}, stride, 1); },
          {image(300, 7, 6)});
    check("many out", [&](const Tensors& v) { return at::conv2d(v[0], deep, {}, stride, 1); },
          {image(40, 7, 6)});
  }
  const Tensor x = image(2, 9, 9), learnt = random({2, 2, 3, 3}, 4);
  check(
      "a weight that depends on the input is no constant",
      [&](const Tensors& v) { return at::conv2d(v[0], v[1]); }, {x, learnt}, false);
}

DOCTEST_TEST_CASE("pointwise operators, of one value and of several") {
  const Tensor x = image(3, 6, 7), y = image(3, 6, 7, 8), one = image(1, 6, 7, 9),
               slope = at::full({3}, 0.3, at::kDouble);
  check("relu", [](const Tensors& v) { return at::relu(v[0]); }, {x});
  check("gelu", [](const Tensors& v) { return at::gelu(v[0]); }, {x});
  check("leaky_relu", [](const Tensors& v) { return at::leaky_relu(v[0], 0.1); }, {x});
  check("hardswish", [](const Tensors& v) { return at::hardswish(v[0]); }, {x});
  check("prelu", [&](const Tensors& v) { return at::prelu(v[0], slope); }, {x});
  check("clamp", [](const Tensors& v) { return at::clamp(v[0], -0.5, 0.5); }, {x});
  check("add", [](const Tensors& v) { return at::add(v[0], v[1], 0.5); }, {x, y});
  check("mul", [](const Tensors& v) { return at::mul(v[0], v[1]); }, {x, y});
  check("div", [](const Tensors& v) { return at::div(v[0], v[1]); }, {x, y.abs() + 1});
  check("maximum", [](const Tensors& v) { return at::maximum(v[0], v[1]); }, {x, y});
  check("atan2", [](const Tensors& v) { return at::atan2(v[0], v[1]); }, {x, y});
  check("logaddexp", [](const Tensors& v) { return at::logaddexp(v[0], v[1]); }, {x, y});
  check("lerp", [](const Tensors& v) { return at::lerp(v[0], v[1], 0.3); }, {x, y});
  check("nan_to_num", [](const Tensors& v) { return at::nan_to_num(v[0]); }, {x});
  check("round", [](const Tensors& v) { return at::round(v[0]); }, {x});
  check("a gate of one channel", [](const Tensors& v) { return at::mul(v[0], v[1]); }, {x, one});
  check("times 2", [](const Tensors& v) { return at::mul(v[0], 2.0); }, {x});
  const Tensor gain = random({3}, 1), mean = random({3}, 2), variance = random({3}, 3).abs() + 0.5;
  check("batch_norm",
        [&](const Tensors& v) {
          return at::batch_norm(v[0], gain, mean, mean, variance, false, 0.1, 1e-5, false);
        },
        {x});
  check("dropout", [](const Tensors& v) { return at::dropout(v[0], 0.5, false); }, {x});
  check(
      "group_norm reaches everywhere", [](const Tensors& v) { return at::group_norm(v[0], 3); }, {x}, false);
}

DOCTEST_TEST_CASE("pools") {
  for (const std::int64_t size : {8, 9, 11}) {
    const Tensor x = image(3, size, size + 2);
    for (const bool ceil : {false, true}) {
      check("max_pool2d 2", [&](const Tensors& v) { return at::max_pool2d(v[0], 2, 2, 0, 1, ceil); }, {x});
      check("max_pool2d 3/2", [&](const Tensors& v) { return at::max_pool2d(v[0], 3, 2, 1, 1, ceil); }, {x});
      check("max_pool2d dilated", [&](const Tensors& v) { return at::max_pool2d(v[0], 2, 1, 1, 2, ceil); },
            {x});
      for (const bool count : {false, true}) {
        check("avg_pool2d 2", [&](const Tensors& v) { return at::avg_pool2d(v[0], 2, 2, 0, ceil, count); },
              {x});
        check("avg_pool2d 3/2", [&](const Tensors& v) { return at::avg_pool2d(v[0], 3, 2, 1, ceil, count); },
              {x});
        check("avg_pool2d divided",
              [&](const Tensors& v) { return at::avg_pool2d(v[0], 3, 1, 1, ceil, count, 5); }, {x});
      }
    }
    const std::vector<std::int64_t> four{4, 5};
    check("adaptive_avg_pool2d", [&](const Tensors& v) { return at::adaptive_avg_pool2d(v[0], four); }, {x});
  }
  const std::vector<std::int64_t> four{4, 5};
  check("adaptive_max_pool2d",
        [&](const Tensors& v) { return std::get<0>(at::adaptive_max_pool2d(v[0], four)); },
        {image(3, 8, 10)});
}

DOCTEST_TEST_CASE("interpolation") {
  const Tensor x = image(2, 6, 7);
  using Sizes = std::vector<std::int64_t>;
  for (const Sizes& size : {Sizes{12, 14}, Sizes{13, 20}, Sizes{4, 3}, Sizes{18, 7}}) {
    check("nearest", [&](const Tensors& v) { return at::upsample_nearest2d(v[0], size); }, {x});
    check("nearest exact", [&](const Tensors& v) { return at::_upsample_nearest_exact2d(v[0], size); }, {x});
    for (const bool align : {false, true}) {
      check("bilinear", [&](const Tensors& v) { return at::upsample_bilinear2d(v[0], size, align); }, {x});
      check("bicubic", [&](const Tensors& v) { return at::upsample_bicubic2d(v[0], size, align); }, {x});
    }
  }
  const std::vector<double> twice{2.0, 2.0};
  check("by factor", [&](const Tensors& v) { return at::upsample_nearest2d(v[0], c10::nullopt, twice); },
        {x});
  for (const auto& factors : {std::vector<double>{2.0, 2.0}, std::vector<double>{1.5, 1.25}})
    check("bilinear by factor",
          [&](const Tensors& v) { return at::upsample_bilinear2d(v[0], c10::nullopt, false, factors); }, {x});
}

DOCTEST_TEST_CASE("moves") {
  const Tensor x = image(4, 6, 7), y = image(2, 6, 7, 5), z = image(4, 3, 7, 6);
  using Sizes = std::vector<std::int64_t>;
  const auto keep = [](const char* name, const Op& op, const Tensors& values, bool expected = true) {
    check(name, op, values, expected);
  };
  keep("cat of channels", [](const Tensors& v) { return at::cat({v[0], v[1]}, 1); }, {x, y});
  keep("cat of rows", [](const Tensors& v) { return at::cat({v[1], v[0]}, -2); }, {x, z});
  keep("narrow", [](const Tensors& v) { return v[0].narrow(2, 1, 4); }, {x});
  keep("slice", [](const Tensors& v) { return v[0].slice(3, 1, 7, 2); }, {x});
  keep("channels", [](const Tensors& v) { return v[0].slice(1, 1, 3); }, {x});
  keep("flip", [](const Tensors& v) { return v[0].flip({2, 3}); }, {x});
  keep("flip channels", [](const Tensors& v) { return v[0].flip({1}); }, {x});
  keep("roll", [](const Tensors& v) { return v[0].roll({2}, {3}); }, {x});
  keep("clone", [](const Tensors& v) { return v[0].clone(); }, {x});
  keep("pixel_shuffle", [](const Tensors& v) { return at::pixel_shuffle(v[0], 2); }, {x});
  keep("pixel_unshuffle", [](const Tensors& v) { return at::pixel_unshuffle(v[0], 2); }, {image(2, 6, 8)});
  keep("constant_pad_nd", [](const Tensors& v) { return at::constant_pad_nd(v[0], Sizes{1, 2, 3, 0}, 7); },
       {x});
  keep("cropping by padding",
       [](const Tensors& v) { return at::constant_pad_nd(v[0], Sizes{-1, 2, -2, -1, 1, 0}); }, {x});
  keep("reflection_pad2d", [](const Tensors& v) { return at::reflection_pad2d(v[0], Sizes{1, 2, 3, 2}); },
       {x});
  keep("replication_pad2d", [](const Tensors& v) { return at::replication_pad2d(v[0], Sizes{1, 2, 3, 4}); },
       {x});
  for (const char* mode : {"constant", "reflect", "replicate", "circular"})
    keep(mode, [mode](const Tensors& v) { return at::pad(v[0], Sizes{1, 2, 3, 1}, mode); }, {x});
  keep("the same shape", [](const Tensors& v) { return v[0].reshape({1, 4, 6, 7}); }, {x});
  keep("another shape", [](const Tensors& v) { return v[0].reshape({1, 4, 7, 6}); }, {x}, false);
  keep("flattened", [](const Tensors& v) { return v[0].flatten(1); }, {x}, false);
  keep("transposed", [](const Tensors& v) { return v[0].transpose(2, 3); }, {x}, false);
}

DOCTEST_TEST_CASE("channels mixed in place") {
  const Tensor x = image(4, 6, 7);
  check("softmax", [](const Tensors& v) { return at::softmax(v[0], 1); }, {x});
  check("log_softmax", [](const Tensors& v) { return at::log_softmax(v[0], -3); }, {x});
  check("mean", [](const Tensors& v) { return v[0].mean(1, true); }, {x});
  check("amax", [](const Tensors& v) { return v[0].amax(1, true); }, {x});
  check("softmax over rows", [](const Tensors& v) { return at::softmax(v[0], 2); }, {x}, false);
}

DOCTEST_TEST_CASE("channels_last values and float32 agree too") {
  const Tensor x = image(8, 9, 9).to(at::kFloat), weight = random({8, 8, 3, 3}, 1).to(at::kFloat);
  const Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
  for (const Tensor& given : {x, last}) {
    const Recorded recorded =
        record([&](const Tensors& v) { return at::conv2d(v[0], weight, {}, 2, 1); }, {given});
    const local::LocalMapPtr map = local::local_map(*recorded.step, 0, recorded.operands, 0);
    local::Patches gradient = some(map->to(), 3, 3, false, 4);
    gradient.values = gradient.values.to(at::kFloat);
    const Tensor leaf = given.detach().clone().requires_grad_(true),
                 result = at::conv2d(leaf, weight, {}, 2, 1);
    const Tensor dense = laid_out(gradient, map->to());
    Tensors rows;
    for (std::int64_t b = 0; b < 5; ++b)
      rows.push_back(torch::autograd::grad({result}, {leaf}, {dense.narrow(0, b, 1)}, true).front());
    const Tensor expected = at::cat(rows);
    DOCTEST_CHECK(max_error(laid_out(map->pull(gradient), map->from()), expected) <
                  1e-5 * expected.abs().max().item<double>());
  }
}
