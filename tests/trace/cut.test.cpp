// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/cut.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/target/element.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

struct Case {
  std::string says;
  std::function<Tensor(const Tensor&)> model;
};

}  // namespace

DOCTEST_TEST_CASE("the operator that cuts the output off from the input is named, and why") {
  const Tensor w = nets::weight({2, 4}, 1).to(at::kFloat).requires_grad_(true);
  const Tensor x = nets::random({2, 4}, 2).to(at::kFloat);
  const std::vector<Case> cases{
      {"quantize_per_tensor 0 (aten::quantize_per_tensor, operator",
       [&](const Tensor& v) {
         return at::linear(at::relu(at::quantize_per_tensor(v * 2, 0.1, 3, at::kQUInt8)).dequantize(), w);
       }},
      {" (aten::detach, operator", [&](const Tensor& v) { return at::linear(v.tanh().detach(), w); }},
      {"gt 0 (aten::gt, operator", [&](const Tensor& v) { return at::linear((v > 0).to(at::kFloat), w); }},
      {"argmax 0 (aten::argmax, operator",
       [&](const Tensor& v) { return w.t().index_select(0, at::linear(v, w).argmax(1)); }},
      {"runs where gradients are off",
       [&](const Tensor& v) {
         const at::NoGradGuard no_grad;
         return at::linear(v, w).exp();
       }},
  };
  for (const Case& one : cases) {
    const auto said = [&](const auto& method) {
      const std::string message =
          message_of([&] { (void)method(one.model, x, lumen::target::Class{.index = 1}); });
      DOCTEST_CAPTURE(message);
      DOCTEST_CHECK(holds(message, "does not depend on the input"));
      DOCTEST_CHECK(holds(message, one.says));
    };
    said(lumen::Saliency{});
    said(lumen::IntegratedGradients{});
    said(lumen::DeepLift{});
    said(lumen::Lrp{});
  }
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::Saliency{}(cases[0].model, x, lumen::target::Class{}); }),
                      "has no derivative: explain the network as it was before it was quantised"));
  DOCTEST_CHECK(w.requires_grad());
}

DOCTEST_TEST_CASE("nothing is named where the output depends on the input, or a target cuts it off") {
  const Tensor w = nets::weight({2, 4}, 1), x = nets::random({2, 4}, 2);
  const auto model = [&](const lumen::Tensors& in) { return at::linear(in[0] * (in[0] > 0), w); };
  DOCTEST_CHECK(lumen::trace::what_cuts(model, {x}).empty());
  const auto net = [&](const Tensor& v) { return at::linear(v, w); };
  const auto lost = [](const Tensor& output) { return output.detach().select(1, 0); };
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::Saliency{}(net, x, lost); }), "check the model for detach"));
}

DOCTEST_TEST_CASE("influence names it, too") {
  const auto dense = [](const Tensor& v) {
    return at::quantize_per_tensor(v, 0.1, 0, at::kQUInt8).dequantize();
  };
  const Tensor x = nets::random({1, 1, 4, 4}, 3).to(at::kFloat);
  const auto sink = [](const lumen::influence::RowChunk&) {};
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::influence::rows(dense, x, lumen::influence::All{},
                                                     {lumen::target::Class{.index = 0}}, sink);
                      }),
                      "quantize_per_tensor 0"));
}
