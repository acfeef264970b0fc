// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/field/theoretical.hpp>

#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/influence/field/probes.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;
namespace inf = lumen::influence;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
namespace trace = lumen::trace;

namespace {

trace::Program recorded(const std::function<Tensor(const Tensor&)>& net, const Tensor& x) {
  return trace::Program::record([net](const lumen::Tensors& parts) { return net(parts.front()); }, {x});
}

inf::LayerField last(const trace::Program& program) {
  return inf::TheoreticalFields(program).of(program.output());
}

/// Rows and columns where the gradient of a pixel is not 0, for positive weights and inputs: where it can be.
std::pair<lumen::Interval, lumen::Interval> support(const std::function<Tensor(const Tensor&)>& net,
                                                    const Tensor& image) {
  const at::AutoGradMode enable(true);
  const Tensor x = image.clone().requires_grad_(true);
  const Tensor y = net(x);
  y.sum(1).select(2, y.size(3) / 2).select(1, y.size(2) / 2).sum().backward();
  const Tensor mask = x.grad()[0].abs().sum(0).ne(0);
  const auto ends = [](const Tensor& any) {
    const Tensor places = any.nonzero().flatten();
    return lumen::Interval{places[0].item<std::int64_t>(), places[-1].item<std::int64_t>() + 1};
  };
  return {ends(mask.any(1)), ends(mask.any(0))};
}

Tensor positive(std::vector<std::int64_t> shape, std::uint64_t seed) {
  return nets::random(std::move(shape), seed).abs() + 0.1;
}

}  // namespace

DOCTEST_TEST_CASE("theoretical fields are where gradients can be other than 0") {
  const Tensor image = positive({1, 2, 41, 37}, 1);
  const Tensor w = positive({3, 2, 3, 5}, 2), v = positive({4, 3, 3, 3}, 3), up = positive({4, 2, 2, 2}, 4),
               one = positive({2, 4, 1, 1}, 5);
  const std::vector<std::function<Tensor(const Tensor&)>> all{
      [=](const Tensor& x) { return at::conv2d(x, w, {}, 1, {1, 2}); },
      [=](const Tensor& x) { return at::conv2d(at::relu(at::conv2d(x, w, {}, 2, {1, 2})), v, {}, 1, 2, 2); },
      [=](const Tensor& x) {
        return at::conv2d(at::avg_pool2d(at::conv2d(x, w, {}, 1, {1, 2}), 3, 2, 1), v, {}, 2, 1);
      },
      [=](const Tensor& x) {
        const Tensor deep = at::conv2d(at::avg_pool2d(at::conv2d(x, w, {}, 1, {1, 2}), 2), v, {}, 1, 1);
        return at::conv_transpose2d(deep, up, {}, 2);
      },
      [=](const Tensor& x) {
        const Tensor a = at::conv2d(at::conv2d(x, w, {}, 1, {1, 2}), v, {}, 1, 1);
        return at::conv2d(at::relu(a), one) + x;
      },
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const trace::Program program = recorded(all[i], image);
    DOCTEST_REQUIRE(program.exact());
    const inf::LayerField field = last(program);
    const auto [rows, columns] = support(all[i], image);
    DOCTEST_INFO(i, ": rows ", field.rows.begin, " to ", field.rows.end, ", seen ", rows.begin, " to ",
                 rows.end);
    DOCTEST_CHECK(field.rows == rows);
    DOCTEST_CHECK(field.columns == columns);
    DOCTEST_CHECK_FALSE(field.clipped);
    DOCTEST_CHECK(field.whole.empty());
  }
}

DOCTEST_TEST_CASE("layers are listed with their fields and strides") {
  const Tensor w = positive({3, 1, 3, 3}, 2), v = positive({4, 3, 3, 3}, 3);
  const auto net = [=](const Tensor& x) {
    return at::conv2d(at::max_pool2d(at::relu(at::conv2d(x, w, {}, 1, 1)), 2), v, {}, 1, 1);
  };
  const trace::Program program = recorded(net, positive({1, 1, 32, 32}, 1));
  const auto fields = inf::TheoreticalFields(program).all();
  std::vector<std::string> kinds;
  std::vector<std::int64_t> sizes;
  std::vector<double> strides;
  for (const auto& field : fields) {
    kinds.push_back(field.kind);
    sizes.push_back(field.rows.size());
    strides.push_back(field.row_stride);
    DOCTEST_CHECK(field.columns.size() == field.rows.size());
    DOCTEST_CHECK(field.column_stride == field.row_stride);
  }
  DOCTEST_CHECK(kinds == std::vector<std::string>{"conv2d", "relu", "max_pool2d", "conv2d"});
  DOCTEST_CHECK(sizes == std::vector<std::int64_t>{3, 3, 4, 8});
  DOCTEST_CHECK(strides == std::vector<double>{1, 1, 2, 2});
  DOCTEST_CHECK(fields.back().nth == 1);
}

DOCTEST_TEST_CASE("who sees the whole image is named, and who is cut by its border is marked") {
  const Tensor w = positive({3, 1, 3, 3}, 2);
  const auto net = [=](const Tensor& x) {
    const Tensor y = at::conv2d(x, w, {}, 1, 1);
    return y * at::sigmoid(y.mean({2, 3}, true));
  };
  const inf::LayerField field = last(recorded(net, positive({1, 1, 16, 16}, 1)));
  DOCTEST_CHECK(field.rows == lumen::Interval{0, 16});
  DOCTEST_CHECK(field.clipped);
  const auto small = [=](const Tensor& x) { return at::conv2d(x, w, {}, 1, 1); };
  DOCTEST_CHECK(last(recorded(small, positive({1, 1, 3, 3}, 1))).clipped);
  const auto flat = [=](const Tensor& x) { return at::linear(x.flatten(1), at::ones({4, 16}, at::kDouble)); };
  const trace::Program dense = recorded(flat, positive({1, 1, 4, 4}, 1));
  DOCTEST_CHECK(holds(message_of([&] { (void)last(dense); }), "receptive fields are of images"));
}

DOCTEST_TEST_CASE("CustomResNet sees 125 x 125 pixels") {
  lumen::net::CustomResNet net(2);
  net->eval();
  const trace::Program program =
      trace::Program::record([&](const lumen::Tensors& x) { return net->forward(x.front()); },
                             {at::rand({1, 1, 192, 192})}, {.any_batch = false, .verify = false});
  std::int64_t largest = 0;
  const inf::TheoreticalFields fields(program);
  for (std::int64_t row = 96; row < 112; ++row) {
    const auto part =
        fields.parts(program.output(), {{0, 2}, {row, row + 1}, {96, 97}}).at(program.inputs().front());
    largest = std::max(largest, part[1].size());
  }
  DOCTEST_CHECK(largest == 125);
}

DOCTEST_TEST_CASE("random probes estimate the mean squares of the rows, within their standard error") {
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 12, 11}, 7);
  const lumen::AnyTarget score = target::LogOdds{target::Class{.index = 1}};
  const Tensor mask = nets::random({12, 11}, 8).gt(0);
  const auto exact = std::get<0>(
      inf::Reduce{}([&](const inf::RowSink& sink) { inf::rows(net, image, inf::Mask{mask}, {score}, sink); },
                    inf::ActivationMaps{})
          .results);
  const inf::Probed probed = inf::probe_energy(net, image, inf::Mask{mask}, score, 400, {}, 3);
  const Tensor off = (probed.energy - exact.mean_square) / probed.standard_error.clamp_min(1e-12);
  DOCTEST_CHECK(off.abs().max().item<double>() < 5);
  DOCTEST_CHECK(off.square().mean().item<double>() == doctest::Approx(1).epsilon(0.5));
  DOCTEST_CHECK(
      at::equal(probed.energy, inf::probe_energy(net, image, inf::Mask{mask}, score, 400, {}, 3).energy));
  DOCTEST_CHECK(!message_of([&] { (void)inf::probe_energy(net, image, inf::All{}, score, 1); }).empty());
  const lumen::Run once{.stop = [] { return true; }};
  DOCTEST_CHECK_THROWS_AS((void)inf::probe_energy(net, image, inf::All{}, score, 2, once), lumen::Stopped);
}

DOCTEST_TEST_CASE("a layer's field is the sum over its channels of squared gradients") {
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 13, 11}, 9);
  const trace::Program program = recorded(net, image);
  Tensor exact = at::zeros({13, 11}, at::kDouble);
  for (std::int64_t c = 0; c < 2; ++c) {
    inf::rows(net, image, inf::Pixels{{{6, 5}}}, {target::Class{.index = c}},
              [&](const inf::RowChunk& chunk) { exact += chunk.dense()[0][0].square(); });
  }
  const auto fields = inf::layer_fields(program, image, {program.output()}, 300, {}, 1);
  const Tensor off = (fields[0].energy - exact).abs();
  DOCTEST_CHECK(off.le(5 * fields[0].standard_error + 1e-12).all().item<bool>());
  DOCTEST_CHECK(fields[0].row == 6);
  DOCTEST_CHECK(fields[0].column == 5);
}
