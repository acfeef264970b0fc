// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/mask/extremal_perturbation.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>

#include <lumen/attribution/mask/meaningful_perturbation.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::ExtremalPerturbation;
using lumen::MaskGoal;
using lumen::MeaningfulPerturbation;
using lumen::Tensor;
using lumen::target::Class;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

const lumen::baseline::Zero zero{};

/// Two classes, each of which looks at one rectangle of the image: the share of it that is seen, squashed.
Tensor planted(const Tensor& x) {
  const auto seen = [&](std::int64_t top, std::int64_t left) {
    return at::sigmoid(6 * x.slice(2, top, top + 8).slice(3, left, left + 8).mean({1, 2, 3}) - 3);
  };
  return at::stack({seen(4, 6), seen(18, 16)}, 1);
}

/// Intersection over union of a mask above one half with the rectangle of a class.
double overlap(const Tensor& mask, std::int64_t top, std::int64_t left) {
  const Tensor found = mask[0][0] > 0.5;
  Tensor truth = at::zeros({32, 32}, at::kBool);
  truth.slice(0, top, top + 8).slice(1, left, left + 8).fill_(true);
  return found.logical_and(truth).sum().item<double>() / found.logical_or(truth).sum().item<double>();
}

}  // namespace

DOCTEST_TEST_CASE("extremal masks find the evidence, with the area asked for") {
  const Tensor x = at::ones({1, 2, 32, 32}, at::kFloat);
  for (const MaskGoal goal : {MaskGoal::Preserve, MaskGoal::Remove, MaskGoal::Both}) {
    DOCTEST_CAPTURE(static_cast<int>(goal));
    const ExtremalPerturbation method{
        .baseline = zero, .area = 64.0 / 1024, .goal = goal, .iterations = 200, .step = 2};
    const auto why = method(planted, x, lumen::Targets{Class{.index = 0}, Class{.index = 1}});
    DOCTEST_CHECK(overlap(why[0].map, 4, 6) > 0.6);
    DOCTEST_CHECK(overlap(why[1].map, 18, 16) > 0.6);
    const double area = (why[0].map[0][0] > 0.5).sum().item<double>();
    DOCTEST_CAPTURE(area);
    DOCTEST_CHECK(std::abs(area - 64) < 25);
    DOCTEST_CHECK(why[0].map.min().item<double>() >= 0);
    DOCTEST_CHECK(why[0].map.max().item<double>() <= 1);
    DOCTEST_CHECK(all_close(why[0].map.select(1, 0), why[0].map.select(1, 1), 0.0));
    DOCTEST_CHECK(why[0].backward_passes == (goal == MaskGoal::Both ? 400 : 200));
  }
}

DOCTEST_TEST_CASE("what is preserved keeps the score, what is removed takes it away") {
  const Tensor x = at::ones({1, 1, 32, 32}, at::kFloat);
  const auto score = [&](const Tensor& mask) { return planted(mask * x)[0][0].item<double>(); };
  //! [extremal]
  const ExtremalPerturbation method{
      .baseline = lumen::baseline::Zero{}, .area = 0.1, .iterations = 150, .step = 2};
  const Tensor kept =
      method(planted, x, Class{}).map;  // in [0, 1]: the tenth of the image that keeps the score up
  //! [extremal]
  DOCTEST_CHECK(score(kept) > 0.8 * score(at::ones_like(x)));
  ExtremalPerturbation remove = method;
  remove.goal = MaskGoal::Remove;
  DOCTEST_CHECK(score(1 - remove(planted, x, Class{}).map) < 0.2 * score(at::ones_like(x)));
}

DOCTEST_TEST_CASE("the least that must go for the score to fall is the evidence") {
  const Tensor x = at::ones({1, 1, 32, 32}, at::kFloat);
  const MeaningfulPerturbation method{.baseline = zero, .iterations = 100, .step = 2};
  const auto why = method(planted, x, lumen::Targets{Class{.index = 0}, Class{.index = 1}});
  DOCTEST_CHECK(planted((1 - why[0].map) * x)[0][0].item<double>() < 0.2);
  DOCTEST_CHECK(planted((1 - why[0].map) * x)[0][1].item<double>() > 0.9);
  const Tensor inside = why[1].map[0][0].slice(0, 16, 28).slice(1, 14, 26);
  DOCTEST_CHECK(inside.sum().item<double>() > 0.8 * why[1].map.sum().item<double>());
}

DOCTEST_TEST_CASE("samples of a batch are masked apart, in any chunks; signals and held parts too") {
  const Tensor x = at::sigmoid(nets::random({2, 1, 32, 32}, 3)).to(at::kFloat);
  ExtremalPerturbation method{.baseline = zero, .iterations = 12, .step = 4};
  const auto both = method(planted, x, Class{});
  const auto second = method(planted, x.narrow(0, 1, 1), Class{});
  DOCTEST_CHECK(all_close(both.map.narrow(0, 1, 1), second.map, 1e-4));
  method.run.memory = 1;
  DOCTEST_CHECK(all_close(method(planted, x, Class{}).map, both.map, 1e-4));

  const auto signal = [](const Tensor& v, const Tensor& scale) {
    return v.slice(2, 10, 20).mean({1, 2}).mul(scale.select(1, 0)).unsqueeze(1);
  };
  const Tensor wave = at::ones({1, 3, 40}, at::kFloat);
  const auto why = ExtremalPerturbation{.baseline = zero, .area = 0.25, .iterations = 150, .step = 2}(
      signal, std::tuple{wave, lumen::held(at::ones({1, 1}, at::kFloat))}, Class{});
  const Tensor found = std::get<0>(why.map)[0][0];
  DOCTEST_CHECK(found.slice(0, 10, 20).mean().item<double>() > 0.8);
  DOCTEST_CHECK(found.slice(0, 0, 7).mean().item<double>() < 0.2);
}

DOCTEST_TEST_CASE("coarse types keep the small steps of a descent") {
  const Tensor x = at::sigmoid(nets::random({1, 1, 32, 32}, 4)).to(at::kBFloat16);
  // of products and sums alone, which coarse types have on every processor
  const auto score = [](const Tensor& v) {
    return v.slice(2, 4, 12).slice(3, 6, 14).mean({1, 2, 3}).unsqueeze(1);
  };
  const auto apart = [&](const auto& method) {
    const Tensor coarse = method(score, x, Class{}).map, fine = method(score, x.to(at::kFloat), Class{}).map;
    DOCTEST_CHECK((coarse.scalar_type() == at::kBFloat16));
    return (coarse.to(at::kFloat) - fine).abs().max().template item<double>();
  };
  DOCTEST_CHECK(apart(ExtremalPerturbation{.baseline = zero, .iterations = 40, .step = 4}) < 0.05);
  DOCTEST_CHECK(apart(MeaningfulPerturbation{.baseline = zero, .iterations = 40, .step = 4}) < 0.05);
}

DOCTEST_TEST_CASE("run.stop ends the search after an iteration, loudly: a mask on its way is no answer") {
  const Tensor x = at::ones({1, 1, 32, 32}, at::kFloat);
  const auto check = [&](auto method, const std::string& name) {
    std::int64_t done = 0;
    method.run.progress = [&](std::string_view what, std::int64_t now, std::int64_t total) {
      if (what == name) done = now;
      DOCTEST_CHECK((what != name || total == 10));
    };
    method.run.stop = [&] { return done == 7; };
    const std::string said =
        message_of([&] { (void)method(planted, x, lumen::Targets{Class{.index = 0}, Class{.index = 1}}); });
    DOCTEST_CHECK(holds(said, "stopped by run.stop after 7 of 10 iterations of " + name));
    method.run.stop = [&] { return done == 10; };  // what is finished is not stopped
    DOCTEST_CHECK_NOTHROW((void)method(planted, x, lumen::Targets{Class{.index = 0}, Class{.index = 1}}));
  };
  check(ExtremalPerturbation{.baseline = zero, .iterations = 5, .step = 4}, "extremal perturbation");
  check(MeaningfulPerturbation{.baseline = zero, .iterations = 5, .step = 4}, "meaningful perturbation");
}

DOCTEST_TEST_CASE("what masks that are sought cannot do is an Error") {
  const Tensor x = at::ones({1, 1, 32, 32}, at::kFloat);
  const auto error = [&](const auto& method) {
    return message_of([&] { (void)method(planted, x, Class{}); });
  };
  using Extremal = ExtremalPerturbation<>;
  DOCTEST_CHECK(holds(error(Extremal{.area = 0}), "area is 0"));
  DOCTEST_CHECK(holds(error(Extremal{.area = std::nan("")}), "area is nan"));
  DOCTEST_CHECK(holds(error(Extremal{.iterations = 0}), "iterations is 0"));
  DOCTEST_CHECK(holds(error(Extremal{.momentum = 1}), "momentum is 1"));
  DOCTEST_CHECK(holds(error(Extremal{.strength = -1}), "strength is -1"));
  DOCTEST_CHECK(holds(error(MeaningfulPerturbation<>{.beta = 0}), "beta is 0"));
  DOCTEST_CHECK(holds(error(MeaningfulPerturbation<>{.rate = 0}), "rate is 0"));
  const auto flat = [](const Tensor& v) { return v.sum(1, true); };
  DOCTEST_CHECK(holds(message_of([&] { (void)Extremal{}(flat, at::ones({1, 4}), Class{}); }),
                      "[N, C, L] and [N, C, H, W]"));
  const auto two = [](const Tensor& a, const Tensor& b) { return (a + b).flatten(1).sum(1, true); };
  DOCTEST_CHECK(holds(message_of([&] { (void)Extremal{}(two, std::tuple{x, x}, Class{}); }), "held"));
  const Tensor pair = nets::random({2, 1, 32, 32}, 5);
  const auto mixed = [](const Tensor& v) { return planted(v - 0.5 * v.mean(0, true)); };
  const auto refused = [&](const auto& method) {
    return holds(message_of([&] { (void)method(mixed, pair, Class{}); }), "influence each other");
  };
  DOCTEST_CHECK(refused(Extremal{.iterations = 2}));
  DOCTEST_CHECK(refused(MeaningfulPerturbation<>{.iterations = 2}));
}
