// SPDX-License-Identifier: BSD-3-Clause
// What must hold for the methods whatever the network: tried on small random networks in float64.
#include "support/methods.hpp"

#include <doctest/doctest.h>

#include <string>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;

namespace {

/// `score` of one class for a single sample.
template <class Net>
auto score_of(const Net& net, std::int64_t index) {
  return [&net, index](const Tensor& x) { return net(x).select(1, index); };
}

template <class Net>
void check_gradient(const Net& net, const Tensor& x) {
  const Tensor map = lumen::Saliency{.absolute = false}(net, x, target::Class{.index = 1}).map;
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    const Tensor one = x.narrow(0, row, 1);
    DOCTEST_CHECK(all_close(map.narrow(0, row, 1), oracle::finite_differences(score_of(net, 1), one), 1e-7));
  }
}

template <class Net>
void check_completeness(const Net& net, const Tensor& x, double tolerance) {
  const Tensor origin = nets::random(x.sizes().vec(), 77, 0.3);
  const auto method = lumen::IntegratedGradients{.baseline = lumen::baseline::Given{origin}, .steps = 256};
  const auto why = method(net, x, target::Class{.index = 2});
  const Tensor difference = net(x).select(1, 2) - net(origin).select(1, 2);
  const Tensor sum = why.map.flatten(1).sum(1);
  DOCTEST_CHECK(all_close(sum, difference, tolerance));
  DOCTEST_CHECK(all_close(why.completeness_error, sum - difference, 1e-12));
  DOCTEST_CHECK(all_close(why.score, net(x).select(1, 2), 1e-12));
}

}  // namespace

DOCTEST_TEST_CASE("the gradient agrees with central differences") {
  check_gradient(nets::Linear(), nets::random({3, 5}, 11));
  check_gradient(nets::BiasFree(), nets::random({3, 6}, 12));
  check_gradient(nets::Smooth(), nets::random({3, 6}, 13));
  check_gradient(nets::ConvNet(), nets::random({2, 1, 8, 8}, 14));
  check_gradient(nets::Residual(), nets::random({2, 2, 6, 6}, 15));
}

DOCTEST_TEST_CASE(
    "the gradient of a dense output agrees with central differences, for every kind of target") {
  const nets::Segmentation net;
  const Tensor x = nets::random({1, 1, 6, 5}, 16);
  const auto check = [&](const auto& question) {
    const Tensor map = lumen::Saliency{.absolute = false}(net, x, question).map;
    const auto frozen = lumen::AnyTarget(question).freeze(net(x));
    const auto score = [&](const Tensor& at) { return frozen(net(at)); };
    DOCTEST_CHECK(all_close(map, oracle::finite_differences(score, x), 1e-7));
    DOCTEST_CHECK(map.abs().max().item<double>() > 1e-3);
  };
  check(target::Pixel{.channel = 1, .row = 2, .column = 3});
  check(target::Region{.channel = 0, .mask = nets::random({6, 5}, 17) > 0});
  check(target::ClassRegion{.channel = 1});
  check(target::Softmax{target::Pixel{.channel = 0, .row = 1, .column = 1}});
  check(target::LogOdds{target::Pixel{.channel = 0, .row = 1, .column = 1}});
  check(target::Margin{target::Pixel{.channel = 1, .row = 1, .column = 1},
                       target::Pixel{.channel = 0, .row = 4}});
  check([](const Tensor& output) { return output.square().flatten(1).sum(1); });
}

DOCTEST_TEST_CASE("two inputs: each part's gradient agrees with central differences") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({2, 4}, 18), nets::random({2, 1, 4, 4}, 19)};
  const auto why = lumen::Saliency{.absolute = false}(net, x, target::Class{.index = 1});
  for (std::int64_t row = 0; row < 2; ++row) {
    const Tensor a = std::get<0>(x).narrow(0, row, 1), b = std::get<1>(x).narrow(0, row, 1);
    const auto of_a = [&](const Tensor& at) { return net(at, b).select(1, 1); };
    const auto of_b = [&](const Tensor& at) { return net(a, at).select(1, 1); };
    DOCTEST_CHECK(
        all_close(std::get<0>(why.map).narrow(0, row, 1), oracle::finite_differences(of_a, a), 1e-7));
    DOCTEST_CHECK(
        all_close(std::get<1>(why.map).narrow(0, row, 1), oracle::finite_differences(of_b, b), 1e-7));
  }
}

DOCTEST_TEST_CASE("integrated gradients is the naive sum over the path, for every rule") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 21);
  const Tensor origin = nets::random({1, 1, 8, 8}, 22);
  const auto check = [&](const auto& rule, bool multiply) {
    const auto method = lumen::IntegratedGradients{
        .baseline = lumen::baseline::Given{origin}, .steps = 6, .rule = rule, .multiply_by_inputs = multiply};
    const auto why = method(net, x, target::Class{.index = 1});
    const lumen::Quadrature q = rule(6);
    for (std::int64_t row = 0; row < 3; ++row) {
      const Tensor naive = oracle::integrated_gradients(score_of(net, 1), x.narrow(0, row, 1), origin,
                                                        q.nodes, q.weights, multiply);
      DOCTEST_CHECK(all_close(why.map.narrow(0, row, 1), naive, 1e-12));
    }
    DOCTEST_CHECK(why.backward_passes == 6);
  };
  check(lumen::quadrature::GaussLegendre{}, true);
  check(lumen::quadrature::RiemannLeft{}, true);
  check(lumen::quadrature::RiemannRight{}, false);
  check(lumen::quadrature::RiemannMiddle{}, true);
  check(lumen::quadrature::Trapezoid{}, false);
}

DOCTEST_TEST_CASE("completeness: integrated gradients sums to F(x) - F(x')") {
  check_completeness(nets::Linear(), nets::random({3, 5}, 31), 1e-12);
  check_completeness(nets::Smooth(), nets::random({3, 6}, 32), 1e-10);
  check_completeness(nets::BiasFree(), nets::random({3, 6}, 33), 1e-2);
  check_completeness(nets::ConvNet(), nets::random({2, 1, 8, 8}, 34), 1e-2);
  check_completeness(nets::Residual(), nets::random({2, 2, 6, 6}, 35), 1e-2);
}

DOCTEST_TEST_CASE("integrated gradients gives the answers that are known in closed form") {
  const Tensor x = at::tensor({2.0, 3.0, 5.0}, at::kDouble).reshape({1, 3});
  const auto product =
      lumen::IntegratedGradients{.steps = 4}(nets::Interaction(), x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(product.map, at::tensor({3.0, 3.0, 0.0}, at::kDouble).reshape({1, 3}), 1e-12));
  DOCTEST_CHECK(all_close(product.completeness_error, at::zeros({1}, at::kDouble), 1e-12));
  const Tensor far = at::tensor({3.0, 1.0}, at::kDouble).reshape({1, 2});
  const auto flat = lumen::IntegratedGradients{.steps = 2000, .rule = lumen::quadrature::RiemannMiddle{}}(
      nets::Saturating(), far, target::Output{});
  DOCTEST_CHECK(all_close(flat.map, at::tensor({0.75, 0.25}, at::kDouble).reshape({1, 2}), 1e-12));
  const auto saliency = lumen::Saliency{}(nets::Saturating(), far, target::Output{});
  DOCTEST_CHECK(saliency.map.abs().max().item<double>() == 0.0);
}

DOCTEST_TEST_CASE(
    "input times gradient sums to the score of a network of linear layers and ReLUs without biases") {
  const nets::BiasFree net;
  const Tensor x = nets::random({4, 6}, 41);
  const auto why = lumen::InputXGradient{}(net, x, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(why.map.sum(1), net(x).select(1, 2), 1e-12));
}

DOCTEST_TEST_CASE(
    "linearity in the model: the map of a f + b g is a times that of f plus b times that of g") {
  const nets::ConvNet f(4), g(5);
  const auto mixed = [&](const Tensor& x) { return 2.5 * f(x) - 0.75 * g(x); };
  const Tensor x = nets::random({2, 1, 8, 8}, 51);
  const target::Class question{.index = 1};
  lumen::testing::each_linear_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const Tensor sum = 2.5 * method(f, x, question).map - 0.75 * method(g, x, question).map;
    DOCTEST_CHECK(all_close(method(mixed, x, question).map, sum, 1e-11));
  });
}

DOCTEST_TEST_CASE("inputs that the score does not depend on get exactly zero") {
  const nets::BiasFree net;
  const auto blind = [&](const Tensor& x) {
    return net(at::cat({x.narrow(1, 0, 2), at::zeros_like(x.narrow(1, 2, 2)), x.narrow(1, 4, 2)}, 1));
  };
  const Tensor x = nets::random({3, 6}, 61);
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const Tensor map = method(blind, x, target::Class{.index = 0}).map;
    DOCTEST_CHECK(map.narrow(1, 2, 2).abs().max().item<double>() == 0.0);
    DOCTEST_CHECK(map.narrow(1, 0, 2).abs().max().item<double>() > 1e-6);
  });
}

DOCTEST_TEST_CASE("a whole input that the score does not depend on gets a map of zeros") {
  const nets::Linear net(4, 2);
  const auto model = [&](const Tensor& a, const Tensor&) { return net(a); };
  const std::tuple x{nets::random({2, 4}, 62), nets::random({2, 1, 4, 4}, 63)};
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto map = method(model, x, target::Class{.index = 1}).map;
    DOCTEST_CHECK(std::get<1>(map).sizes() == std::get<1>(x).sizes());
    DOCTEST_CHECK(std::get<1>(map).abs().max().template item<double>() == 0.0);
    DOCTEST_CHECK(std::get<0>(map).abs().max().template item<double>() > 1e-6);
  });
}

DOCTEST_TEST_CASE("several targets in one call give what each gives alone") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 71);
  const Tensor own = at::tensor({2, 0}, at::kLong);
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const lumen::Targets questions{target::Class{.index = 0}, target::Classes{own},
                                   [](const Tensor& output) { return output.sum(1); }};
    const auto together = method(net, x, questions);
    DOCTEST_REQUIRE(together.size() == 3);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const auto alone = method(net, x, questions[i]);
      DOCTEST_CHECK(all_close(together[i].map, alone.map, 1e-12));
      DOCTEST_CHECK(all_close(together[i].score, alone.score, 1e-12));
    }
  });
}
