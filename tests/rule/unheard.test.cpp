// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/unheard.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <thread>

#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"

namespace lumen {
namespace {

using testing::holds;
using testing::message_of;
using testing::nets::random;

/// `f` on a thread that nobody knows of.
Tensor elsewhere(const std::function<Tensor()>& f) {
  Tensor result;
  std::thread([&] { result = f(); }).join();
  return result;
}

const target::Class question{.index = 1};

DOCTEST_TEST_CASE("what a thread of the model's own computed is refused by its node's name") {
  const testing::nets::BiasFree net;
  const Tensor x = random({2, 6}, 1);
  const auto middle = [&](const Tensor& in) {
    const Tensor a = at::linear(in, net.first);
    return at::linear(elsewhere([&] { return at::relu(a); }), net.second);
  };
  const auto last = [&](const Tensor& in) {
    const Tensor a = at::relu(at::linear(in, net.first));
    return elsewhere([&] { return at::linear(a, net.second); });
  };
  const auto whole = [&](const Tensor& in) { return elsewhere([&] { return net(in); }); };
  const auto checked = [&](const auto& method) {
    DOCTEST_CHECK(
        holds(message_of([&] { (void)method(middle, x, question); }), "ReluBackward0 was recorded"));
    DOCTEST_CHECK(holds(message_of([&] { (void)method(last, x, question); }), "Backward0 was recorded"));
    DOCTEST_CHECK(holds(message_of([&] { (void)method(whole, x, question); }), "std::thread"));
  };
  checked(GuidedBackprop{});
  checked(Lrp{});
  checked(DeepLift{});
}

DOCTEST_TEST_CASE("what another thread computed before the pass is no obstacle") {
  testing::nets::BiasFree net;
  const Tensor x = random({2, 6}, 1);
  const Tensor expected = GuidedBackprop{}(net, x, question).map;
  const Tensor raw = net.first.clone().requires_grad_(true);
  net.first = elsewhere([&] { return raw * 1; });  // weights with a graph of their own
  const Tensor input = elsewhere([&] { return x.clone().requires_grad_(true) * 1; });
  DOCTEST_REQUIRE(net.first.grad_fn());
  DOCTEST_REQUIRE(input.grad_fn());
  DOCTEST_CHECK(at::equal(GuidedBackprop{}(net, input, question).map, expected));
  // nor is explaining on a thread what was made on this one
  DOCTEST_CHECK(at::equal(elsewhere([&] { return GuidedBackprop{}(net, input, question).map; }), expected));
}

}  // namespace
}  // namespace lumen
