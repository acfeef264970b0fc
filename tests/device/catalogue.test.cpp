// SPDX-License-Identifier: BSD-3-Clause
// Every method of the list answers on a GPU what it answers on the processor, in every way to run it.
#include "support/catalogue.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "support/allclose.hpp"
#include "support/device.hpp"
#include "support/nets.hpp"

namespace catalogue = lumen::catalogue;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::on;

DOCTEST_TEST_CASE("every method of the list") {
  const std::optional<at::Device> gpu = lumen::testing::accelerator();
  if (!gpu) return;
  const nets::Residual here, there = on<nets::Residual>(*gpu);
  const Tensor x = nets::random({2, 2, 6, 6}, 1).abs() + 0.1;
  const lumen::AnyTarget neuron = target::Element{{1, 2, 2}};
  int compared = 0;
  lumen::testing::each_way(layer::nth("relu", -1), neuron, [&](const lumen::testing::Way& way) {
    DOCTEST_CAPTURE(way.name);
    const lumen::Targets asked{way.inner ? *way.choices.neuron : lumen::AnyTarget(target::Class{1})};
    const auto expected =
        way.explainer()([&](const Tensors& at) { return here(at[0]); }, {x}, asked, {}).front();
    const auto found =
        way.explainer()([&](const Tensors& at) { return there(at[0]); }, {x.to(*gpu)}, asked, {}).front();
    DOCTEST_CHECK((found.map.front().device() == *gpu));
    DOCTEST_CHECK(lumen::testing::all_close(found.map.front().cpu(), expected.map.front(), 1e-7));
    DOCTEST_CHECK(lumen::testing::all_close(found.score.cpu(), expected.score, 1e-9));
    ++compared;
  });
  DOCTEST_CHECK(compared > 60);
}
