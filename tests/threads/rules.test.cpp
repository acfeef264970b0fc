// SPDX-License-Identifier: BSD-3-Clause
// Several threads explain one model at once, each by another rewriting of its backward pass.
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/trace/observe.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::target::Class;

DOCTEST_TEST_CASE("threads with different rules on one model do not disturb each other") {
  const nets::ConvNet net;
  for (Tensor parameter : net.parameters()) parameter.requires_grad_(true);
  const Tensor x = nets::random({2, 1, 8, 8}, 1);
  const Class target{.index = 1};
  const std::vector<std::function<Tensor()>> methods{
      [&] { return lumen::Saliency{}(net, x, target).map; },
      [&] { return lumen::GuidedBackprop{}(net, x, target).map; },
      [&] { return lumen::Deconvnet{}(net, x, target).map; },
      [&] { return lumen::DeepLift{}(net, x, target).map; },
      [&] { return lumen::Lrp{}(net, x, target).map; },
      [&] { return lumen::GradCam{.layer = lumen::layer::of(net.conv2)}(net, x, target).map; },
      [&] {  // breaks in the middle of its pass
        int operators = 0;
        const auto fragile = [&](const Tensor& at) {
          const Tensor hidden = at::relu(at::conv2d(at, net.conv1, net.bias1, 1, 1));
          if (++operators == 1) throw std::runtime_error("the model broke");
          return hidden;
        };
        try {
          (void)lumen::GuidedBackprop{}(fragile, x, target);
        } catch (const std::runtime_error&) {
          return at::ones({1});
        }
        return at::zeros({1});
      },
      [&] {
        const auto seen = lumen::trace::observe([&] { (void)net(x); });
        return at::full({1}, static_cast<double>(seen.size()));
      }};
  std::vector<Tensor> alone;
  for (const auto& method : methods) alone.push_back(method());
  constexpr int rounds = 4;
  std::vector<std::vector<Tensor>> together(methods.size());
  std::vector<std::exception_ptr> errors(methods.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        for (int round = 0; round < rounds; ++round) together[i].push_back(methods[i]());
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < methods.size(); ++i) {
    DOCTEST_CAPTURE(i);
    DOCTEST_CHECK(!errors[i]);
    DOCTEST_REQUIRE(together[i].size() == rounds);
    for (const Tensor& map : together[i]) DOCTEST_CHECK(lumen::testing::all_close(map, alone[i], 1e-11));
  }
  for (const Tensor& parameter : net.parameters()) {
    DOCTEST_CHECK(!parameter.grad().defined());
    DOCTEST_CHECK(parameter.requires_grad());
  }
}
