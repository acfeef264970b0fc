// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include "support/allclose.hpp"
#include "support/every_method.hpp"
#include "support/nets.hpp"

/// What tests of methods within methods share: a network with layers of its own, and what must hold of every pair.
namespace lumen::testing::pairs {

/// Two taps, a rectifier before each: [N, 1, 8, 8] -> [N, 3].
struct Net {
  Tensor first = nets::weight({3, 1, 3, 3}, 1), second = nets::weight({4, 3, 3, 3}, 2),
         head = nets::weight({3, 4}, 3);
  Tensor operator()(const Tensor& x) const {
    const Tensor a = trace::tap("early", at::relu(at::conv2d(x, first, {}, 2, 1)));
    const Tensor b = trace::tap("late", at::relu(at::conv2d(a, second, {}, 1, 1)));
    return at::linear(b.mean({2, 3}), head);
  }
};

inline const Net net;
inline AnyModel model = [](const Tensor& x) { return net(x); };
inline const Tensor x = nets::random({2, 1, 8, 8}, 4).abs();
inline const Targets questions{target::Class{.index = 1}, target::Class{.index = 2}};

/// It is a method; several targets get what each gets alone; nothing in it is undefined or not finite.
template <class A>
void sound(const std::string& name, const A& method, const Targets& asked = questions) {
  DOCTEST_CAPTURE(name);
  static_assert(Method<A>);
  const auto together = engine::ask(method, model, x, asked);
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

/// Every method; those of layers at this one.
template <class Visit>
void each(const trace::Layer& layer, const Visit& visit) {
  each_method_of_inputs(visit);
  each_method_of_images(visit);
  each_method_of_layers(layer, visit);
}

}  // namespace lumen::testing::pairs
