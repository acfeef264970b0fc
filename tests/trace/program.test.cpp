// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/program.hpp>

#include <doctest/doctest.h>

#include <c10/core/InferenceMode.h>

#include <atomic>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <lumen/trace/suffix.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/zoo.hpp"

namespace nets = lumen::testing::nets;
namespace trace = lumen::trace;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

using Model = lumen::engine::Function;

template <class Net>
Model model_of(const Net& net) {
  return [&net](const Tensors& parts) { return lumen::forward(net, parts.front()); };
}

}  // namespace

DOCTEST_TEST_CASE("the zoo replays bit for bit, at one row and at others") {
  for (const lumen::testing::ZooNet& net : lumen::testing::zoo()) {
    DOCTEST_CAPTURE(net.name);
    const Model model = model_of(net);
    const auto program = trace::Program::record(model, {net.images(3)});
    DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
    const at::NoGradGuard no_grad;
    for (const std::int64_t rows : {1, 2, 3}) {
      const Tensor x = net.images(rows, 7);
      DOCTEST_CHECK(at::equal(program({x}), net.forward(x)));
    }
    DOCTEST_CHECK(at::equal(program.value(program.output()), net.forward(net.images(3).narrow(0, 0, 1))));
  }
}

namespace {

/// Replays at one, two and five rows are the model, bit for bit, and values follow from others.
void check_program(const Model& model, const Tensors& x, const std::string& what) {
  DOCTEST_CAPTURE(what);
  const auto program = trace::Program::record(model, x);
  DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
  const at::NoGradGuard no_grad;
  for (const std::int64_t rows : {1, 2, 5}) {
    Tensors other;
    for (const Tensor& part : x) {
      std::vector<std::int64_t> sizes = part.sizes().vec();
      sizes.front() = rows;
      other.push_back(nets::random(sizes, 90 + static_cast<std::uint64_t>(rows)).to(part.scalar_type()));
    }
    Tensors copies;
    for (const Tensor& part : other) copies.push_back(part.clone());
    const Tensor expected = model(copies);
    DOCTEST_CHECK(at::equal(program(other), expected));
    // from any value on: with values of that pass in the place of the recorded ones
    trace::Program::Values given;
    for (std::size_t i = 0; i < other.size(); ++i) given.emplace(program.inputs()[i], other[i]);
    for (trace::ValueId id = 0; id < program.value_count(); ++id) {
      const Tensor value = program.run(given, {id}).front();
      DOCTEST_CHECK(value.sizes() == program.sizes(id, rows));
      auto more = given;
      more.insert_or_assign(id, value);
      DOCTEST_CHECK(at::equal(program.run(more), expected));
    }
  }
  // recorded values are what a replay of the recorded input gives
  trace::Program::Values given;
  for (std::size_t i = 0; i < x.size(); ++i) given.emplace(program.inputs()[i], x[i].narrow(0, 0, 1));
  for (trace::ValueId id = 0; id < program.value_count(); ++id) {
    DOCTEST_CHECK(at::equal(program.value(id), program.run(given, {id}).front()));
  }
}

}  // namespace

DOCTEST_TEST_CASE("in-place operators, views and writes through views are values like others") {
  const Tensor x = nets::random({2, 6, 5, 4}, 3), w = nets::weight({6, 6, 3, 3}, 4);
  const std::vector<std::pair<std::string, std::function<Tensor(const Tensor&)>>> models{
      {"in place",
       [&](const Tensor& v) { return at::conv2d(v, w, {}, 1, 1).relu_().add_(1.0).mul_(v).sum({2, 3}); }},
      {"the input", [&](const Tensor& v) { return v.sigmoid_().add(v).flatten(1); }},
      {"an operand that is overwritten later",
       [&](const Tensor& v) {
         Tensor a = at::conv2d(v, w, {}, 1, 1);
         const Tensor b = a.tanh();
         a.relu_();
         return (a * b).flatten(1);
       }},
      {"a slice written, the whole used",
       [&](const Tensor& v) {
         Tensor a = at::conv2d(v, w, {}, 1, 1);
         a.slice(1, 1, 4).relu_();
         a.select(2, -1).mul_(2.0);
         a.narrow(3, 1, 2).copy_(v.narrow(3, 0, 2));
         return a.flatten(1);
       }},
      {"the whole written, a view used",
       [&](const Tensor& v) {
         Tensor a = at::conv2d(v, w, {}, 1, 1);
         const Tensor part = a.slice(1, 0, 3).transpose(2, 3), flat = a.view({v.size(0), -1});
         a.mul_(3.0);
         flat.add_(1.0);
         return at::cat({part.flatten(1), flat}, 1);
       }},
      {"views of views, two at once",
       [&](const Tensor& v) {
         Tensor a = v * 2;
         const Tensor rows = a.permute({0, 2, 3, 1}), one = rows.select(3, 2), two = a.slice(1, 2, 6, 2);
         one.sigmoid_();
         two.exp_();
         return (rows.sum(3) + one).flatten(1);
       }},
      {"chunks and splits, written and concatenated",
       [&](const Tensor& v) {
         Tensor a = v + 1;
         const auto chunks = a.chunk(3, 1);
         chunks[1].neg_();
         const auto parts = a.split_with_sizes({1, 2, 3}, 1);
         parts[2].clamp_(-1.0, 1.0);
         const auto rows = at::unbind(a, 2);
         rows[3].zero_();
         return at::cat({chunks[0], parts[1], chunks[1] * 2, a}, 1).flatten(1);
       }},
      {"shapes changed in place",
       [&](const Tensor& v) {
         Tensor a = v * 3;
         a.unsqueeze_(1);
         a.squeeze_(1);
         a.transpose_(1, 2);
         a.relu_();
         return a.flatten(1);
       }},
      {"as_strided and diagonals",
       [&](const Tensor& v) {
         Tensor a = v * 3;
         a.diagonal(0, 2, 3).add_(1.0);
         a.as_strided({a.size(0), 2, 3}, {120, 20, 5}, 1).mul_(-1.0);
         return a.flatten(1);
       }},
      {"factories of the batch's size, and constants",
       [&](const Tensor& v) {
         Tensor buffer = at::zeros({v.size(0), 6, 5, 4}, at::kDouble);
         buffer.slice(1, 0, 3).copy_(v.slice(1, 3, 6));
         Tensor mask = at::ones({6, 1, 1}, at::kDouble);
         mask.select(0, 2).zero_();
         const Tensor scaled = buffer * mask;
         mask.fill_(4.0);
         return (scaled + mask * at::arange(4, at::kDouble) +
                 at::full({v.size(0), 1, 1, 1}, 2.0, at::kDouble))
             .flatten(1);
       }},
      {"indices, also lists with holes",
       [&](const Tensor& v) {
         using at::indexing::Slice;
         const Tensor order = at::tensor({3, 1, 2}, at::kLong);
         Tensor a = v.index({Slice(), order}) + v.index({Slice(), Slice(), order.clamp(0, 1)}).mean();
         at::index_put_(a, {{}, at::tensor({0, 2}, at::kLong)}, v.slice(1, 0, 2) * 2);
         return a.flatten(1);
       }},
      {"a best of, gathered",
       [&](const Tensor& v) {
         const Tensor scores = v.flatten(1);
         const Tensor best = scores.argmax(1, true);
         return scores.gather(1, best) + std::get<0>(at::topk(scores, 3, 1)).sum(1, true);
       }},
      {"data without its history",
       [&](const Tensor& v) {
         Tensor a = v.exp();
         a.data().mul_(2.0);
         return (a + a.detach()).flatten(1);
       }},
      {"results by argument",
       [&](const Tensor& v) {
         Tensor out = at::empty({0}, v.options());
         at::mul_out(out, v, v);
         at::add_out(out, out, v);
         return out.flatten(1);
       }},
  };
  for (const auto& [what, net] : models) {
    check_program([&model = net](const Tensors& parts) { return model(parts.front()); }, {x}, what);
  }
}

DOCTEST_TEST_CASE("what a replay would not repeat is found and said by name") {
  const Tensor x = nets::random({2, 6}, 3);
  const auto why = [&](const std::function<Tensor(const Tensor&)>& net) {
    const std::string said =
        trace::Program::record([&](const Tensors& parts) { return net(parts.front()); }, {x}).why_not();
    DOCTEST_INFO(said);
    return said;
  };
  DOCTEST_CHECK(holds(why([](const Tensor& v) { return v * v.sum().item<double>(); }), "aten::item"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) { return at::dropout(v, 0.5, true) * 2; }), "random"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) { return v + at::rand_like(v); }), "aten::rand_like"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) { return v + at::randn({6}, at::kDouble); }), "aten::randn"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) { return v.masked_select(v > 0).sum() + v; }), "sizes"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) {
                        return at::batch_norm(v, {}, {}, at::zeros(6, at::kDouble), at::ones(6, at::kDouble),
                                              true, 0.1, 1e-5, false);
                      }),
                      "call eval()"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) {
                        Tensor copy = at::empty_like(v);
                        for (std::int64_t i = 0; i < v.numel(); ++i)
                          copy.data_ptr<double>()[i] = v.contiguous().data_ptr<double>()[i];
                        return v + copy;
                      }),
                      "raw pointer"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) {
                        Tensor mask = at::empty({1}, at::kDouble);
                        mask.data_ptr<double>()[0] = v.data_ptr<double>()[0];
                        return v * mask;
                      }),
                      "takes a tensor [1]"));
  DOCTEST_CHECK(holds(why([first = x[0][0].item<double>()](const Tensor& v) {
                        return v.data_ptr<double>()[0] == first ? v.relu() : v.tanh();
                      }),
                      "the model ran"));
  DOCTEST_CHECK(holds(why([](const Tensor&) { return at::ones({1, 3}); }), "does not come from the input"));
  DOCTEST_CHECK(holds(why([](const Tensor& v) -> Tensor { return at::mm(v, v); }), "the model failed"));
  DOCTEST_CHECK_THROWS_AS((void)why([](const Tensor&) -> Tensor { throw std::length_error("mine"); }),
                          std::length_error);
  DOCTEST_CHECK(holds(why([](const Tensor& v) -> Tensor {
                        const at::AutoGradMode enable(true);
                        const Tensor leaf = v.detach().clone().requires_grad_(true);
                        return torch::autograd::grad({leaf.pow(3).sum()}, {leaf})[0];
                      }),
                      "the model failed"));
  Tensor state = at::zeros({6}, at::kDouble);
  DOCTEST_CHECK(holds(why([&](const Tensor& v) { return state.add_(1.0) + v; }), "writes into a tensor"));
  // and the same without what is wrong
  DOCTEST_CHECK(why([](const Tensor& v) { return at::dropout(v, 0.5, false) * 2; }).empty());
  DOCTEST_CHECK(
      why([](const Tensor& v) { return v * at::ones({6}, at::kDouble).sum().item<double>(); }).empty());
  DOCTEST_CHECK_THROWS_AS((void)trace::Program::record(
                              [](const Tensors& p) { return p[0] * p[0].sum().item<double>(); }, {x})({x}),
                          lumen::Error);
}

DOCTEST_TEST_CASE("a model that runs other operators for one row than for two is a program of one row") {
  using at::indexing::Slice;
  const Model model = [](const Tensors& parts) {  // LibTorch strips leading ones off what is put at an index
    Tensor a = parts[0] * 2;
    a.index_put_({Slice(), at::tensor({0, 2}, at::kLong)}, parts[0].slice(1, 0, 2));
    return a.flatten(1);
  };
  const Tensor x = nets::random({2, 4, 3}, 3), one = x.narrow(0, 1, 1);
  const auto program = trace::Program::record(model, {x});
  DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
  DOCTEST_CHECK(!program.any_batch());
  DOCTEST_CHECK(at::equal(program({one}), model({one})));
  DOCTEST_CHECK(holds(message_of([&] { (void)program({x}); }), "recorded for 1 rows"));
}

DOCTEST_TEST_CASE("ends that stand for all are no sizes that grow with the batch") {
  constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t other : {std::int64_t{3}, std::int64_t{-2}}) {
    DOCTEST_CAPTURE(other);
    const Model model = [&](const Tensors& parts) {
      const Tensor& v = parts[0];
      return v.slice(1, 0, v.size(0) == 1 ? all : other).cos().sum(1);
    };
    const Tensor x = nets::random({3, 5}, 8), one = x.narrow(0, 1, 1);
    const auto program = trace::Program::record(model, {x});
    DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
    DOCTEST_CHECK(!program.any_batch());  // three rows would end where nothing does
    DOCTEST_CHECK(at::equal(program({one}), model({one})));
  }
}

DOCTEST_TEST_CASE("with gradients: of the values given, and as of the model, detached parts too") {
  const nets::Residual net;
  const Model model = [&](const Tensors& parts) {
    Tensor gate;
    {
      const at::NoGradGuard no_grad;
      gate = parts[0].mean({1, 2, 3}, true).sigmoid();
    }
    return net(parts[0] * gate) + parts[0].detach().sum({1, 2, 3}).unsqueeze(1);
  };
  const Tensor x = nets::random({3, 2, 6, 6}, 5);
  const auto program = trace::Program::record(model, {x});
  DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
  const Tensor a = x.clone().requires_grad_(true), b = x.clone().requires_grad_(true);
  const Tensor expected = torch::autograd::grad({model({a}).select(1, 1).sum()}, {a})[0];
  DOCTEST_CHECK(at::equal(torch::autograd::grad({program({b}).select(1, 1).sum()}, {b})[0], expected));
  DOCTEST_CHECK(!program.value(program.output()).requires_grad());
}

DOCTEST_TEST_CASE("a value given for many rows meets what was recorded, repeated") {
  const nets::Residual net;
  const Model model = model_of(net);
  const Tensor x = nets::random({2, 2, 6, 6}, 5);
  const at::NoGradGuard no_grad;
  //! [program]
  const auto program = lumen::trace::Program::record(model, {x});
  lumen::require(program.exact(), program.why_not());
  trace::ValueId branch = -1;  // what the batch normalisation is given
  for (const trace::Step& step : program.steps()) {
    if (step.kind == "batch_norm") branch = step.operands.front().value;
  }
  // the score of the first row of x with each channel of the branch silenced, in one pass over what follows it
  Tensor silenced = program.value(branch).repeat({4, 1, 1, 1});
  for (int channel = 0; channel < 4; ++channel) silenced[channel][channel].zero_();
  const Tensor scores = program.run({{branch, silenced}});
  //! [program]
  const Tensor stem = at::relu(at::conv2d(x.narrow(0, 0, 1), net.conv1, {}, 1, 1));
  const Tensor normal =
      at::batch_norm(silenced, net.gain, net.shift, net.mean, net.variance, false, 0.1, 1e-5, false);
  const Tensor expected =
      at::linear(at::adaptive_avg_pool2d(at::relu(normal + stem), {1, 1}).flatten(1), net.fc);
  DOCTEST_CHECK(lumen::testing::all_close(scores, expected, 1e-12));
  DOCTEST_CHECK(!lumen::testing::all_close(scores[0], scores[1], 1e-3));
  DOCTEST_CHECK_THROWS_AS((void)program.run({{branch, silenced.narrow(1, 0, 3)}}), lumen::Error);
}

DOCTEST_TEST_CASE("recorded values keep within the budget, and are computed again where they were let go") {
  const lumen::testing::ZooNet& net = lumen::testing::zoo().front();
  const Model model = model_of(net);
  const Tensor x = net.images(1);
  const auto all = trace::Program::record(model, {x}, {.run = {.memory = std::int64_t{1} << 30}});
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{200'000}}) {
    const auto some = trace::Program::record(model, {x}, {.run = {.memory = memory}});
    std::int64_t held = 0, kept = 0;
    for (trace::ValueId id = 1; id < some.output(); ++id) {
      if (some.is_kept(id)) held += static_cast<std::int64_t>(some.value(id).nbytes()), ++kept;
      DOCTEST_CHECK(at::equal(some.value(id), all.value(id)));
    }
    DOCTEST_CHECK(held <= memory);
    DOCTEST_CHECK((memory == 1 || kept > 3));
  }
}

namespace {

/// In-place and reused rectifiers, a value that goes two ways, dropout that does nothing and a tap.
struct Crossing {
  Tensor first = nets::weight({4, 1, 3, 3}, 1), second = nets::weight({4, 4, 3, 3}, 2),
         third = nets::weight({3, 8, 3, 3}, 3);
  Tensor operator()(const Tensor& x) const {
    Tensor a = at::conv2d(x, first, {}, 1, 1);
    a.relu_();
    const Tensor same = at::dropout(a, 0.5, false);
    Tensor b = trace::tap("middle", at::conv2d(same, second, {}, 1, 1));
    b += a;
    b.relu_();
    return at::conv2d(at::cat({a, b}, 1), third, {}, 1, 1);
  }
};

}  // namespace

DOCTEST_TEST_CASE("layers of a program are those of a pass, with what replaces them") {
  namespace layer = lumen::layer;
  const Crossing net;
  const Model model = model_of(net);
  const Tensor x = nets::random({2, 1, 6, 6}, 4);
  const at::NoGradGuard no_grad;
  const std::vector<trace::Layer> layers{layer::of(net.first),  layer::input(layer::nth("relu", 0)),
                                         layer::nth("relu", 0), layer::nth("dropout", 0),
                                         layer::tap("middle"),  layer::input(layer::of(net.second)),
                                         layer::of(net.second), layer::nth("add", 0),
                                         layer::nth("relu", 1), layer::input(layer::of(net.third)),
                                         layer::nth("cat", 0),  layer::nth("conv2d", 2)};
  const auto program = trace::Program::record(model, {x}, {.layers = layers});
  DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
  DOCTEST_CHECK(at::equal(program({x}), net(x)));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    DOCTEST_CAPTURE(layers[i].what());
    const trace::ValueId id = program.layers()[i];
    const Tensor value = trace::head(model, {layers[i]}, {x}).front();
    const Tensor found = program.run({{program.inputs().front(), x}}, {id}).front();
    DOCTEST_CHECK(at::equal(found, value));
    const Tensor other = nets::random(value.sizes().vec(), 9);
    const Tensor expected = trace::tail(model, {layers[i]}, {other, x});
    // of both rows, which were recorded for the purpose, or of which only the first was
    DOCTEST_CHECK(at::equal(program.on({x}, {id}).run({{id, other}}), expected));
    DOCTEST_CHECK(at::equal(program.run({{program.inputs().front(), x}, {id, other}}), expected));
    // of copies of both
    const Tensor copies = at::cat({other, value, other});
    DOCTEST_CHECK(lumen::testing::all_close(program.on({x}, {id}).run({{id, copies}}),
                                            at::cat({expected, net(x), expected}), 1e-12));
    const Tensor of_first = program.run({{id, copies.narrow(0, 0, 1)}});
    DOCTEST_CHECK(lumen::testing::all_close(of_first, expected.narrow(0, 0, 1), 1e-12));
  }
  DOCTEST_CHECK(holds(
      message_of([&] { (void)trace::Program::record(model, {x}, {.layers = {layer::nth("relu", 7)}}); }),
      "never came to the output of relu 7"));
}

DOCTEST_TEST_CASE("several inputs, any layout, inference mode, and threads that share a program") {
  const nets::TwoInputs two;
  check_program([&](const Tensors& parts) { return two(parts[0], parts[1]); },
                {nets::random({2, 4}, 1), nets::random({2, 1, 4, 4}, 2)}, "two inputs");
  const nets::Residual net;
  const Model model = model_of(net);
  const Tensor x = nets::random({2, 2, 6, 6}, 5).contiguous(at::MemoryFormat::ChannelsLast);
  std::optional<trace::Program> program;
  {
    const c10::InferenceMode inference;
    const Tensor inside = x * 1.0;
    program = trace::Program::record(model, {inside});
    DOCTEST_CHECK(at::equal((*program)({inside}), net(inside)));
  }
  DOCTEST_REQUIRE_MESSAGE(program->exact(), program->why_not());
  const at::NoGradGuard no_grad;
  const Tensor expected = net(x);
  DOCTEST_CHECK(at::equal((*program)({x}), expected));
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const at::NoGradGuard here;
      for (int i = 0; i < 5; ++i) right += at::equal((*program)({x}), expected) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  DOCTEST_CHECK(right == 15);
}

DOCTEST_TEST_CASE("what runs on a thread of the model's own is not heard, and found") {
  const Model model = [](const Tensors& parts) {
    Tensor other;
    std::thread thread([&] { other = parts[0].relu(); });
    thread.join();
    return parts[0] + other;
  };
  const auto program = trace::Program::record(model, {nets::random({2, 6}, 3)});
  DOCTEST_CHECK(holds(program.why_not(), "no operator made of the input"));
}
