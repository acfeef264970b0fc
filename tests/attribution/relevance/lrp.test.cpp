// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/relevance/lrp.hpp>

#include <doctest/doctest.h>

#include <iostream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/zoo.hpp"

namespace lrp = lumen::rule::lrp;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Conservation;
using lumen::Lrp;
using lumen::Tensor;
using lumen::Tensors;
using lumen::rule::Composite;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

const Composite zero = lrp::Parts{.convolution = lrp::Zero{}, .dense = lrp::Zero{}, .sum = lrp::Zero{}};

std::vector<std::pair<std::string, Composite>> composites() {
  return {{"epsilon", lrp::uniform(lrp::Epsilon{})},
          {"EpsilonPlus", lrp::EpsilonPlus{}},
          {"EpsilonPlusFlat", lrp::EpsilonPlusFlat{}},
          {"EpsilonAlpha2Beta1", lrp::EpsilonAlpha2Beta1{}},
          {"EpsilonAlpha2Beta1Flat", lrp::EpsilonAlpha2Beta1Flat{}},
          {"EpsilonGammaBox", lrp::EpsilonGammaBox{.low = -6.0, .high = 6.0}}};
}

/// The books of a report: every operator's, and all together.
void check_books(const Conservation& report) {
  double scale = std::abs(report.score) + std::abs(report.started);
  for (const Conservation::Operator& one : report.operators) {
    scale = std::max({scale, std::abs(one.received), std::abs(one.absorbed.bias)});
  }
  const double gone = report.absorbed().bias + report.absorbed().stabiliser + report.lost();
  DOCTEST_CHECK(std::abs(report.started - report.arrived - gone) < 1e-9 * scale);
}

}  // namespace

DOCTEST_TEST_CASE("LRP-0 on a network of ReLUs and linear layers is the input times the gradient") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 1);
  const auto ours = Lrp{.composite = zero}(net, x, target::Class{.index = 1});
  const auto theirs = lumen::InputXGradient{}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(ours.map, theirs.map, 1e-12));
  DOCTEST_CHECK(all_close(ours.score, net(x).select(1, 1), 1e-12));
  DOCTEST_CHECK(all_close(ours.completeness_error, ours.map.flatten(1).sum(1) - ours.score, 1e-14));
  DOCTEST_CHECK(ours.forward_passes == 1);
  DOCTEST_CHECK(ours.backward_passes == 1);
}

DOCTEST_TEST_CASE("without biases the map sums to the score, whatever the rule") {
  //! [lrp]
  const nets::BiasFree net;
  const Tensor x = nets::random({4, 6}, 2);
  const lumen::Lrp method{.composite = lumen::rule::lrp::EpsilonPlus{.epsilon = 1e-9}};
  const auto why = method(net, x, lumen::target::Class{.index = 2});
  const Tensor left = why.completeness_error;  // [4], all nearly 0: the map of each sample sums to its score
  //! [lrp]
  DOCTEST_CHECK(left.abs().max().item<double>() < 1e-7);
  for (const lumen::rule::Backward& rule :
       std::vector<lumen::rule::Backward>{lrp::Zero{}, lrp::Gamma{.epsilon = 0.0}, lrp::Flat{},
                                          lrp::WSquare{}, lrp::ZBox{.low = -9.0, .high = 9.0}}) {
    Composite composite = zero;
    composite.first = rule;
    const auto result = Lrp{.composite = composite}(net, x, target::Class{.index = 0});
    DOCTEST_CHECK(result.completeness_error.abs().max().item<double>() < 1e-7);
  }
}

DOCTEST_TEST_CASE("where a target starts relevance: the output times the target's gradient") {
  const nets::BiasFree net;
  const Tensor x = nets::random({3, 6}, 3), output = net(x);
  const Lrp method{.composite = zero};
  const auto by_class = [&](std::int64_t index) { return method(net, x, target::Class{.index = index}).map; };
  const auto margin = method(net, x, target::Margin{target::Class{.index = 0}, target::Class{.index = 2}});
  DOCTEST_CHECK(all_close(margin.map, by_class(0) - by_class(2), 1e-12));
  DOCTEST_CHECK(margin.completeness_error.abs().max().item<double>() < 1e-12);

  // log-odds: z_k less the other logits weighted by their shares w; what is left is the entropy of w
  const auto odds = method(net, x, target::LogOdds{target::Class{.index = 1}});
  const Tensor w = at::softmax(at::index_select(output, 1, at::tensor({0, 2})), 1);
  const Tensor expected =
      by_class(1) - w.select(1, 0).unsqueeze(1) * by_class(0) - w.select(1, 1).unsqueeze(1) * by_class(2);
  DOCTEST_CHECK(all_close(odds.map, expected, 1e-12));
  DOCTEST_CHECK(all_close(odds.completeness_error, -(w * w.log()).sum(1), 1e-9));

  const nets::Segmentation dense;
  const Tensor image = nets::random({1, 1, 6, 6}, 4);
  const auto region = [&](const Tensor& out) { return out.select(1, 1).narrow(1, 2, 2).flatten(1).sum(1); };
  const auto why = method(dense, image, region);
  DOCTEST_CHECK(all_close(why.score, region(dense(image)), 1e-12));
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-10);
}

DOCTEST_TEST_CASE("a model that ends in a softmax gives its probability to the logit of that class") {
  const nets::BiasFree net;
  const Tensor x = nets::random({2, 6}, 5);
  const auto probable = [&](const Tensor& at) { return at::softmax(net(at), 1); };
  const Lrp method{.composite = zero};
  const auto logit = method(net, x, target::Class{.index = 1});
  const auto probability = method(probable, x, target::Class{.index = 1});
  const Tensor factor = (probability.score / logit.score).unsqueeze(1);
  DOCTEST_CHECK(all_close(probability.map, logit.map * factor, 1e-12));
  DOCTEST_CHECK(probability.completeness_error.abs().max().item<double>() < 1e-12);
}

DOCTEST_TEST_CASE("several inputs, several targets, and batches in pieces") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({3, 4}, 6), nets::random({3, 1, 4, 4}, 7)};
  const auto why = Lrp{.composite = zero}(net, x, target::Class{.index = 0});
  // the sigmoid is a gate: the left input takes all, and its layer has no bias
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(std::get<1>(why.map).abs().max().item<double>() == 0.0);

  const nets::ConvNet image_net;
  const Tensor images = nets::random({5, 1, 8, 8}, 8);
  const lumen::Targets targets{target::Class{.index = 0}, target::Class{.index = 2}};
  const auto both = Lrp{}(image_net, images, targets);
  const auto alone = Lrp{}(image_net, images, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(both[1].map, alone.map, 1e-14));
  const auto pieces = Lrp{.run = {.memory = 1}}(image_net, images, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(pieces.map, alone.map, 1e-12));
}

DOCTEST_TEST_CASE("the report keeps the books of every operator") {
  //! [conservation]
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 9);
  const lumen::Lrp method{.composite = lumen::rule::lrp::EpsilonPlus{}};
  const lumen::Conservation report = method.conservation(net, x, lumen::target::Class{.index = 1});
  const double missing = report.started - report.arrived;  // what did not come to the input ...
  const double told =
      report.absorbed().bias + report.absorbed().stabiliser + report.lost();  // ... and where it went
  //! [conservation]
  DOCTEST_CHECK(missing == doctest::Approx(told).epsilon(1e-9));
  check_books(report);
  const auto why = method(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(report.arrived == doctest::Approx(why.map.sum().item<double>()).epsilon(1e-12));
  DOCTEST_CHECK(report.score == doctest::Approx(why.score.sum().item<double>()).epsilon(1e-12));
  DOCTEST_CHECK(report.started == doctest::Approx(report.score).epsilon(1e-12));
  DOCTEST_REQUIRE(report.operators.size() == 8);
  DOCTEST_CHECK(holds(report.operators.front().where, "linear 1"));
  DOCTEST_CHECK(holds(report.operators.back().where, "conv2d 0"));
  for (const Conservation::Operator& one : report.operators) {
    if (!holds(one.where, "conv2d")) DOCTEST_CHECK(one.absorbed.bias == 0.0);
  }
  DOCTEST_CHECK(std::abs(report.absorbed().bias) > 1e-4);
}

DOCTEST_TEST_CASE("at a layer it is the same method on the tail of the model") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 10);
  const Lrp method{.composite = zero};
  const auto why = lumen::AtLayer{.method = method, .layer = lumen::layer::nth("relu", 1)}(
      net, x, target::Class{.index = 1});
  DOCTEST_CHECK(why.map.sizes() == at::IntArrayRef({2, 6, 4, 4}));
  // there are no biases behind it
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-12);
}

DOCTEST_TEST_CASE("the zoo: relevance goes nowhere untold, and stays in bounds") {
  for (const lumen::testing::ZooNet& net : lumen::testing::zoo()) {
    const Tensor x = net.images(1);
    for (const auto& [name, composite] : composites()) {
      DOCTEST_CAPTURE(net.name);
      DOCTEST_CAPTURE(name);
      const Lrp method{.composite = composite};
      const auto why = method(net, x, target::Class{.index = 3});
      DOCTEST_CHECK(at::isfinite(why.map).all().item<bool>());
      const Conservation report = method.conservation(net, x, target::Class{.index = 3});
      check_books(report);
      DOCTEST_CHECK(report.arrived == doctest::Approx(why.map.sum().item<double>()).epsilon(1e-6));
      const double absorbed = report.absorbed().bias + report.absorbed().stabiliser;
      std::cout << "LRP: " << net.name << ", " << name << ": score " << report.score << ", arrived "
                << report.arrived << ", biases " << report.absorbed().bias << ", stabilisers "
                << report.absorbed().stabiliser << ", lost " << report.lost() << ", largest "
                << why.map.abs().max().item<double>() << '\n';
      DOCTEST_CHECK(std::abs(report.elsewhere) < 1e-9 * (1.0 + std::abs(report.score) + std::abs(absorbed)));
      if (name == "epsilon") DOCTEST_CHECK(std::abs(report.lost()) < 1e-9 * (1.0 + std::abs(absorbed)));
      if (name == "EpsilonPlus" || name == "EpsilonPlusFlat") {
        DOCTEST_CHECK(std::abs(report.arrived - report.score) < std::abs(report.score));
        DOCTEST_CHECK(why.map.abs().max().item<double>() < 0.05 * std::abs(report.score));
      }
    }
  }
}

DOCTEST_TEST_CASE("the model is as before, also after an exception, and threads do not disturb each other") {
  const nets::Residual net;
  for (Tensor& parameter : net.parameters()) parameter.requires_grad_(true);
  std::vector<Tensor> before;
  for (const Tensor& parameter : net.parameters()) before.push_back(parameter.detach().clone());
  const Tensor x = nets::random({2, 2, 6, 6}, 11), copy = x.clone();
  const Composite shared = lrp::EpsilonPlus{}, gamma = lrp::uniform(lrp::Gamma{});
  const auto plus = Lrp{.composite = shared}(net, x, target::Class{.index = 0}).map;
  const auto with_gamma = Lrp{.composite = gamma}(net, x, target::Class{.index = 0}).map;
  DOCTEST_CHECK(max_error(plus, with_gamma) > 1e-4);

  Composite incomplete = shared;
  incomplete.kinds.erase("batch_norm");
  const std::string message =
      message_of([&] { (void)Lrp{.composite = incomplete}(net, x, target::Class{.index = 0}); });
  DOCTEST_CHECK(holds(message, "LRP has no rule for batch_norm 0"));

  std::vector<double> errors(4, 1.0);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    threads.emplace_back([&, i] {
      double worst = 0.0;
      for (int k = 0; k < 5; ++k) {
        const bool first = i % 2 == 0;
        const auto map = Lrp{.composite = first ? shared : gamma}(net, x, target::Class{.index = 0}).map;
        worst = std::max(worst, max_error(map, first ? plus : with_gamma));
      }
      errors[i] = worst;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double error : errors) DOCTEST_CHECK(error < 1e-12);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Tensor parameter = net.parameters()[i];
    DOCTEST_CHECK(parameter.requires_grad());
    DOCTEST_CHECK(!parameter.grad().defined());
    DOCTEST_CHECK(all_close(parameter, before[i], 0.0));
  }
  DOCTEST_CHECK(all_close(x, copy, 0.0));
}

DOCTEST_TEST_CASE("composites may be changed") {
  //! [composite]
  namespace lrp = lumen::rule::lrp;
  const nets::ConvNet net;
  lumen::rule::Composite mine = lrp::EpsilonPlus{.epsilon = 1e-4};
  mine.first = lrp::ZBox{.low = -4.0, .high = 4.0};                                 // pixels
  mine.last = lrp::Zero{};                                                          // the classifier
  mine.layers.emplace_back(lumen::layer::of(net.conv2), lrp::Gamma{.gamma = 0.5});  // one convolution
  mine.use(lumen::rule::kinds::sums, lrp::ZPlus{});                                 // residual sums
  const lumen::Lrp method{.composite = mine};
  //! [composite]
  const Tensor x = nets::random({1, 1, 8, 8}, 12).clamp(-4, 4);
  const auto changed = method(net, x, target::Class{.index = 0}).map;
  Composite other = mine;
  other.layers.clear();
  DOCTEST_CHECK(max_error(changed, Lrp{.composite = other}(net, x, target::Class{.index = 0}).map) > 1e-6);
  other = mine;
  other.first.reset();
  DOCTEST_CHECK(max_error(changed, Lrp{.composite = other}(net, x, target::Class{.index = 0}).map) > 1e-6);
}

DOCTEST_TEST_CASE("a rule of one's own") {
  //! [own_rule]
  // every input of a weighted operator takes a share by its magnitude
  const auto by_magnitude = [](const lumen::rule::Record& record, const Tensors& relevance) {
    Tensors result(record.inputs.size());
    for (const lumen::rule::lrp::Sum& sum : lumen::rule::lrp::sums_of(record)) {
      for (const lumen::rule::lrp::Term& term : sum.terms) {
        const Tensor x = term.x.abs(), w = term.w.abs();
        result[term.input] = x * term.spread(w, relevance.front() / term.sum(x, w));
      }
    }
    return result;
  };
  const lumen::Lrp method{.composite = lumen::rule::lrp::uniform(by_magnitude)};
  //! [own_rule]
  const nets::BiasFree net;
  const auto why = method(net, nets::random({2, 6}, 13), target::Class{.index = 0});
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-12);
}
