// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/cam/cam.hpp>

#include <lumen/attribution/cam/grad_cam.hpp>

#include <doctest/doctest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include <string>

#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/cam_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace cams = lumen::testing::cams;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(lumen::Method<lumen::Cam>);

namespace {

/// The head's weights by the definition's loops, for one class.
Tensor by_hand(const cams::Cut& net, const Tensor& x, std::int64_t index) {
  const auto w = net.fc.accessor<double, 2>();
  return cams::each_row(x, [&](const Tensor& one) {
    return cams::weighted(net.prefix(one)[0],
                          [&](std::int64_t k, std::int64_t, std::int64_t) { return w[index][k] / 16.0; });
  });
}

}  // namespace

DOCTEST_TEST_CASE("Example") {
  const nets::Residual net;
  const Tensor image = nets::random({1, 2, 6, 6}, 1);
  //! [cam]
  const auto why = lumen::Cam{}(net, image, lumen::target::Class{.index = 2});
  const Tensor map = why.map;                      // [1, 1, 6, 6], sums to the score less the head's bias
  const Tensor rounding = why.completeness_error;  // [1]
  //! [cam]
  DOCTEST_CHECK(map.sizes() == at::IntArrayRef({1, 1, 6, 6}));
  DOCTEST_CHECK(all_close(rounding, at::zeros_like(rounding), 1e-12));
}

DOCTEST_TEST_CASE("the weights are those of the linear layer that ran") {
  const cams::Cut net;
  const Tensor x = nets::random({3, 2, 8, 8}, 2);
  const auto why = lumen::Cam{}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(why.map, by_hand(net, x, 1), 1e-12));
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), net(x).select(1, 1) - net.bias[1], 1e-12));
  DOCTEST_CHECK(all_close(why.completeness_error, at::zeros_like(why.score), 1e-12));
  DOCTEST_CHECK(why.forward_passes == 1);
  DOCTEST_CHECK(why.backward_passes == 0);
  const auto split = lumen::Cam{.run = {.memory = 1}}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(split.map, why.map, 1e-12));
  const auto margin = lumen::Cam{}(net, x, target::Margin{target::Class{0}, target::Class{2}});
  DOCTEST_CHECK(all_close(margin.map, by_hand(net, x, 0) - by_hand(net, x, 2), 1e-12));
  DOCTEST_CHECK(all_close(margin.completeness_error, at::zeros_like(why.score), 1e-12));
  const auto each = lumen::Cam{}(net, x, target::Classes{at::tensor({2, 0, 1}, at::kLong)});
  DOCTEST_CHECK(all_close(each.map.narrow(0, 0, 1), by_hand(net, x.narrow(0, 0, 1), 2), 1e-12));
}

DOCTEST_TEST_CASE("it is GradCam and HiResCam of the features that are pooled") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 3);
  const Tensor map = lumen::Cam{}(net, x, target::Class{.index = 0}).map;
  DOCTEST_CHECK(all_close(
      map, lumen::GradCam{.layer = layer::nth("relu", 1)}(net, x, target::Class{.index = 0}).map, 1e-12));
  DOCTEST_CHECK(all_close(
      map, lumen::HiResCam{.layer = layer::nth("relu", 1)}(net, x, target::Class{.index = 0}).map, 1e-12));
}

DOCTEST_TEST_CASE("however the head is written") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 4), expected = by_hand(net, x, 1);
  const auto check = [&](const std::string& name, const auto& head) {
    DOCTEST_CAPTURE(name);
    const auto model = [&](const Tensor& image) { return head(net.prefix(image)); };
    const auto why = lumen::Cam{}(model, x, target::Class{.index = 1});
    DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
    DOCTEST_CHECK(all_close(why.completeness_error, at::zeros_like(why.score), 1e-12));
  };
  check("mean and linear", [&](const Tensor& h) { return at::linear(h.mean({2, 3}), net.fc, net.bias); });
  check("mean over dimensions from the end",
        [&](const Tensor& h) { return at::linear(h.mean({-2, -1}), net.fc, net.bias); });
  check("average pool, view, dropout, addmm", [&](const Tensor& h) {
    const Tensor pooled = at::dropout(at::avg_pool2d(h, 4).view({-1, 5}), 0.5, false);
    return at::addmm(net.bias, pooled, net.fc.t());
  });
  check("squeeze", [&](const Tensor& h) {
    return at::linear(at::adaptive_avg_pool2d(h, {1, 1}).squeeze(-1).squeeze(-1), net.fc, net.bias);
  });
  check("1x1 convolution", [&](const Tensor& h) {
    return at::conv2d(at::adaptive_avg_pool2d(h, {1, 1}), net.fc.reshape({3, 5, 1, 1}), net.bias).flatten(1);
  });
  check("a module", [&](const Tensor& h) {
    torch::nn::Sequential head(torch::nn::AdaptiveAvgPool2d(1), torch::nn::Flatten(), torch::nn::Dropout(),
                               torch::nn::Linear(5, 3));
    head->to(at::kDouble);
    head->eval();
    const at::NoGradGuard no_grad;
    head->parameters()[0].copy_(net.fc);
    head->parameters()[1].copy_(net.bias);
    return head->forward(h);
  });
}

DOCTEST_TEST_CASE("other models and other questions are refused") {
  const Tensor x = nets::random({2, 2, 8, 8}, 5);
  const target::Class question{.index = 1};
  const auto refused = [&](const auto& model, const auto& asked, const std::string& why) {
    const std::string message = message_of([&] { (void)lumen::Cam{}(model, x, asked); });
    DOCTEST_CAPTURE(message);
    DOCTEST_CHECK(holds(message, why));
    DOCTEST_CHECK(holds(message, "GradCam"));
  };
  const cams::Cut net, dense(40, false);
  refused(dense, question, "the linear layer's input comes from tanh");
  refused([&](const Tensor& image) { return at::relu(net(image)); }, question, "the output comes from relu");
  refused([&](const Tensor& image) { return at::softmax(net(image), 1); }, question, "comes from softmax");
  refused(
      [&](const Tensor& image) {
        return at::linear(at::avg_pool2d(net.prefix(image), 2).flatten(1), at::ones({3, 20}, at::kDouble));
      },
      question, "does not average");
  refused([&](const Tensor& image) { return at::linear(at::amax(net.prefix(image), {2, 3}), net.fc); },
          question, "comes from amax");
  refused(net, target::Softmax{question}, "weighted sum of the outputs");
  refused(
      net, [](const Tensor& output) { return output.select(1, 0).square(); }, "weighted sum of the outputs");
}
