// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/layout.hpp>

#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace net = lumen::net;
using lumen::Tensor;

DOCTEST_TEST_CASE("gradients are laid out as their weights are, and keep their numbers") {
  auto unet = net::seeded(3, [] { return net::UNet(); });
  unet->eval();
  unet->forward(lumen::testing::nets::random({1, 1, 16, 16}, 4).to(at::kFloat)).square().mean().backward();
  std::vector<Tensor> before;
  for (const Tensor& parameter : unet->parameters()) before.push_back(parameter.grad().clone());
  for (const auto layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
    net::set_layout(*unet, layout);
    const auto parameters = unet->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].dim() == 4) DOCTEST_CHECK(parameters[i].grad().is_contiguous(layout));
      DOCTEST_CHECK(at::equal(parameters[i].grad(), before[i]));
    }
  }
}

DOCTEST_TEST_CASE("the faster layout is taken, and the numbers stay") {
  auto unet = net::seeded(3, [] { return net::UNet(); });
  unet->eval();
  const Tensor x = lumen::testing::nets::random({1, 1, 32, 32}, 4).to(at::kFloat);
  const Tensor before = unet->forward(x);
  const Tensor weight = unet->parameters().front();
  const auto last = at::MemoryFormat::ChannelsLast;
  for (const bool slow_last : {false, true}) {
    int passes = 0;
    const auto times = net::take_faster_layout(*unet, [&] {
      ++passes;
      const bool now_last =
          unet->parameters()[3].is_contiguous(last) && !unet->parameters()[3].is_contiguous();
      if (now_last == slow_last) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
    DOCTEST_CHECK(passes == 8);
    DOCTEST_CHECK((times.channels_last > times.contiguous) == slow_last);
    DOCTEST_CHECK(times.faster() == (slow_last ? at::MemoryFormat::Contiguous : last));
    for (const Tensor& parameter : unet->parameters())
      if (parameter.dim() == 4) DOCTEST_CHECK(parameter.is_contiguous(times.faster()));
    DOCTEST_CHECK(lumen::testing::max_error(unet->forward(x), before) < 1e-5);
  }
  DOCTEST_CHECK(unet->parameters().front().is_same(weight));  // an optimiser still holds its parameters
}
