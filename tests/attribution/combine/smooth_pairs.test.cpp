// SPDX-License-Identifier: BSD-3-Clause
// Smooth and | around every method, whatever its map is of.
#include "support/every_method.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::AnyModel;
using lumen::Targets;
using lumen::Tensor;
using lumen::testing::all_close;

namespace {

/// Two taps, a rectifier behind each: [N, 1, 8, 8] -> [N, 3].
struct Net {
  Tensor first = nets::weight({3, 1, 3, 3}, 1), second = nets::weight({4, 3, 3, 3}, 2),
         head = nets::weight({3, 4}, 3);
  Tensor operator()(const Tensor& x) const {
    const Tensor a = lumen::trace::tap("early", at::relu(at::conv2d(x, first, {}, 2, 1)));
    const Tensor b = lumen::trace::tap("late", at::relu(at::conv2d(a, second, {}, 1, 1)));
    return at::linear(b.mean({2, 3}), head);
  }
};

const Net net;
AnyModel model = [](const Tensor& x) { return net(x); };
const Tensor x = nets::random({2, 1, 8, 8}, 4).abs();
const Targets questions{target::Class{.index = 1}, target::Class{.index = 2}};

/// It is a method; several targets get what each gets alone; nothing in it is undefined or not finite.
template <class A>
void sound(const std::string& name, const A& method, const Targets& asked = questions) {
  DOCTEST_CAPTURE(name);
  static_assert(lumen::Method<A>);
  const auto together = lumen::engine::ask(method, model, x, asked);
  DOCTEST_REQUIRE(together.size() == asked.size());
  for (std::size_t t = 0; t < asked.size(); ++t) {
    const auto alone = method(model, x, asked[t]);
    DOCTEST_REQUIRE(alone.map.defined());
    DOCTEST_CHECK(alone.map.size(0) == 2);
    DOCTEST_CHECK(at::isfinite(alone.map).all().template item<bool>());
    DOCTEST_CHECK(all_close(together[t].map, alone.map, 1e-9));
    DOCTEST_CHECK(all_close(together[t].score, alone.score, 1e-12));
  }
}

template <class Visit>
void each(const Visit& visit) {
  lumen::testing::each_method_of_inputs(visit);
  lumen::testing::each_method_of_images(visit);
  lumen::testing::each_method_of_layers(layer::tap("late"), visit);
}

}  // namespace

DOCTEST_TEST_CASE("Smooth around every method is the mean of it over the noise") {
  each([](const std::string& name, const auto& method) {
    const lumen::Smooth smooth{
        .method = method, .samples = 2, .stdev = 0.1, .scale = lumen::NoiseScale::input_units, .seed = 5};
    sound(name, smooth);
  });
  const auto method = lumen::GradCam{.layer = layer::tap("late")};
  const auto why =
      lumen::Smooth{
          .method = method, .samples = 2, .stdev = 0.1, .scale = lumen::NoiseScale::input_units, .seed = 5}(
          model, x, questions[0]);
  Tensor mean = at::zeros_like(why.map);
  for (std::int64_t draw = 0; draw < 2; ++draw) {
    mean +=
        method(model, x + 0.1 * lumen::normal_rows(x, lumen::mix(5, 0), {0, 1}, {draw, draw}), questions[0])
            .map /
        2;
  }
  DOCTEST_CHECK(all_close(why.map, mean, 1e-12));
}

DOCTEST_TEST_CASE("a step behind every method") {
  each([](const std::string& name, const auto& method) {
    const auto piped = method | lumen::Magnitude{};
    sound(name, piped);
    const auto again = piped(model, x, questions[0]);
    DOCTEST_CHECK(all_close(again.map, method(model, x, questions[0]).map.abs(), 1e-12));
  });
}
