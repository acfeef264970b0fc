// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/probabilities.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <support/allclose.hpp>
#include <support/nets.hpp>

namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::Tensors;

DOCTEST_TEST_CASE("whether an output holds probabilities is told by its last operator, else by its values") {
  const Tensor one = nets::weight({1, 2, 3, 3}, 1), three = nets::weight({3, 2, 3, 3}, 2),
               x = nets::random({2, 2, 8, 8}, 3), line = nets::weight({1, 128}, 4);
  const auto conv = [](const Tensor& input, const Tensor& w) { return at::conv2d(input, w, {}, 1, 1); };
  struct Case {
    std::string name;
    std::function<Tensor(const Tensor&)> end;  ///< of the layer's value
    Tensor weight;
    bool expected;
  };
  const auto up = [](const Tensor& h) { return at::upsample_bilinear2d(h, {16, 16}, false); };
  const std::vector<Case> cases{
      {"logits", [](const Tensor& h) { return h; }, one, false},
      {"logits in [0, 1]",
       [](const Tensor& h) {
         return at::conv2d(h * 0, at::full({1, 1, 1, 1}, 0.1, h.options()), at::full({1}, 0.4, h.options()));
       },
       one, false},
      {"sigmoid", [](const Tensor& h) { return at::sigmoid(h); }, one, true},
      {"in place", [](const Tensor& h) { return h.clone().sigmoid_(); }, one, true},
      {"sigmoids of several labels", [](const Tensor& h) { return at::sigmoid(h); }, three, true},
      {"softmax", [](const Tensor& h) { return at::softmax(h, 1); }, three, true},
      {"softmax of channels last",
       [](const Tensor& h) { return at::softmax(h.permute({0, 2, 3, 1}), -1).permute({0, 3, 1, 2}); }, three,
       true},
      {"one class of a softmax", [](const Tensor& h) { return at::softmax(h, 1).narrow(1, 1, 1); }, three,
       true},
      {"interpolated", [&](const Tensor& h) { return up(at::sigmoid(h)); }, one, true},
      {"logits interpolated", [&](const Tensor& h) { return up(h); }, one, false},
      {"the background beside it",
       [](const Tensor& h) { return at::cat({1 - at::sigmoid(h), at::sigmoid(h)}, 1); }, one, true},
      {"a sigmoid written out", [](const Tensor& h) { return 1 / (1 + (-h).exp()); }, one, true},
      {"a softmax written out", [](const Tensor& h) { return h.exp() / h.exp().sum(1, true); }, three, true},
      {"the mean of two softmaxes",
       [](const Tensor& h) { return (at::softmax(h, 1) + at::softmax(h * 2, 1)) / 2; }, three, true},
      {"logarithms of a softmax", [](const Tensor& h) { return at::log_softmax(h, 1); }, three, false},
      {"a gate within", [](const Tensor& h) { return at::relu(h * at::sigmoid(h)); }, one, false},
      {"a sigmoid overwritten", [](const Tensor& h) { return at::sigmoid(h).mul_(4.0).sub_(2.0); }, one,
       false},
  };
  for (const Case& each : cases) {
    DOCTEST_CAPTURE(each.name);
    const auto model = [&](const Tensor& input) { return each.end(conv(input, each.weight)); };
    const auto found = lumen::op::output_of([&](const Tensors& parts) { return model(parts[0]); }, {x});
    DOCTEST_CHECK(found.probabilities == each.expected);
    DOCTEST_CHECK(at::equal(found.value, model(x)));
    DOCTEST_CHECK_FALSE(found.value.requires_grad());
  }
  const Tensor before = x.clone();
  const auto overwrites = [&](const Tensors& parts) { return parts[0].mul_(2.0).mean({2, 3}); };
  DOCTEST_CHECK(at::equal(lumen::op::output_of(overwrites, {x}).value, (before * 2.0).mean({2, 3})));
  DOCTEST_CHECK(at::equal(x, before));
  // of a classifier, and where nothing can be heard
  const auto classifier = [&](const Tensors& parts) {
    return at::linear(parts[0].flatten(1), line).sigmoid();
  };
  DOCTEST_CHECK(lumen::op::output_of(classifier, {x}).probabilities);
  const auto threaded = [&](const Tensors& parts) {
    Tensor result;
    std::thread([&] { result = at::softmax(conv(parts[0], three), 1); }).join();
    return result;
  };
  DOCTEST_CHECK(lumen::op::output_of(threaded, {x}).probabilities);
}
