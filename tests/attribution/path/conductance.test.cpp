// SPDX-License-Identifier: BSD-3-Clause
// Conductance of layers and of neurons, and internal influence, which walk the same path.
#include <lumen/attribution/path/conductance.hpp>

#include <lumen/attribution/path/internal_influence.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>

#include <doctest/doctest.h>

#include <string>

#include <lumen/target/element.hpp>
#include <lumen/target/slice.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace baseline = lumen::baseline;
namespace layer = lumen::layer;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace quadrature = lumen::quadrature;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

/// Three linear layers with tanh between, [N, 5] -> [N, 3]; both hidden layers cut it.
struct Deep {
  Tensor a = nets::weight({7, 5}, 501), b = nets::weight({6, 7}, 502), c = nets::weight({3, 6}, 503);
  [[nodiscard]] Tensor first(const Tensor& x) const { return at::tanh(at::linear(x, a)); }
  [[nodiscard]] Tensor rest(const Tensor& h) const { return at::linear(at::tanh(at::linear(h, b)), c); }
  Tensor operator()(const Tensor& x) const { return rest(first(x)); }
};

/// The same with ReLUs in place, and a sum that passes the second layer by.
struct Bypass {
  Deep net;
  Tensor operator()(const Tensor& x) const {
    Tensor h = at::linear(x, net.a);
    at::relu_(h);
    Tensor g = at::linear(h, net.b);
    at::relu_(g);
    return at::linear(g, net.c) + h.narrow(1, 0, 3);
  }
};

const auto hidden = layer::nth("tanh", 0);

}  // namespace

DOCTEST_TEST_CASE("conductance is the Stieltjes sum along the path, computed one point at a time") {
  const Deep net;
  const Tensor x = nets::random({2, 5}, 510), origin = nets::random({2, 5}, 511);
  const auto score = [&](const Tensor& h) { return net.rest(h).select(1, 1); };
  for (const std::int64_t steps : {2, 5, 9}) {
    for (const bool captum : {false, true}) {
      DOCTEST_CAPTURE(steps);
      DOCTEST_CAPTURE(captum);
      const auto summed = [&](const auto& sum) {
        return lm::Conductance{.layer = hidden,
                               .baseline = baseline::Given{origin},
                               .steps = steps,
                               .rule = quadrature::GaussLegendre{},
                               .sum = sum}(net, x, target::Class{1});
      };
      const auto why = captum ? summed(lm::CaptumLeftSum{}) : summed(lm::StieltjesSum{});
      std::vector<double> nodes = quadrature::GaussLegendre{}(captum ? steps + 1 : steps).nodes;
      if (!captum) {
        nodes.insert(nodes.begin(), 0.0);
        nodes.push_back(1.0);
      }
      Tensor expected = at::zeros({2, 7}, at::kDouble);
      for (std::size_t k = 0; k + 1 < nodes.size(); ++k) {
        const auto at_node = [&](std::size_t i) { return net.first(origin + (x - origin) * nodes[i]); };
        const Tensor before = oracle::gradient(score, at_node(k)),
                     after = oracle::gradient(score, at_node(k + 1));
        expected += (captum ? before : (before + after) / 2.0) * (at_node(k + 1) - at_node(k));
      }
      DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
    }
  }
}

DOCTEST_TEST_CASE("conductance sums to F(x) - F(x') over every layer that cuts the net, at second order") {
  const Deep net;
  const Tensor x = nets::random({3, 5}, 512);
  const Tensor difference = (net(x) - net(at::zeros_like(x))).select(1, 2);
  for (const auto& where : {hidden, layer::nth("tanh", 1), layer::nth("linear", 1),
                            layer::input(layer::nth("linear", 0)), layer::nth("linear", -1)}) {
    DOCTEST_CAPTURE(where.what());
    const auto error = [&](std::int64_t steps) {
      const auto why = lm::Conductance{.layer = where, .steps = steps}(net, x, target::Class{2});
      DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1) - difference, why.completeness_error, 1e-12));
      return why.completeness_error.abs().max().item<double>();
    };
    const double coarse = error(11), fine = error(101);
    DOCTEST_CHECK(fine < 1e-3);
    DOCTEST_CHECK(
        (coarse < 1e-12 || fine < coarse / 50.0));  // a tenth of the step, about a hundredth of the error
  }
}

DOCTEST_TEST_CASE("of a layer that is passed by, the completeness error tells what passed") {
  const Bypass net;
  const Tensor x = nets::random({2, 5}, 513);
  const auto why = lm::Conductance{.layer = layer::nth("relu", 1), .steps = 400}(net, x, target::Class{0});
  const Tensor h = at::relu(at::linear(x, net.net.a));
  const Tensor through = at::linear(at::relu(at::linear(h, net.net.b)), net.net.c).select(1, 0);
  DOCTEST_CHECK(all_close(why.map.sum(1), through, 1e-2));
  DOCTEST_CHECK(all_close(why.completeness_error, why.map.sum(1) - why.score, 1e-12));
  const auto cut = lm::Conductance{.layer = layer::nth("relu", 0), .steps = 400}(net, x, target::Class{0});
  DOCTEST_CHECK(cut.completeness_error.abs().max().item<double>() < 1e-2);
}

DOCTEST_TEST_CASE("internal influence is the average of the layer's gradients along the path") {
  const Deep net;
  const Tensor x = nets::random({2, 5}, 514);
  const auto score = [&](const Tensor& h) { return net.rest(h).select(1, 0); };
  const auto why = lm::InternalInfluence{.layer = hidden, .steps = 6}(net, x, target::Class{0});
  const lm::Quadrature q = quadrature::GaussLegendre{}(6);
  Tensor expected = at::zeros({2, 7}, at::kDouble);
  for (std::size_t k = 0; k < q.nodes.size(); ++k) {
    expected += q.weights[k] * oracle::gradient(score, net.first(x * q.nodes[k]));
  }
  DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
  DOCTEST_CHECK(all_close(why.score, net(x).select(1, 0), 1e-12));
  DOCTEST_CHECK(!why.completeness_error.defined());
}

DOCTEST_TEST_CASE("a neuron's conductance sums over the input to the layer's conductance of it") {
  const Deep net;
  const Tensor x = nets::random({2, 5}, 515);
  const auto layer_wide = lm::Conductance{.layer = hidden, .steps = 2000}(net, x, target::Class{1});
  Tensor total = at::zeros_like(x);
  for (std::int64_t j = 0; j < 7; ++j) {
    const auto why =
        lm::NeuronConductance{.layer = hidden, .neuron = target::Element{{j}}}(net, x, target::Class{1});
    DOCTEST_CHECK(all_close(why.map.sum(1), layer_wide.map.select(1, j), 1e-6));
    total += why.map;
  }
  const auto slice =
      lm::NeuronConductance{.layer = hidden, .neuron = target::Slice{{{0, 7}}}}(net, x, target::Class{1});
  DOCTEST_CHECK(all_close(slice.map, total, 1e-12));
  // the neurons of a cut share out what integrated gradients tell of the input
  const Tensor all = oracle::integrated_gradients([&](const Tensor& at) { return net(at).select(1, 1); }, x,
                                                  at::zeros_like(x), quadrature::GaussLegendre{}(50).nodes,
                                                  quadrature::GaussLegendre{}(50).weights);
  DOCTEST_CHECK(all_close(total, all, 1e-12));
  const auto averaged = lm::NeuronConductance{
      .layer = hidden, .neuron = target::Element{{3}}, .multiply_by_inputs = false}(net, x, target::Class{1});
  const auto product =
      lm::NeuronConductance{.layer = hidden, .neuron = target::Element{{3}}}(net, x, target::Class{1});
  DOCTEST_CHECK(all_close(averaged.map * x, product.map, 1e-12));
}

DOCTEST_TEST_CASE("memory, company and whole-batch targets change nothing") {
  const Bypass net;
  const Tensor x = nets::random({5, 5}, 516), own = at::tensor({0, 2, 1, 1, 0}, at::kLong);
  const auto whole = [&](const Tensor& output) { return output.gather(1, own.unsqueeze(1)).squeeze(1); };
  const auto compare = [&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    method.layer = layer::nth("relu", 1);
    method.steps = 7;
    const Tensor plenty = method(net, x, target::Classes{own}).map;
    DOCTEST_CHECK(all_close(method(net, x, whole).map, plenty, 1e-12));
    for (const std::int64_t bytes : {1, 900, 4000}) {
      method.run.memory = bytes;
      DOCTEST_CHECK(all_close(method(net, x, target::Classes{own}).map, plenty, 1e-12));
    }
    const Tensor alone = method(net, x.narrow(0, 2, 1), target::Class{1}).map;
    DOCTEST_CHECK(all_close(alone, plenty.narrow(0, 2, 1), 1e-12));
    const auto both = method(net, x, lm::Targets{target::Class{0}, target::Classes{own}});
    DOCTEST_CHECK(all_close(both[1].map, plenty, 1e-12));
    DOCTEST_CHECK(all_close(both[0].map, method(net, x, target::Class{0}).map, 1e-12));
    DOCTEST_CHECK(plenty.abs().max().item<double>() > 1e-3);
  };
  compare("Conductance", lm::Conductance{});
  compare("Conductance as Captum sums it", lm::Conductance{.sum = lm::CaptumLeftSum{}});
  compare("InternalInfluence", lm::InternalInfluence{});
  compare("NeuronConductance", lm::NeuronConductance{.neuron = target::Slice{{{1, 4}}}});
}

DOCTEST_TEST_CASE("what is wrong is said, and nothing stays behind") {
  const Deep net;
  const Tensor x = nets::random({2, 5}, 517);
  const auto message = [&](const auto& method) {
    return message_of([&] { (void)method(net, x, target::Class{0}); });
  };
  DOCTEST_CHECK(
      holds(message(lm::Conductance{.layer = hidden, .steps = 1}), "steps is 1, expected at least 2"));
  DOCTEST_CHECK(holds(message(lm::InternalInfluence{.layer = hidden, .steps = 0}), "steps is 0"));
  DOCTEST_CHECK(holds(message(lm::NeuronConductance{.layer = hidden, .steps = 0}), "steps is 0"));
  DOCTEST_CHECK(
      holds(message(lm::Conductance{.layer = layer::nth("relu", 0)}), "never came to the output of relu 0"));
  DOCTEST_CHECK(
      holds(message(lm::NeuronConductance{.layer = hidden, .neuron = target::Element{{9}}}), "out of range"));
  DOCTEST_CHECK(holds(message(lm::NeuronConductance{
                          .layer = hidden, .neuron = [](const Tensor& h) { return h.detach().sum(1); }}),
                      "the neuron's functor does not depend on the layer's value"));
  DOCTEST_CHECK(lm::trace::detail::listeners().empty());
  DOCTEST_CHECK(at::GradMode::is_enabled());
  DOCTEST_CHECK(!net.a.grad().defined());
}

DOCTEST_TEST_CASE("conductance in the documentation") {
  const Deep net;
  const Tensor x = nets::random({1, 5}, 518);
  //! [conductance]
  const auto layer = lm::layer::nth("tanh", 0);
  const auto units = lm::Conductance{.layer = layer}(net, x, lm::target::Class{2});
  const double passed_by = units.completeness_error.item<double>();  // what did not go through the layer
  const auto unit = lm::target::Element{{units.map.argmax().item<std::int64_t>()}};
  const auto inputs = lm::NeuronConductance{.layer = layer, .neuron = unit}(net, x, lm::target::Class{2});
  //! [conductance]
  DOCTEST_CHECK(std::abs(passed_by) < 1e-2);
  DOCTEST_CHECK(std::abs(inputs.map.sum().item<double>() - units.map.max().item<double>()) < 1e-2);
}
