// SPDX-License-Identifier: BSD-3-Clause
// TorchScript files whose operators have other names, or hide others: padding by name, a dropout of nothing, transformers
// that run as one fused kernel where nobody needs gradients.
#include <lumen/script/load.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/rule/pass.hpp>
#include <lumen/target/element.hpp>
#include <lumen/trace/observe.hpp>

#include "support/allclose.hpp"
#include "support/guided_oracle.hpp"
#include "support/message.hpp"
#include "support/shared.hpp"

namespace layer = lumen::layer;
namespace script = lumen::script;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

struct Case {
  script::Network net;
  Tensor x;
};

/// In double, so that what should be exact shows. Nothing without the shared files.
std::optional<Case> read(const std::string& name) {
  const auto model = lumen::testing::shared("cases/" + name + ".pt");
  const auto input = lumen::testing::shared("cases/" + (name == "dp0_trace" ? "dp" : name) + ".npy");
  if (!model || !input) return std::nullopt;
  return Case{script::load(*model, {.dtype = at::kDouble}),
              lumen::io::read_npy(input->string()).to(at::kDouble)};
}

const lumen::target::Class question{.index = 1};

void check_guided_and_exact(const Case& one) {
  const Tensor leaf = one.x.clone().requires_grad_(true);
  const Tensor oracle = lumen::testing::guided_oracle(one.net.forward(leaf.clone()).select(1, 1), leaf);
  DOCTEST_CHECK(all_close(lumen::GuidedBackprop{}(one.net, one.x, question).map, oracle, 1e-10));
  const auto lifted = lumen::DeepLift{}(one.net, one.x, question);
  DOCTEST_CHECK(lifted.completeness_error.abs().max().item<double>() < 1e-9);
  DOCTEST_CHECK(lifted.map.abs().max().item<double>() > 1e-6);
  const lumen::Conservation books = lumen::Lrp{}.conservation(one.net, one.x, question);
  const double told = books.absorbed().bias + books.absorbed().stabiliser + books.lost();
  DOCTEST_CHECK(std::abs(books.started - books.arrived - told) < 1e-9);
  DOCTEST_CHECK(std::abs(books.arrived) > 1e-6);
}

}  // namespace

DOCTEST_TEST_CASE("a convolution traced with padding='same' is one") {
  const auto one = read("same_trace");
  if (!one) return;
  check_guided_and_exact(*one);
  const Tensor value = lumen::LayerActivation{.layers = {layer::nth("conv2d", -1)}}(one->net, one->x).front();
  DOCTEST_CHECK(value.dim() == 4);
}

DOCTEST_TEST_CASE("a dropout of nothing that was traced in training mode is an identity") {
  const auto one = read("dp0_trace");
  if (one) check_guided_and_exact(*one);
}

DOCTEST_TEST_CASE("a scripted transformer shows its layers, whether anybody needs gradients or not") {
  const auto one = read("enc_script");
  if (!one) return;
  for (const bool frozen : {true, false}) {
    DOCTEST_CAPTURE(frozen);
    for (const auto& [name, value] : one->net.tensors()) value.requires_grad_(!frozen);
    std::int64_t inner = 0;
    for (const script::Part& part : one->net.layers()) {
      if (part.path.find("layers.") == std::string::npos) continue;
      if (part.path.find("dropout") != std::string::npos || part.kind == "ModuleList") continue;
      DOCTEST_CAPTURE(part.path);
      const lumen::Saliency plain{.absolute = false};
      const auto there = lumen::AtLayer{.method = plain, .layer = layer::tap(part.path)};
      if (part.kind == "MultiheadAttention") continue;  // gives a tuple
      const Tensor map = there(one->net, one->x, question).map;
      DOCTEST_CHECK(map.abs().max().item<double>() > 0);
      ++inner;
    }
    DOCTEST_CHECK(inner >= 5);
    // the last norm's first token is what the linear layer f is given
    const Tensor last =
        lumen::LayerActivation{.layers = {layer::nth("layer_norm", -1)}}(one->net, one->x).front();
    const Tensor w = one->net.tensor("f.weight").detach(), b = one->net.tensor("f.bias").detach();
    DOCTEST_CHECK(all_close(at::linear(last.select(1, 0), w, b), one->net.forward(one->x).detach(), 1e-9));
    const auto at_norm = lumen::AtLayer{.method = lumen::Saliency{.absolute = false},
                                        .layer = layer::nth("layer_norm", -1)}(one->net, one->x, question);
    DOCTEST_CHECK(
        all_close(at_norm.map.select(1, 0), w[1].unsqueeze(0).expand_as(at_norm.map.select(1, 0)), 1e-12));
    const auto lifted = lumen::DeepLift{}(one->net, one->x, question);
    DOCTEST_CHECK(lifted.completeness_error.abs().max().item<double>() < 1e-9);
    const auto at_layer = lumen::AtLayer{.method = lumen::DeepLift{}, .layer = layer::nth("layer_norm", 0)};
    DOCTEST_CHECK(at_layer(one->net, one->x, question).completeness_error.abs().max().item<double>() < 1e-9);
    const lumen::Conservation books = lumen::Lrp{}.conservation(one->net, one->x, question);
    DOCTEST_CHECK(std::isfinite(books.arrived));
    for (const auto& [name, value] : one->net.tensors()) DOCTEST_CHECK(value.requires_grad() == !frozen);
  }
}

DOCTEST_TEST_CASE("no observed pass of a transformer shows a fused kernel, however it is observed") {
  for (const char* const name : {"enc_script", "enc_trace_nograd"}) {
    const auto one = read(name);
    if (!one) return;
    DOCTEST_CAPTURE(name);
    for (const auto& [path, value] : one->net.tensors()) value.requires_grad_(false);
    const auto fused = [](const std::vector<lumen::trace::Operation>& seen) {
      return std::count_if(seen.begin(), seen.end(), [](const lumen::trace::Operation& op) {
        return op.name.find("_transformer_") != std::string::npos ||
               op.name.find("_native_multi") != std::string::npos;
      });
    };
    const auto norms = [](const std::vector<lumen::trace::Operation>& seen) {
      return std::count_if(seen.begin(), seen.end(), [](const auto& op) { return op.kind == "layer_norm"; });
    };
    Tensor output;
    const auto plain = lumen::trace::observe([&] { return output = one->net.forward(one->x); });
    DOCTEST_CHECK(fused(plain) == 0);
    DOCTEST_CHECK(norms(plain) >= 2);
    DOCTEST_CHECK(all_close(output, one->net.forward(one->x), 1e-9));
    {
      const at::NoGradGuard no_grad;
      DOCTEST_CHECK(fused(lumen::trace::observe([&] { return one->net.forward(one->x); })) == 0);
    }
    const auto asked = lumen::trace::observe(
        [&](const lumen::Tensors& given) { return one->net.forward(given[0]); }, {one->x});
    DOCTEST_CHECK(fused(asked) == 0);
    DOCTEST_CHECK(norms(asked) == norms(plain));
    // a network that switches gradients off for its encoder itself
    const auto frozen = [&](const Tensor& x) {
      Tensor inside;
      {
        const at::NoGradGuard no_grad;
        inside = one->net.forward(x);
      }
      return at::tanh(inside);
    };
    const Tensor norm =
        lumen::LayerActivation{.layers = {layer::nth("layer_norm", 0)}}(frozen, one->x).front();
    DOCTEST_CHECK(norm.dim() == 3);
    DOCTEST_CHECK(norms(lumen::trace::observe([&] { return frozen(one->x); })) == norms(plain));
  }
}

DOCTEST_TEST_CASE(
    "of a transformer that was traced without gradients rules follow the operators it stands for") {
  const auto one = read("enc_trace_nograd");
  if (!one) return;
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::Saliency{}(one->net, one->x, question); }),
                      "trace it with gradients enabled"));
  // what is heard has derivatives: so the gradient is that of the slope by differences
  const lumen::rule::Composite plain{.method = "plain", .otherwise = [](const lumen::rule::Record&) {
                                       return std::optional<lumen::rule::Backward>(nullptr);
                                     }};
  lumen::rule::Pass pass(plain);
  const lumen::engine::Function function = [&](const lumen::Tensors& x) { return one->net.forward(x[0]); };
  const auto found = lumen::engine::differentiate(pass.bind(function), {one->x}, {question}, false);
  const Tensor direction = at::sin(at::arange(one->x.numel(), at::kDouble)).reshape(one->x.sizes());
  const auto score = [&](double t) { return one->net.forward(one->x + t * direction).select(1, 1); };
  const Tensor slope = (score(1e-4) - score(-1e-4)) / 2e-4;
  DOCTEST_CHECK(all_close((found.gradients[0][0] * direction).flatten(1).sum(1), slope, 1e-5));
  const auto lifted = lumen::DeepLift{}(one->net, one->x, question);
  DOCTEST_CHECK(lifted.completeness_error.abs().max().item<double>() < 1e-9);
  const lumen::Conservation books = lumen::Lrp{}.conservation(one->net, one->x, question);
  DOCTEST_CHECK(std::isfinite(books.arrived));
}
