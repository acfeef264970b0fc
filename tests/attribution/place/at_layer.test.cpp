// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/place/at_layer.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/methods.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace baseline = lumen::baseline;
namespace layer = lumen::layer;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;
using lumen::AtLayer;
using lumen::AtLayers;
using lumen::BaselineOf;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

/// A net whose head and tail are written out, so that a layer can be asked about without lumen:
/// [N, 1, 8, 8] -> h [N, 4, 4, 4] -> [N, 3]. Its ReLUs are in place, and one function.
struct Cut {
  Tensor conv1 = nets::weight({4, 1, 3, 3}, 301), bias = nets::random({4}, 302, 0.1),
         conv2 = nets::weight({4, 4, 3, 3}, 303), fc = nets::weight({3, 64}, 304);

  [[nodiscard]] Tensor head(const Tensor& x) const {
    Tensor first = at::conv2d(x, conv1, bias, 1, 1);
    return at::max_pool2d(at::relu_(first), 2);
  }
  [[nodiscard]] Tensor tail(const Tensor& h) const {
    Tensor second = at::conv2d(h, conv2, {}, 1, 1);
    return at::linear(at::tanh(at::relu_(second)).flatten(1), fc);
  }
  Tensor operator()(const Tensor& x) const { return tail(head(x)); }
};

const auto pool = layer::nth("max_pool2d", 0);

/// A U-Net in small: the layer is at its bottom, and two skip connections go around it.
struct Skip {
  Tensor down = nets::weight({3, 1, 3, 3}, 311), bottom = nets::weight({5, 3, 3, 3}, 312),
         up = nets::weight({3, 5, 3, 3}, 313), out = nets::weight({2, 4, 3, 3}, 314);

  [[nodiscard]] Tensor first(const Tensor& x) const { return at::relu(at::conv2d(x, down, {}, 1, 1)); }
  [[nodiscard]] Tensor head(const Tensor& x) const {
    return at::relu(at::conv2d(at::avg_pool2d(first(x), 2), bottom, {}, 1, 1));
  }
  [[nodiscard]] Tensor tail(const Tensor& h, const Tensor& x) const {
    const Tensor grown = at::upsample_nearest2d(h, std::vector<std::int64_t>{6, 6});
    const Tensor mixed = at::tanh(at::conv2d(grown, up, {}, 1, 1) + first(x));
    return at::conv2d(at::cat({mixed, x}, 1), out, {}, 1, 1);
  }
  Tensor operator()(const Tensor& x) const { return tail(head(x), x); }
};

template <class A>
void check_same(const A& a, const A& b, double tolerance = 1e-11) {
  const auto same = [&](const Tensor& one, const Tensor& other) {
    return one.defined() == other.defined() && (!one.defined() || all_close(one, other, tolerance));
  };
  DOCTEST_CHECK(same(a.map, b.map));
  DOCTEST_CHECK(same(a.score, b.score));
  DOCTEST_CHECK(same(a.completeness_error, b.completeness_error));
  DOCTEST_CHECK(same(a.standard_error, b.standard_error));
}

Tensor row(const Tensor& t, std::int64_t i) { return t.narrow(0, i, 1); }

}  // namespace

DOCTEST_TEST_CASE("every method at a layer is the method on the tail, for a tail written by hand") {
  const Cut net;
  const Tensor x = nets::random({3, 1, 8, 8}, 320), h = net.head(x);
  const auto tail = [&](const Tensor& value) { return net.tail(value); };
  const target::Classes question{at::tensor({0, 2, 1}, at::kLong)};
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const AtLayer at{.method = method, .layer = pool, .baseline_of = BaselineOf::Layer};
    const auto why = at(net, x, question), expected = method(tail, h, question);
    check_same(why, expected);
    DOCTEST_CHECK(expected.map.abs().max().template item<double>() > 1e-6);
    DOCTEST_CHECK(why.forward_passes == expected.forward_passes + 1);
    DOCTEST_CHECK(why.backward_passes == expected.backward_passes);
  });
}

DOCTEST_TEST_CASE("the baseline of the input becomes the layer's value there") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 321), away = nets::random({2, 1, 8, 8}, 322);
  const auto at = [&](const auto& method, BaselineOf of) {
    return AtLayer{.method = method, .layer = pool, .baseline_of = of}(net, x, target::Class{1});
  };
  const auto direct = [&](const Tensor& origin) {
    return at(lm::IntegratedGradients{.baseline = baseline::Given{net.head(origin)}, .steps = 9},
              BaselineOf::Layer);
  };
  const lm::IntegratedGradients zero{.steps = 9};
  check_same(at(zero, BaselineOf::Input), direct(at::zeros_like(x)));
  DOCTEST_CHECK(max_error(at(zero, BaselineOf::Layer).map, at(zero, BaselineOf::Input).map) > 1e-4);
  const lm::IntegratedGradients given{.baseline = baseline::Given{away}, .steps = 9};
  check_same(at(given, BaselineOf::Input), direct(away));
  const baseline::Uniform random{.low = -1.0, .high = 1.0, .seed = 4};
  const lm::IntegratedGradients drawn{.baseline = random, .steps = 9};
  const Tensor origin = lm::detail::baselines(random, {x}, lm::detail::first_draws({}, 2)).front();
  check_same(at(drawn, BaselineOf::Input), direct(origin));
  // a set of one row is no chance
  const Tensor one = row(away, 0);
  const auto expected =
      at(lm::IntegratedGradients{.baseline = baseline::Given{one}, .steps = 400}, BaselineOf::Input);
  const auto shap =
      at(lm::GradientShap{.baseline = baseline::Samples{.values = one}, .samples = 4000}, BaselineOf::Input);
  DOCTEST_CHECK(all_close(shap.map, expected.map, 5.0 * shap.standard_error.max().item<double>()));
  DOCTEST_CHECK(shap.standard_error.max().item<double>() < 0.02);
}

DOCTEST_TEST_CASE("completeness: over a layer that all paths cross the map sums to F(x) - F(x')") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 323);
  const auto score = [&](const Tensor& at) { return net(at).select(1, 2); };
  const Tensor difference = score(x) - score(at::zeros_like(x));
  const AtLayer integrated{.method = lm::IntegratedGradients{.steps = 300}, .layer = pool};
  const AtLayer lifted{.method = lm::DeepLift{}, .layer = pool};
  const auto why = integrated(net, x, target::Class{2}), exact = lifted(net, x, target::Class{2});
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), difference, 1e-3));
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1) - difference, why.completeness_error, 1e-12));
  DOCTEST_CHECK(all_close(exact.map.flatten(1).sum(1), difference, 1e-12));
  DOCTEST_CHECK((exact.map.sizes() == net.head(x).sizes()));
}

DOCTEST_TEST_CASE("skip connections around a layer are held at what the input makes them") {
  const Skip net;
  const Tensor x = nets::random({4, 1, 6, 6}, 324);
  const target::Pixel question{.channel = 1, .row = 3, .column = 2};
  const auto bottom = layer::input(layer::nth("upsample_nearest2d", 0));
  const auto why = AtLayer{.method = lm::Saliency{.absolute = false}, .layer = bottom}(net, x, question);
  const auto steps = lm::quadrature::GaussLegendre{}(20);
  const auto path =
      AtLayer{.method = lm::IntegratedGradients{.steps = 20}, .layer = bottom}(net, x, question);
  const auto lifted = AtLayer{.method = lm::DeepLift{}, .layer = bottom}(net, x, question);
  const auto whole = [&](const Tensor& output) { return question(output); };
  const auto together =
      AtLayer{.method = lm::IntegratedGradients{.steps = 20}, .layer = bottom}(net, x, whole);
  check_same(together, path);
  for (std::int64_t i = 0; i < 4; ++i) {
    const Tensor mine = row(x, i), h = net.head(mine), origin = net.head(at::zeros_like(mine));
    const auto score = [&](const Tensor& value) { return question(net.tail(value, mine)); };
    DOCTEST_CHECK(all_close(row(why.map, i), oracle::gradient(score, h), 1e-12));
    DOCTEST_CHECK(all_close(row(why.map, i), oracle::finite_differences(score, h), 1e-7));
    DOCTEST_CHECK(all_close(
        row(path.map, i), oracle::integrated_gradients(score, h, origin, steps.nodes, steps.weights), 1e-12));
    DOCTEST_CHECK(all_close(row(path.score, i), question(net(mine)), 1e-12));
    DOCTEST_CHECK(all_close(row(lifted.map, i).sum().reshape({1}), score(h) - score(origin), 1e-12));
  }
}

DOCTEST_TEST_CASE("layers by parameter, from the end, reused, residual and in place") {
  const nets::Residual net;
  const Tensor x = nets::random({2, 2, 6, 6}, 325);
  const lm::Saliency signed_gradient{.absolute = false};
  const auto at = [&](const layer::Layer& where) {
    return AtLayer{.method = signed_gradient, .layer = where}(net, x, target::Class{0}).map;
  };
  // the last layer's input, whose gradient is the row of its weight
  DOCTEST_CHECK(all_close(at(layer::input(layer::of(net.fc))), net.fc.narrow(0, 0, 1).expand({2, 4}), 1e-12));
  DOCTEST_CHECK(max_error(at(layer::nth("relu", -1)), at(layer::nth("relu", 1))) == 0.0);
  const auto from_stem = [&](const Tensor& stem) {
    const Tensor branch = at::conv2d(stem, net.conv2, {}, 1, 1);
    const Tensor normal =
        at::batch_norm(branch, net.gain, net.shift, net.mean, net.variance, false, 0.1, 1e-5, false);
    return at::linear(at::adaptive_avg_pool2d(at::relu(normal + stem), {1, 1}).flatten(1), net.fc)
        .select(1, 0);
  };
  const Tensor stem = at::relu(at::conv2d(x, net.conv1, {}, 1, 1));
  const Tensor both_ways = oracle::gradient(from_stem, stem);
  DOCTEST_CHECK(all_close(at(layer::nth("relu", 0)), both_ways, 1e-12));
  const Cut cut;
  const Tensor image = nets::random({2, 1, 8, 8}, 326);
  const auto in_place = [&](const layer::Layer& where) {
    return AtLayer{.method = signed_gradient, .layer = where}(cut, image, target::Class{1}).map;
  };
  const auto from_second = [&](const Tensor& z) {
    return at::linear(at::tanh(at::relu(z)).flatten(1), cut.fc).select(1, 1);
  };
  const Tensor second = at::conv2d(cut.head(image), cut.conv2, {}, 1, 1);
  DOCTEST_CHECK(all_close(in_place(layer::nth("conv2d", 1)), oracle::gradient(from_second, second), 1e-12));
  DOCTEST_CHECK(
      all_close(in_place(layer::input(layer::nth("relu", 1))), oracle::gradient(from_second, second), 1e-12));
}

DOCTEST_TEST_CASE("memory, company, whole-batch targets and chunks change nothing") {
  const Cut net;
  const Tensor x = nets::random({3, 1, 8, 8}, 327);
  const Tensor own = at::tensor({0, 2, 1}, at::kLong);
  const auto whole = [&](const Tensor& output) { return output.gather(1, own.unsqueeze(1)).squeeze(1); };
  lumen::testing::each_method([&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    const auto explain = [&](const auto& given, const Tensor& rows, const auto& question) {
      return AtLayer{.method = given, .layer = pool}(net, rows, question);
    };
    const auto plenty = explain(method, x, target::Classes{own});
    check_same(explain(method, x, whole), plenty);
    auto little = method;
    little.run.memory = 1;
    check_same(explain(little, x, target::Classes{own}), plenty);
    method.run.samples = {1};
    const auto alone = explain(method, row(x, 1), target::Class{2});
    DOCTEST_CHECK(all_close(alone.map, row(plenty.map, 1), 1e-11));
    DOCTEST_CHECK(alone.forward_passes == plenty.forward_passes);
  });
}

DOCTEST_TEST_CASE("several layers at once: what they tell adds up over a cut of several branches") {
  const nets::Residual net;
  const Tensor x = nets::random({2, 2, 6, 6}, 328);
  const std::vector<layer::Layer> branches{layer::nth("batch_norm", 0), layer::nth("relu", 0)};
  // both inputs of the residual sum; the second of the layers also feeds the first, which is replaced
  const AtLayers lifted{.method = lm::DeepLift{}, .layers = branches};
  const auto why = lifted(net, x, target::Class{1});
  DOCTEST_REQUIRE(why.map.size() == 2);
  const Tensor difference = (net(x) - net(at::zeros_like(x))).select(1, 1);
  DOCTEST_CHECK(all_close(why.map[0].flatten(1).sum(1) + why.map[1].flatten(1).sum(1), difference, 1e-12));
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-12);
  const auto one = AtLayer{.method = lm::DeepLift{}, .layer = branches[1]}(net, x, target::Class{1});
  DOCTEST_CHECK(max_error(one.map, why.map[1]) > 1e-4);
  DOCTEST_CHECK(all_close(one.map.flatten(1).sum(1), difference, 1e-12));
}

DOCTEST_TEST_CASE("several targets share what they can and agree with each alone") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 329);
  const AtLayer at{.method = lm::IntegratedGradients{.steps = 5}, .layer = pool};
  const auto both = at(net, x, lm::Targets{target::Class{0}, target::Softmax<target::Class>{{1}}});
  DOCTEST_REQUIRE(both.size() == 2);
  check_same(both[0], at(net, x, target::Class{0}));
  check_same(both[1], at(net, x, target::Softmax<target::Class>{{1}}));
}

DOCTEST_TEST_CASE("rules hold behind the layer: guided backpropagation and LRP of the tail") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 330), h = net.head(x);
  const auto tail = [&](const Tensor& value) { return net.tail(value); };
  const auto compare = [&](const auto& method) {
    const auto why = AtLayer{.method = method, .layer = pool}(net, x, target::Class{0});
    check_same(why, method(tail, h, target::Class{0}));
    const Tensor plain = lm::Saliency{.absolute = false}(tail, h, target::Class{0}).map;
    DOCTEST_CHECK(max_error(why.map, plain) > 1e-3);
  };
  compare(lm::GuidedBackprop{});
  compare(lm::Lrp{});
}

DOCTEST_TEST_CASE("noise at the layer and noise at the input") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 331);
  const lm::Smooth at_layer{.method = lm::IntegratedGradients{.steps = 3}, .samples = 4, .stdev = 0.0};
  const auto still = AtLayer{.method = lm::IntegratedGradients{.steps = 3}, .layer = pool};
  const auto expected = still(net, x, target::Class{0});
  DOCTEST_CHECK(all_close(AtLayer{.method = at_layer, .layer = pool}(net, x, target::Class{0}).map,
                          expected.map, 1e-12));
  const lm::Smooth at_input{.method = still, .samples = 4, .stdev = 0.0};
  DOCTEST_CHECK(all_close(at_input(net, x, target::Class{0}).map, expected.map, 1e-12));
  const lm::Smooth noisy{.method = still, .samples = 3, .stdev = 0.3, .seed = 2};
  auto little = noisy;
  little.run.memory = 1;
  check_same(noisy(net, x, target::Class{0}), little(net, x, target::Class{0}));
  DOCTEST_CHECK(max_error(noisy(net, x, target::Class{0}).map, expected.map) > 1e-3);
}

DOCTEST_TEST_CASE("of many rows only the tail runs, unless rules want to hear the whole model") {
  const Cut net;
  const Tensor x = nets::random({3, 1, 8, 8}, 334);
  int calls = 0;
  const auto counted = [&](const Tensor& at) {
    ++calls;
    return net.tail(net.head(at));
  };
  const auto calls_of = [&](const auto& method, const Tensor& expected) {
    calls = 0;
    const Tensor map = AtLayer{.method = method, .layer = pool}(counted, x, target::Class{0}).map;
    DOCTEST_CHECK(all_close(map, expected, 1e-12));
    return calls;
  };
  const auto path = [&](std::int64_t steps) {
    const auto tail = [&](const Tensor& value) { return net.tail(value); };
    const Tensor origin = net.head(at::zeros_like(x));
    return lm::IntegratedGradients{.baseline = lm::baseline::Given{origin}, .steps = steps}(tail, net.head(x),
                                                                                            target::Class{0})
        .map;
  };
  DOCTEST_CHECK(calls_of(lm::IntegratedGradients{.steps = 40}, path(40)) <= 10);
  // sample by sample: two passes each to be recorded, and three for values, baselines and the first
  DOCTEST_CHECK(calls_of(lm::IntegratedGradients{.steps = 40, .run = {.memory = 1}}, path(40)) <= 18);
  DOCTEST_CHECK(calls_of(lm::IntegratedGradients{.steps = 7, .run = {.memory = 1}}, path(7)) > 21);
  const Tensor h = net.head(x);
  const Tensor ablated =
      lm::FeatureAblation{}([&](const Tensor& value) { return net.tail(value); }, h, target::Class{0}).map;
  const lm::AtLayer all{.method = lm::FeatureAblation{}, .layer = pool, .baseline_of = lm::BaselineOf::Layer};
  calls = 0;
  DOCTEST_CHECK(all_close(all(counted, x, target::Class{0}).map, ablated, 1e-12));
  DOCTEST_CHECK(calls <= 12);  // the tail is recorded, too, for what regions change
  const lm::Smooth rules{.method = lm::GuidedBackprop{}, .samples = 30, .stdev = 0.0};
  calls = 0;
  const Tensor guided = AtLayer{.method = rules, .layer = pool}(counted, x, target::Class{0}).map;
  DOCTEST_CHECK(all_close(
      guided, AtLayer{.method = lm::GuidedBackprop{}, .layer = pool}(net, x, target::Class{0}).map, 1e-12));
  DOCTEST_CHECK(calls > 2);
}

DOCTEST_TEST_CASE("options beyond all bounds are refused by their method, at a layer too") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 331);
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const lm::Smooth nested{.method = lm::IntegratedGradients{.steps = most}, .samples = most};
  const AtLayer steps{.method = nested, .layer = layer::nth("relu", 0)};
  DOCTEST_CHECK(holds(message_of([&] { (void)steps(net, x, target::Class{0}); }), "expected at least"));
  // numbers of features with gaps as wide as can be
  const Tensor mask = at::zeros({1, 1, 1, 1}, at::kLong).fill_(most);
  const AtLayer features{.method = lm::FeatureAblation{.groups = {mask}},
                         .layer = layer::nth("relu", 0),
                         .baseline_of = BaselineOf::Layer};
  const Tensor map = features(net, x, target::Class{0}).map;
  DOCTEST_CHECK(all_close(map, map.narrow(1, 0, 1).narrow(2, 0, 1).narrow(3, 0, 1).expand_as(map)));
}

DOCTEST_TEST_CASE("an exception in the middle leaves no trace") {
  const Cut net;
  const Tensor x = nets::random({3, 1, 8, 8}, 332), before = x.clone();
  int calls = 0, fail_at = -1;
  const auto fragile = [&](const Tensor& at) {
    const Tensor h = net.head(at);
    if (++calls == fail_at) throw std::runtime_error("the model broke");
    return net.tail(h);
  };
  const AtLayer at{.method = lm::IntegratedGradients{.steps = 3}, .layer = layer::nth("relu", 0)};
  const Tensor expected = at(fragile, x, target::Class{0}).map;
  const int all = calls;
  DOCTEST_REQUIRE(all >= 4);
  for (int k = 1; k <= all; ++k) {
    calls = 0;
    fail_at = k;
    bool threw = false;
    try {
      (void)at(fragile, x, target::Class{0});
    } catch (const std::runtime_error& error) {
      threw = std::string(error.what()) == "the model broke";
    }
    DOCTEST_CHECK((threw || calls < k));  // a pass that needs no more than the layer stops there
    DOCTEST_CHECK(lm::trace::detail::listeners().empty());
    DOCTEST_CHECK(at::GradMode::is_enabled());
    DOCTEST_CHECK(!net.conv1.grad().defined());
    DOCTEST_CHECK((x.equal(before) && !x.requires_grad()));
  }
  fail_at = -1;
  DOCTEST_CHECK(max_error(at(fragile, x, target::Class{0}).map, expected) == 0.0);
}

DOCTEST_TEST_CASE("what is wrong is said") {
  const Cut net;
  const Tensor x = nets::random({2, 1, 8, 8}, 333);
  const auto message = [&](const layer::Layer& where, const auto& question) {
    return message_of([&] { (void)AtLayer{.method = lm::Saliency{}, .layer = where}(net, x, question); });
  };
  DOCTEST_CHECK(
      holds(message(layer::nth("relu", 7), target::Class{0}), "the pass never came to the output of relu 7"));
  DOCTEST_CHECK(holds(message(layer::nth("relu", -3), target::Class{0}), "ran 2 that fit"));
  // a name that nothing has: those that there are, the most alike first
  DOCTEST_CHECK(holds(message(layer::nth("conv3d", 0), target::Class{0}),
                      "it ran 0 such operators, but conv2d, relu, max_pool2d"));
  DOCTEST_CHECK(holds(message(layer::nth("Relu", -1), target::Class{0}), "ran 0 that fit, but conv2d, relu"));
  DOCTEST_CHECK(holds(message(layer::tap("relu"), target::Class{0}), "it ran 0 such taps, and no other"));
  DOCTEST_CHECK(holds(message(layer::Layer{}, target::Class{0}), "no layer was named; give layer::of"));
  const auto tapped = [](const Tensor& at) {
    Tensor y = lumen::trace::tap("first", at.flatten(1));
    for (int i = 0; i < 14; ++i) y = lumen::trace::tap("block." + std::to_string(i), y.relu());
    return y;
  };
  DOCTEST_CHECK(holds(
      message_of([&] {
        (void)AtLayer{.method = lm::Saliency{}, .layer = layer::tap("block.20")}(tapped, x, target::Class{0});
      }),
      "but block.2, block.0, block.1, block.3, block.4, block.5, block.6, block.7, block.8, block.9, "
      "block.10, block.11 and 3 others; trace::observe"));
  DOCTEST_CHECK(holds(message(pool, target::Classes{at::tensor({0, 1, 2}, at::kLong)}), "holds 3 classes"));
  DOCTEST_CHECK(holds(message(layer::nth("conv2d", 0), target::Class{9}), "class 9 is out of range"));
  const auto transposed = [](const Tensor& at) {
    return at::linear(at.flatten(1), nets::weight({3, 64}, 1)).t().relu().t();
  };
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)AtLayer{.method = lm::Saliency{}, .layer = layer::nth("relu", 0)}(
                            transposed, x, target::Class{0});
                      }),
                      "expected floating point with one row a sample"));
  DOCTEST_CHECK(holds(
      message_of([&] { (void)AtLayers{.method = lm::Saliency{}, .layers = {}}(net, x, target::Class{0}); }),
      "the list of layers is empty"));
  // a method that runs the model on rows of its own choice cannot be followed
  struct Stubborn {
    lm::Attribution<Tensor> operator()(const lm::detail::Tail& model, const Tensor& h,
                                       const lm::Targets&) const {
      return {.map = model(h.narrow(0, 0, 1))};
    }
  };
  const lm::detail::Tail tail([&](const Tensors& parts) { return net(parts.front()); }, {pool}, {x});
  DOCTEST_CHECK(
      holds(message_of([&] { (void)Stubborn{}(tail, net.head(x), {}); }), "whole copies of the batch of 2"));
}

DOCTEST_TEST_CASE("a layer in the documentation") {
  const Cut net;
  const Tensor image = nets::random({1, 1, 8, 8}, 334);
  //! [at_layer]
  const auto method =
      lm::AtLayer{.method = lm::IntegratedGradients{.steps = 50}, .layer = lm::layer::nth("relu", -1)};
  const auto why = method(net, image, lm::target::Class{2});
  const Tensor units = why.map;  // [1, 4, 4, 4], the shape of what the last ReLU gives
  //! [at_layer]
  DOCTEST_CHECK((units.sizes() == at::IntArrayRef{1, 4, 4, 4}));
  //! [activation]
  const std::vector<lm::layer::Layer> layers{lm::layer::nth("relu", 0), lm::layer::nth("max_pool2d", 0)};
  const lm::Tensors values = lm::LayerActivation{.layers = layers}(net, image);
  //! [activation]
  DOCTEST_CHECK(all_close(values[1], net.head(image), 0.0));
  DOCTEST_CHECK(all_close(at::max_pool2d(values[0], 2), values[1], 0.0));
}
