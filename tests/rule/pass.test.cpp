// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/rule/pass.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace kinds = lumen::rule::kinds;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace rule = lumen::rule;
namespace target = lumen::target;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// In-place and reused rectifiers on views, a residual sum, concatenation, chunks, pads and pools.
struct Tangled {
  Tensor first = nets::weight({4, 1, 3, 3}, 1), second = nets::weight({2, 2, 3, 3}, 2),
         third = nets::weight({3, 6}, 3), scale = nets::random({4}, 4).abs();
  Tensor operator()(const Tensor& x) const {
    Tensor a = at::conv2d(at::reflection_pad2d(x, {1, 1, 1, 1}), first);
    a = at::batch_norm(a, scale, {}, at::zeros_like(scale), at::ones_like(scale), false, 0.1, 1e-5, false);
    a.relu_();
    std::vector<Tensor> halves = a.chunk(2, 1);
    Tensor b = at::conv2d(halves[0], second, {}, 1, 1);
    b.add_(halves[1]);
    b.relu_();
    Tensor c = at::cat({b, halves[1], at::constant_pad_nd(halves[0].narrow(2, 1, 4), {0, 0, 1, 1})}, 1);
    c = at::max_pool2d(c, 3, 2, 1);
    return at::linear(c.mean({2, 3}), third);
  }
};

rule::Composite everything_plain() {
  rule::Composite composite{.method = "plain"};
  composite.pass(kinds::moves | kinds::sums | kinds::averages | kinds::weighted | kinds::norms_fixed |
                 kinds::rectifiers | kinds::maxima | kinds::softmaxes);
  return composite;
}

lumen::engine::Derivatives ruled(const rule::Composite& composite, const lumen::engine::Function& model,
                                 const Tensor& x, const Targets& targets) {
  rule::Pass pass(composite);
  return lumen::engine::differentiate(pass.bind(model), {x}, pass.bind(targets), true);
}

}  // namespace

DOCTEST_TEST_CASE("rules that repeat the operators' own gradients change nothing") {
  Tangled net;
  net.first.requires_grad_(true);
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({3, 1, 6, 6}, 5);
  const Targets targets{target::Class{.index = 1}, target::Softmax{target::Class{.index = 2}}};
  const auto plain = lumen::engine::differentiate(model, {x}, targets, true);
  rule::Composite composite = everything_plain();
  for (auto& [kind, each] : composite.kinds) each = rule::plain_backward;
  for (const rule::Composite& way : {everything_plain(), composite}) {
    const auto same = ruled(way, model, x, targets);
    for (std::size_t t = 0; t < targets.size(); ++t) {
      DOCTEST_CHECK(at::equal(same.scores[t], plain.scores[t]));
      DOCTEST_CHECK(all_close(same.gradients[t][0], plain.gradients[t][0], 1e-12));
    }
  }
  DOCTEST_CHECK(net.first.requires_grad());
  DOCTEST_CHECK(!net.first.grad().defined());
}

DOCTEST_TEST_CASE("a rule sees what the operator saw, also when the model overwrites it later") {
  const Tangled net;
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({2, 1, 6, 6}, 6);
  rule::Composite composite = everything_plain();
  std::vector<std::string> asked;
  composite.use({"relu", "batch_norm"}, [&](const rule::Record& record, const Tensors& gradients) {
    asked.push_back(record.where());
    const Tensor expected =
        record.kind == "relu" ? at::relu(record.inputs[0]) : record.rerun(record.inputs)[0];
    DOCTEST_CHECK(at::equal(record.outputs[0], expected));
    if (record.kind == "batch_norm") {  // its result was overwritten by relu_
      DOCTEST_CHECK(record.outputs[0].min().item<double>() < 0);
      DOCTEST_CHECK(record.argument("eps").toDouble() == 1e-5);
      DOCTEST_CHECK(record.producers[0]->kind == "conv2d");
      DOCTEST_CHECK(record.producers[0]->consumers == 1);
    } else {
      DOCTEST_CHECK(record.inputs[0].min().item<double>() < 0);
    }
    return rule::plain_backward(record, gradients);
  });
  (void)ruled(composite, model, x, {target::Class{.index = 0}});
  DOCTEST_CHECK(asked == std::vector<std::string>{"relu 1 (aten::relu_, operator 9)",
                                                  "relu 0 (aten::relu_, operator 5)",
                                                  "batch_norm 0 (aten::batch_norm, operator 4)"});
}

DOCTEST_TEST_CASE("first, last, layers and kinds get their rules") {
  const nets::ConvNet net;
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({2, 1, 8, 8}, 7);
  std::vector<std::string> asked;
  const auto noting = [&](const char* name) {
    return [&asked, name](const rule::Record& record, const Tensors& gradients) {
      asked.push_back(std::string(name) + " " + record.kind + std::to_string(record.nth));
      return rule::plain_backward(record, gradients);
    };
  };
  rule::Composite composite = everything_plain();
  composite.use(kinds::weighted, noting("kind"));
  composite.first = noting("first");
  composite.last = noting("last");
  composite.layers = {{layer::of(net.conv2), noting("layer")}, {layer::nth("relu", 2), noting("third")}};
  (void)ruled(composite, model, x, {target::Class{.index = 0}});
  DOCTEST_CHECK(asked == std::vector<std::string>{"last linear1", "third relu2", "kind linear0",
                                                  "layer conv2d1", "first conv2d0"});
}

DOCTEST_TEST_CASE("what no entry covers is refused by name, but only on the way to the score") {
  const Tensor w = nets::weight({3, 4}, 8);
  const lumen::engine::Function model = [&](const Tensors& parts) {
    const Tensor aside = at::cumprod(parts[0], 1);  // never reaches the score
    (void)aside;
    return at::linear(at::relu(parts[0]), w);
  };
  const lumen::engine::Function strange = [&](const Tensors& parts) {
    const Tensor known = at::linear(at::relu(parts[0]), w);
    return known + at::logcumsumexp(parts[0], 1).narrow(1, 0, 3);
  };
  const Tensor x = nets::random({2, 4}, 9);
  const Targets first{target::Class{.index = 0}};
  (void)ruled(everything_plain(), model, x, first);
  const std::string message = message_of([&] { (void)ruled(everything_plain(), strange, x, first); });
  DOCTEST_CAPTURE(message);
  DOCTEST_CHECK(holds(message, "plain has no rule for logcumsumexp 0 (aten::logcumsumexp, operator 2)"));
  DOCTEST_CHECK(holds(message, "give its composite a rule for 'logcumsumexp'"));
  const std::string in_target = message_of([&] {
    (void)ruled(everything_plain(), model, x,
                {[](const Tensor& out) { return at::logcumsumexp(out, 1).select(1, 2); }});
  });
  DOCTEST_CHECK(holds(in_target, "logcumsumexp"));
  DOCTEST_CHECK(lumen::trace::detail::listeners().empty());
}

DOCTEST_TEST_CASE("of several results, some of them unused or without a gradient, one refused is named") {
  const lumen::engine::Function model = [](const Tensors& parts) {
    const auto [u, s, v] = at::linalg_svd(parts[0].reshape({-1, 2, 2}), false);
    return s + 0.0 * u.detach().select(2, 0) * v.detach().select(2, 0);
  };
  const std::string message = message_of(
      [&] { (void)ruled(everything_plain(), model, nets::random({2, 4}, 9), {target::Class{.index = 0}}); });
  DOCTEST_CAPTURE(message);
  DOCTEST_CHECK(holds(message, "plain has no rule for _linalg_svd 0"));
}

DOCTEST_TEST_CASE("what draws at random is refused, with the remedy; told to draw nothing it is not") {
  const Tensor w = nets::weight({3, 4}, 8), x = nets::random({2, 4}, 9);
  using Draw = std::function<Tensor(const Tensor&, bool)>;
  const std::vector<std::pair<std::string, Draw>> draws{
      {"dropout", [](const Tensor& v, bool train) { return at::dropout(v, 0.5, train); }},
      {"alpha_dropout", [](const Tensor& v, bool train) { return at::alpha_dropout(v, 0.5, train); }},
      {"feature_dropout", [](const Tensor& v, bool train) { return at::feature_dropout(v, 0.5, train); }},
      {"dropout", [](const Tensor& v, bool train) { return std::get<0>(at::native_dropout(v, 0.5, train)); }},
      {"dropout", [](const Tensor& v, bool train) { return at::dropout(v, train ? 0.5 : 0.0, true); }},
      {"rrelu", [](const Tensor& v, bool train) { return at::rrelu(v, 0.1, 0.3, train); }},
  };
  rule::Composite composite = everything_plain();
  composite.pass(kinds::dropouts).use({"rrelu"}, rule::plain_backward);
  for (const auto& [kind, draw] : draws) {
    DOCTEST_CAPTURE(kind);
    const auto run = [&, &drawn = draw](bool train) {
      (void)ruled(composite, [&](const Tensors& in) { return at::linear(drawn(in[0] * 1.0, train), w); }, x,
                  {target::Class{.index = 0}});
    };
    composite.pass({"mul"});
    run(false);
    const std::string message = message_of([&] { run(true); });
    DOCTEST_CHECK(holds(message, "plain: " + kind + " 0 (aten::"));
    DOCTEST_CHECK(holds(message, "evaluation mode (eval())"));
  }
}

DOCTEST_TEST_CASE("lists of tensors of any declared type are counted and replaced alike") {
  const Tensor a = at::ones({2}), b = at::zeros({3});
  c10::List<c10::IValue> any(c10::AnyType::get());
  any.push_back(a);
  any.push_back(c10::IValue());
  any.push_back(b);
  c10::List<c10::optional<Tensor>> optional;
  optional.push_back(c10::nullopt);
  optional.push_back(b);
  std::vector<c10::IValue> values{c10::IValue(any), c10::IValue(optional), c10::IValue(a),
                                  c10::IValue(std::vector<std::int64_t>{1, 2})};
  const Tensors seen = lumen::trace::tensors_in(values);
  DOCTEST_REQUIRE(seen.size() == 4);
  std::size_t count = 0;
  lumen::trace::replace_tensors(values, [&](const Tensor& each, std::size_t i) {
    DOCTEST_CHECK(each.is_same(seen[i]));
    ++count;
    return each + 1;
  });
  DOCTEST_CHECK(count == 4);
  DOCTEST_CHECK(lumen::trace::tensors_in(values)[1].equal(b + 1));
  DOCTEST_CHECK(any.get(0).toTensor().is_same(a));  // the caller's list is as it was
}

DOCTEST_TEST_CASE("an input that a rule needs and the model overwrites is refused, not misread") {
  const Tensor w = nets::weight({4, 4}, 10);
  const lumen::engine::Function model = [&](const Tensors& parts) {
    Tensor h = at::linear(parts[0], w);
    const Tensor g = at::tanh(h);
    h.mul_(2.0);
    return g + h;
  };
  rule::Composite composite = everything_plain();
  composite.pass({"mul"}).use({"tanh"}, rule::plain_backward);
  const Tensor x = nets::random({2, 4}, 11);
  const std::string message =
      message_of([&] { (void)ruled(composite, model, x, {target::Class{.index = 0}}); });
  DOCTEST_CHECK(holds(message, "an input of tanh 0 (aten::tanh, operator 1) was overwritten later"));
}

DOCTEST_TEST_CASE(
    "rules at what is not an operator are refused, and a throwing rule or model leaves no trace") {
  const nets::ConvNet net;
  rule::Composite composite = everything_plain();
  composite.layers = {{layer::tap("here"), nullptr}};
  DOCTEST_CHECK(
      holds(message_of([&] { rule::Pass pass(composite); }), "cannot be put at the output of tap 'here'"));
  composite = everything_plain();
  composite.use({"relu"},
                [](const rule::Record&, const Tensors&) -> Tensors { throw std::runtime_error("rule"); });
  const Tensor x = nets::random({2, 1, 8, 8}, 12);
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const lumen::engine::Function broken = [&](const Tensors& parts) -> Tensor {
    (void)net(parts[0]);
    throw std::runtime_error("model");
  };
  const Tensor plain = net(x);
  DOCTEST_CHECK_THROWS_WITH((void)ruled(composite, model, x, {target::Class{.index = 0}}), "rule");
  DOCTEST_CHECK_THROWS_WITH((void)ruled(everything_plain(), broken, x, {target::Class{.index = 0}}), "model");
  DOCTEST_CHECK(lumen::trace::detail::listeners().empty());
  DOCTEST_CHECK(at::equal(net(x), plain));
}

DOCTEST_TEST_CASE("a composite of one's own") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 13);
  //! [composite]
  namespace rule = lumen::rule;
  rule::Composite composite{.method = "no gradient below 0.1"};
  composite.pass(rule::kinds::moves | rule::kinds::weighted | rule::kinds::averages | rule::kinds::maxima);
  composite.use({"relu"}, [](const rule::Record& record, const Tensors& gradients) {
    return rule::only(record, 0, gradients[0] * (record.outputs[0] > 0.1));
  });
  rule::Pass pass(composite);
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Targets targets{target::Class{.index = 1}};
  const auto why = lumen::engine::differentiate(pass.bind(model), {image}, pass.bind(targets), true);
  //! [composite]
  DOCTEST_CHECK(!all_close(why.gradients[0][0],
                           lumen::engine::differentiate(model, {image}, targets, true).gradients[0][0],
                           1e-6));
}
