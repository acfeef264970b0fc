// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/classifier.hpp>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include <doctest/doctest.h>

#include <lumen/data/drawn_disks.hpp>

#include "support/message.hpp"

using lumen::Tensor;
using lumen::data::DrawnDisks;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::train::accuracy;
using lumen::train::ClassifierTrainer;

namespace {

torch::nn::Sequential network() {
  namespace nn = torch::nn;
  return lumen::net::seeded(3, [] {
    return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 4, 5).stride(4)), nn::ReLU(), nn::Flatten(),
                          nn::Dropout(0.1), nn::Linear(144, 2));
  });
}

}  // namespace

DOCTEST_TEST_CASE("a classifier learns, the same twice, and leaves LibTorch's generator") {
  const auto training = DrawnDisks{.seed = 1}.to_classify(20),
             testing = DrawnDisks{.seed = 2}.to_classify(10);
  at::manual_seed(11);
  const Tensor untouched = at::rand({2});
  at::manual_seed(11);
  Tensor results[2];
  for (Tensor& result : results) {
    auto net = network();
    net->eval();
    const auto history =
        ClassifierTrainer{.epochs = 12, .batch = 8, .learning_rate = 1e-2, .seed = 4}(net, training, testing);
    DOCTEST_REQUIRE(history.size() == 12);
    DOCTEST_CHECK(history.back().train_loss < 0.5 * history.front().train_loss);
    DOCTEST_CHECK(history.back().test_accuracy == accuracy(net, testing));
    DOCTEST_CHECK(history.back().test_accuracy >= 0.95);
    DOCTEST_CHECK_FALSE(net->is_training());
    result = lumen::train::logits_of(net, testing.images);
  }
  DOCTEST_CHECK(at::equal(results[0], results[1]));
  DOCTEST_CHECK(at::equal(at::rand({2}), untouched));
}

DOCTEST_TEST_CASE("accuracy counts the largest logit, over more images than one pass takes") {
  const auto set = DrawnDisks{.seed = 1}.to_classify(150);
  const auto bright = [](const Tensor& x) {  // one half of the images is brighter than 10
    const Tensor mean = x.flatten(1).mean(1) * 255;
    return at::stack({at::full_like(mean, 8.0), mean}, 1);
  };
  DOCTEST_CHECK(accuracy(bright, set) == 1.0);
  const auto dark = [&](const Tensor& x) { return -bright(x); };
  DOCTEST_CHECK(accuracy(dark, set) == 0.0);
}

DOCTEST_TEST_CASE("what cannot be trained is refused") {
  auto net = network();
  const auto good = DrawnDisks{}.to_classify(2), masks = DrawnDisks{}.to_segment(2);
  DOCTEST_CHECK(holds(message_of([&] { ClassifierTrainer{}(net, masks, good); }), "int64 classes [N]"));
  DOCTEST_CHECK(
      holds(message_of([&] { ClassifierTrainer{.batch = 0}(net, good, good); }), "`batch` at least 1"));
  DOCTEST_CHECK(holds(message_of([&] { ClassifierTrainer{.learning_rate = 1e30}(net, good, good); }),
                      "lower the learning rate"));
}
