// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/attribution.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include <c10/core/InferenceMode.h>

#include <lumen/attribution/combine/pipe.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>

using lumen::AnyTarget;
using lumen::Attribution;
using lumen::Method;
using lumen::Targets;
using lumen::Tensor;
using Two = std::tuple<Tensor, Tensor>;

namespace {

//! [method]
struct ScoreEverywhere {
  template <lumen::Input X, lumen::Model<X> M, lumen::Target T>
  lumen::Attribution<X> operator()(M&& model, const X& x, const T& target) const {
    const lumen::Tensor score = target(lumen::forward(model, x));
    return {.map = at::ones_like(x) * score.unsqueeze(1), .score = score, .forward_passes = 1};
  }
};
//! [method]

struct MapOnly {
  Tensor operator()(lumen::AnyModel&, const Tensor& x, const AnyTarget&) const { return x; }
};
struct NeedsMutable {
  Attribution<Tensor> operator()(lumen::AnyModel&, const Tensor&, const AnyTarget&) { return {}; }
};

static_assert(Method<ScoreEverywhere>);
static_assert(!Method<MapOnly> && !Method<NeedsMutable> && !Method<int> && !Method<lumen::AnyModel>);
static_assert(std::is_aggregate_v<Attribution<Tensor>> && std::is_aggregate_v<Attribution<Two>>);

/// Answers each target with the number of its place in the list.
std::vector<Attribution<Tensor>> numbered(const Targets& targets) {
  std::vector<Attribution<Tensor>> results;
  for (std::size_t i = 0; i < targets.size(); ++i)
    results.push_back({.forward_passes = static_cast<std::int64_t>(i) + 1});
  return results;
}

}  // namespace

DOCTEST_TEST_CASE("an attribution knows nothing until it is told") {
  const Attribution<Two> none;
  DOCTEST_CHECK_FALSE(std::get<1>(none.map).defined());
  DOCTEST_CHECK_FALSE(none.score.defined());
  DOCTEST_CHECK_FALSE(none.completeness_error.defined());
  DOCTEST_CHECK(none.forward_passes + none.backward_passes == 0);
}

DOCTEST_TEST_CASE("a method of one's own explains a lambda") {
  const Tensor x = at::ones({2, 3});
  const auto why =
      ScoreEverywhere{}([](const Tensor& input) { return input * 2; }, x, lumen::target::Class{.index = 1});
  DOCTEST_CHECK(at::equal(why.map, at::full({2, 3}, 2.0)));
}

DOCTEST_TEST_CASE("a method of one's own, of single targets, in every combinator") {
  namespace lm = lumen;
  //! [combined]
  const auto smooth = lm::Smooth{.method = ScoreEverywhere{}, .samples = 4, .stdev = 0.1};
  const auto piped = ScoreEverywhere{} | lm::SumChannels{} | lm::PositivePart{};
  const auto inner = lm::AtLayer{.method = ScoreEverywhere{}, .layer = lm::layer::nth("relu", 0)};
  //! [combined]
  const auto net = [](const Tensor& input) { return at::relu(input) * 2; };
  const Tensor x = at::ones({2, 3});
  const lm::Targets both{lm::target::Class{.index = 1}, lm::target::Class{.index = 0}};
  DOCTEST_CHECK(smooth(net, x, both).size() == 2);
  DOCTEST_CHECK(at::equal(piped(net, x, both)[0].map, at::full({2, 1}, 6.0)));
  DOCTEST_CHECK(at::equal(inner(net, x, both)[1].map, at::full({2, 3}, 2.0)));
}

DOCTEST_TEST_CASE("a map that is not finite is an error, in whatever list it stands") {
  const auto of = [](double value) {
    return [value](const Targets& targets) {
      std::vector<Attribution<Tensor>> results(targets.size(), {.map = at::ones({2, 3})});
      results.back().map = at::full({2, 3}, value);
      return results;
    };
  };
  const Targets two{lumen::target::Output{}, lumen::target::Output{}};
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)lumen::engine::answer(lumen::target::Output{}, of(value)),
                                 doctest::Contains("NaN or infinite"), lumen::Error);
    DOCTEST_CHECK_THROWS_WITH_AS((void)lumen::engine::answer(two, of(value)),
                                 doctest::Contains("NaN or infinite"), lumen::Error);
  }
  DOCTEST_CHECK_NOTHROW((void)lumen::engine::answer(two, of(1.0)));
  const auto root = [](const Tensor& x) { return at::sqrt(x); };
  const Tensor x = at::tensor({4.0, 0.0}).reshape({1, 2});
  const auto refuses = [&](const auto& method) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)method(root, x, lumen::target::Class{.index = 1}),
                                 doctest::Contains("NaN or infinite"), lumen::Error);
  };
  refuses(lumen::Saliency{});
  refuses(lumen::InputXGradient{});
  // a feature that does not move on the path has no share, whatever its derivative is
  const auto why = lumen::IntegratedGradients{.steps = 64}(
      [](const Tensor& at) { return at::sqrt(at).sum(1, true); }, x, lumen::target::Output{});
  DOCTEST_CHECK(why.map[0][1].item<double>() == 0.0);
  DOCTEST_CHECK(std::abs(why.map[0][0].item<double>() - 2.0) < 0.02);
}

DOCTEST_TEST_CASE("one target is answered by one attribution, several by a list in order") {
  const auto one = lumen::engine::answer(lumen::target::Class{}, numbered);
  static_assert(std::is_same_v<decltype(one), const Attribution<Tensor>>);
  DOCTEST_CHECK(one.forward_passes == 1);
  DOCTEST_CHECK(lumen::engine::answer(AnyTarget(lumen::target::Class{}), numbered).forward_passes == 1);
  const auto several =
      lumen::engine::answer(Targets{lumen::target::Class{}, lumen::target::Output{}}, numbered);
  DOCTEST_REQUIRE(several.size() == 2);
  DOCTEST_CHECK(several[1].forward_passes == 2);
  DOCTEST_CHECK_THROWS_WITH_AS((void)lumen::engine::answer(Targets{}, numbered),
                               doctest::Contains("list of targets is empty"), lumen::Error);
}

DOCTEST_TEST_CASE("methods work outside the caller's inference mode, without recording, and restore both") {
  const auto observe = [](const Targets&) {
    DOCTEST_CHECK_FALSE(c10::InferenceMode::is_enabled());
    DOCTEST_CHECK_FALSE(at::GradMode::is_enabled());
    return std::vector<Attribution<Tensor>>(1);
  };
  (void)lumen::engine::answer(lumen::target::Output{}, observe);
  DOCTEST_CHECK(at::GradMode::is_enabled());
  const c10::InferenceMode inference;
  (void)lumen::engine::answer(lumen::target::Output{}, observe);
  DOCTEST_CHECK(c10::InferenceMode::is_enabled());
}
