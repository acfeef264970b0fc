// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/observe.hpp>

#include <doctest/doctest.h>

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/ir/irparser.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <exception>
#include <memory>
#include <string>

#include "support/message.hpp"

namespace trace = lumen::trace;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// TorchScript run by LibTorch itself, which has relu run by torch.jit.fork and waits for it.
Tensor forked(const Tensor& x) {
  const auto part = std::make_shared<torch::jit::Graph>();
  torch::jit::parseIR("graph(%x : Tensor):\n  %y : Tensor = aten::relu(%x)\n  return (%y)\n", part.get());
  const auto graph = std::make_shared<torch::jit::Graph>();
  torch::jit::Node* const fork = graph->insertNode(graph->create(c10::prim::fork, {graph->addInput()}));
  fork->g_(c10::attr::Subgraph, part);
  fork->output()->setType(c10::FutureType::create(c10::TensorType::get()));
  torch::jit::Node* const wait = graph->insertNode(graph->create(c10::aten::wait, {fork->output()}));
  wait->output()->setType(c10::TensorType::get());
  graph->registerOutput(wait->output());
  torch::jit::Stack stack{x};
  torch::jit::InterpreterState(torch::jit::Code(graph, "forks")).run(stack);
  return stack.front().toTensor();
}

}  // namespace

DOCTEST_TEST_CASE("torch.jit.fork inside an observed pass is refused by name") {
  const Tensor x = at::ones({2});
  DOCTEST_CHECK(at::equal(forked(x), x));
  std::string swallowed;
  const std::string message = message_of([&] {
    (void)trace::observe([&] {
      try {
        return forked(x);
      } catch (const std::exception& error) {
        swallowed = error.what();
      }
      return at::tanh(x);
    });
  });
  DOCTEST_CHECK(holds(swallowed, "aten::relu ran on a thread of its own"));
  DOCTEST_CHECK(holds(message, "before aten::tanh"));
  DOCTEST_CHECK(trace::observe([&] { return at::exp(x); }).size() == 1);
}
