// SPDX-License-Identifier: BSD-3-Clause
// TorchScript models as programs.
#include <lumen/trace/program.hpp>

#include <doctest/doctest.h>

#include <iostream>
#include <string>

#include <lumen/io/npy.hpp>
#include <lumen/script/load.hpp>

#include "script/models.hpp"
#include "support/zoo_files.hpp"

namespace models = lumen::testing::script_models;
namespace trace = lumen::trace;
using lumen::Tensor;
using lumen::Tensors;

DOCTEST_TEST_CASE("a scripted network with a reused in-place module is a program of any batch") {
  const lumen::script::Network net(models::residual());
  const lumen::engine::Function model = [&](const Tensors& parts) { return net.forward(parts.front()); };
  const auto program = trace::Program::record(model, {models::images()});
  DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
  DOCTEST_CHECK(program.any_batch());
  const at::NoGradGuard no_grad;
  for (const std::int64_t rows : {1, 2, 4}) {
    const Tensor x = models::images(rows, 77);
    DOCTEST_CHECK(at::equal(program({x}), net.forward(x)));
  }
  std::int64_t weights = 0;
  for (const trace::Step& step : program.steps()) {
    for (const trace::Operand& each : step.operands) {
      weights += each.is_constant() && each.constant.is_alias_of(net.tensor("stem.weight")) ? 1 : 0;
    }
  }
  DOCTEST_CHECK(weights == 1);
}

DOCTEST_TEST_CASE("the zoo of TorchScript files, traced and scripted, replays bit for bit") {
  for (const lumen::testing::ZooFile& file : lumen::testing::zoo_files()) {
    DOCTEST_CAPTURE(file.name());
    lumen::script::Options options;
    if (file.tuple) options.output = {std::int64_t{0}};
    const lumen::script::Network net = lumen::script::load(file.path, options);
    const lumen::engine::Function model = [&](const Tensors& parts) { return net.forward(parts.front()); };
    const Tensor x = lumen::io::read_npy(file.input);
    const auto program = trace::Program::record(model, {x});
    DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
    const at::NoGradGuard no_grad;
    DOCTEST_CHECK(at::equal(program.value(program.output()), net.forward(x.narrow(0, 0, 1))));
    DOCTEST_CHECK(at::equal(program({x.narrow(0, 1, 1)}), net.forward(x.narrow(0, 1, 1))));
    if (program.any_batch()) {
      const Tensor three = at::cat({x, x.flip({2}).narrow(0, 0, 1)});
      DOCTEST_CHECK(at::equal(program({three}), net.forward(three)));
    } else {
      std::cout << file.name() << " is a program of one row\n";
    }
  }
}
