// SPDX-License-Identifier: BSD-3-Clause
// Several threads explain one model at once.
#include "support/methods.hpp"

#include <doctest/doctest.h>

#include <string>

#include <ATen/Parallel.h>

#include <exception>
#include <thread>
#include <vector>

#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;

DOCTEST_TEST_CASE("threads that explain one model at once each get their own answer") {
  const nets::ConvNet net;
  for (Tensor parameter : net.parameters()) parameter.requires_grad_(true);
  const std::vector<Tensor> inputs{nets::random({2, 1, 8, 8}, 401), nets::random({3, 1, 8, 8}, 402)};
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    std::vector<Tensor> expected;
    for (const Tensor& x : inputs) expected.push_back(method(net, x, target::Class{.index = 1}).map);
    constexpr int rounds = 3;
    std::vector<std::vector<Tensor>> maps(inputs.size());
    std::vector<std::exception_ptr> errors(inputs.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          for (int round = 0; round < rounds; ++round)
            maps[i].push_back(method(net, inputs[i], target::Class{.index = 1}).map);
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      DOCTEST_CHECK(!errors[i]);
      DOCTEST_REQUIRE(maps[i].size() == rounds);
      for (const Tensor& map : maps[i]) DOCTEST_CHECK(lumen::testing::all_close(map, expected[i], 1e-11));
    }
    for (const Tensor& parameter : net.parameters()) {
      DOCTEST_CHECK(!parameter.grad().defined());
      DOCTEST_CHECK(parameter.requires_grad());
    }
  });
}

DOCTEST_TEST_CASE("an exception in one thread does not disturb the other") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 403);
  const auto method = lumen::IntegratedGradients{.steps = 8, .run = {.memory = 1}};
  const Tensor expected = method(net, x, target::Class{.index = 0}).map;
  bool threw = false;
  std::thread failing([&] {
    int calls = 0;
    const auto fragile = [&](const Tensor& at) {
      if (++calls == 5) throw std::runtime_error("the model broke");
      return net(at);
    };
    try {
      (void)method(fragile, x, target::Class{.index = 0});
    } catch (const std::runtime_error&) {
      threw = true;
    }
  });
  std::vector<Tensor> maps;
  for (int round = 0; round < 4; ++round) maps.push_back(method(net, x, target::Class{.index = 0}).map);
  failing.join();
  DOCTEST_CHECK(threw);
  for (const Tensor& map : maps) DOCTEST_CHECK(lumen::testing::all_close(map, expected, 1e-11));
}
