// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/independence.hpp>

#include <doctest/doctest.h>

#include <string>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/feature_permutation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/mask/rise.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace engine = lumen::engine;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

const Tensor w = nets::weight({3, 4}, 1), v = nets::weight({2, 3}, 2);

/// Less half of the batch's mean: samples influence each other.
Tensor centred(const Tensor& x) { return at::linear(at::relu(at::linear(x - 0.5 * x.mean(0, true), w)), v); }
/// As a batch norm in training mode does.
Tensor normed(const Tensor& x) {
  return at::linear(at::batch_norm(at::linear(x, w), {}, {}, {}, {}, true, 0.1, 1e-5, false), v);
}
/// The mean of the batch by dimensions moved, so that no operator has the batch in front.
Tensor hidden(const Tensor& x) {
  const Tensor t = x.t();
  return at::linear((t - 0.3 * t.mean(1, true)).t().tanh(), v.matmul(w));
}

const lumen::target::Class question{.index = 1};

}  // namespace

DOCTEST_TEST_CASE("samples that influence each other are refused by methods that stack copies") {
  const Tensor x = nets::random({4, 4}, 3);
  for (const auto& model : {centred, normed, hidden}) {
    const auto refused = [&](const auto& method) {
      const std::string said = message_of([&] { (void)method(model, x, question); });
      DOCTEST_CAPTURE(said);
      DOCTEST_CHECK(holds(said, "influence each other"));
      DOCTEST_CHECK(holds(said, "eval()"));
    };
    refused(lumen::IntegratedGradients{});
    refused(lumen::ExpectedGradients{.baseline = lumen::baseline::Zero{}, .samples = 4});
    refused(lumen::Occlusion{.window = {{2}}});
    refused(lumen::FeatureAblation{});
    refused(lumen::FeaturePermutation{});
    refused(lumen::KernelShap{});  // whose first pass is of the baseline alone: rows that are all the same
    refused(lumen::Rise{.samples = 20});
    refused(lumen::Smooth{.method = lumen::Saliency{}, .samples = 4});
    if (model == &normed) continue;  // which DeepLIFT refuses by its name
    refused(lumen::DeepLiftShap{.baseline = lumen::baseline::Uniform{.low = 0.0, .high = 1.0}, .samples = 4});
  }
  // the end of a path is the largest of its points: what it is divided by is its own, alone and in company
  const auto scaled = [](const Tensor& rows) {
    return at::linear((rows / rows.abs().amax().clamp_min(1e-9)).tanh(), v.matmul(w));
  };
  const lumen::IntegratedGradients from_one{.baseline = lumen::baseline::Constant{.value = 1e-3}};
  DOCTEST_CHECK(holds(message_of([&] { (void)from_one(scaled, x.narrow(0, 1, 1), question); }),
                      "influence each other"));
  // one sample whose copies along a path are stacked
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::IntegratedGradients{}(centred, x.narrow(0, 1, 1), question); }),
            "influence each other"));
}

DOCTEST_TEST_CASE("row by row they are explained as each alone") {
  const Tensor x = nets::random({4, 4}, 4);
  const lumen::IntegratedGradients<> method{.steps = 300, .run = {.memory = 1}};
  const auto why = method(centred, x, question);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const Tensor row = x.narrow(0, i, 1);
    const Tensor difference = (centred(row) - centred(at::zeros_like(row))).select(1, 1);
    DOCTEST_CHECK(all_close(why.map[i].sum().reshape({1}), difference, 1e-3));
  }
}

DOCTEST_TEST_CASE("what is rounding, or chance, or another kind of output is not refused") {
  const auto rounds = [](const Tensor& x) {  // another order of sums for more rows
    const Tensor sums = at::linear(x, w).to(at::kFloat);
    return (x.size(0) > 1 ? sums * (1.0 + 1e-6) : sums).to(at::kDouble);
  };
  DOCTEST_CHECK_FALSE(engine::with_neighbours([&](const Tensors& x) { return rounds(x[0]).to(at::kFloat); },
                                              {nets::random({2, 4}, 5)})
                          .second);
  at::manual_seed(0);
  const auto drops = [](const Tensor& x) { return at::linear(at::dropout(at::linear(x, w), 0.5, true), v); };
  DOCTEST_CHECK(lumen::IntegratedGradients{}(drops, nets::random({3, 4}, 6), question).map.size(0) == 3);
  const auto fixed = [](const Tensor& x) {
    return at::linear(at::batch_norm(at::linear(x, w), {}, {}, at::zeros({3}, x.options()),
                                     at::ones({3}, x.options()), false, 0.1, 1e-5, false),
                      v);
  };
  DOCTEST_CHECK(lumen::IntegratedGradients{}(fixed, nets::random({3, 4}, 7), question).map.size(0) == 3);
}

DOCTEST_TEST_CASE("where only whole batches may be asked, batches must not influence each other") {
  const Tensor x = nets::random({3, 4}, 11);
  const auto functor = [](const Tensor& output) { return output.select(1, 1) - 0.1 * output.select(1, 0); };
  for (const auto& model : {centred, normed, hidden}) {
    const auto refused = [&](const auto& method) {
      const std::string said = message_of([&] { (void)method(model, x, functor); });
      DOCTEST_CAPTURE(said);
      DOCTEST_CHECK(holds(said, "influence each other"));
      DOCTEST_CHECK(holds(said, "of the first 3 differs"));
    };
    refused(lumen::Occlusion{.window = {{2}}});
    refused(lumen::FeatureAblation{});
    refused(lumen::KernelShap{});
    refused(lumen::Rise{.samples = 20});
  }
  const auto apart = [](const Tensor& each) { return at::linear(each.tanh(), v.matmul(w)); };
  DOCTEST_CHECK(lumen::FeatureAblation{}(apart, x, functor).map.size(0) == 3);
}

DOCTEST_TEST_CASE("a small region in a large input shows it, too") {
  const Tensor image = nets::random({1, 1, 48, 48}, 12).to(at::kFloat) + 1;
  const Tensor kernel = nets::weight({4, 1, 3, 3}, 13).to(at::kFloat);
  const auto model = [&](const Tensor& x) {
    const Tensor inside = at::batch_norm(at::conv2d(x, kernel), {}, {}, {}, {}, true, 0.1, 1e-5, false);
    return inside.relu().flatten(2).mean(2);
  };
  lumen::Occlusion method{.window = {{2, 2}}, .stride = {{2, 2}}};
  method.run.passes = lumen::Passes::Whole;
  DOCTEST_CHECK(holds(message_of([&] { (void)method(model, image, question); }), "influence each other"));
}

DOCTEST_TEST_CASE("rows that are all the same tell nothing: it asks the next ones") {
  const auto model = engine::independent([](const Tensors& x) { return centred(x[0]); });
  const Tensor same = nets::random({1, 4}, 9).expand({3, 4});
  DOCTEST_CHECK_NOTHROW((void)model({same}));
  DOCTEST_CHECK_NOTHROW((void)model({same.clone()}));
  Tensor one = same.clone();
  one[2][1] += 1.0;
  DOCTEST_CHECK(holds(message_of([&] { (void)model({one}); }), "influence each other"));
}

DOCTEST_TEST_CASE("it costs one row for all passes of several rows") {
  std::int64_t rows = 0, passes = 0;
  const auto counted = [&](const Tensors& x) {
    rows += x[0].size(0), ++passes;
    return at::linear(x[0], w);
  };
  const auto model = engine::independent(engine::independent(counted));
  (void)model({nets::random({1, 4}, 8)});
  DOCTEST_CHECK(passes == 1);
  (void)model({nets::random({3, 4}, 8)});
  DOCTEST_CHECK(passes == 3);
  DOCTEST_CHECK(rows == 1 + 1 + 3);
  (void)model({nets::random({5, 4}, 8)});
  DOCTEST_CHECK(passes == 4);
}
