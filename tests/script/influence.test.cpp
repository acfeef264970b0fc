// SPDX-License-Identifier: BSD-3-Clause
// Rows of the Jacobian of a scripted network.
#include <lumen/influence/rows.hpp>

#include <doctest/doctest.h>

#include <lumen/script/load.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "script/models.hpp"
#include "support/rows.hpp"

namespace influence = lumen::influence;
namespace models = lumen::testing::script_models;
namespace target = lumen::target;
using lumen::Tensor;

DOCTEST_TEST_CASE(
    "rows of a scripted network with an in-place module, a pool and an upsampling are whole rows") {
  torch::jit::Module made = models::module("Segmenter");
  made.register_module("stem", models::conv(1, 4, 10));
  made.register_module("norm", models::norm(4, 20));
  made.register_module("relu", models::module("ReLU", "  return torch.relu_(x)\n"));
  made.register_module("inner", models::conv(4, 4, 30));
  made.register_module("head", models::conv(8, 2, 40));
  made.define(
      "def forward(self, x):\n"
      "  y = self.relu.forward(self.norm.forward(self.stem.forward(x)))\n"
      "  z = self.relu.forward(self.inner.forward(torch.max_pool2d(y, [2, 2])))\n"
      "  z = torch.upsample_nearest2d(z, [y.size(2), y.size(3)])\n"
      "  return self.head.forward(torch.cat([y, z], 1))\n");
  const lumen::script::Network net(made);
  const Tensor x = lumen::testing::nets::random({1, 1, 16, 14}, 3);
  for (const influence::Way way : {influence::Way::Rows, influence::Way::Columns}) {
    influence::Report report;
    DOCTEST_CHECK(lumen::testing::row_error(net, x, influence::Every{.step = 3},
                                            {target::Softmax{target::Class{.index = 1}}}, {.way = way},
                                            &report) < 1e-12);
    DOCTEST_CHECK_MESSAGE(report.way == way, report.why);
    for (const influence::StepReport& step : report.steps) {
      DOCTEST_CAPTURE(step.where);
      DOCTEST_CHECK(step.confined);
    }
  }
}
