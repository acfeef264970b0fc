// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/concepts.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <torch/nn.h>

#include <lumen/core/attribution.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/any.hpp>

namespace {

using lumen::Baseline;
using lumen::Method;
using lumen::Model;
using lumen::Target;
using lumen::Tensor;
using Two = std::tuple<Tensor, Tensor>;

//! [model]
struct Doubled {
  lumen::Tensor forward(const lumen::Tensor& x) { return x * 2; }
};
//! [model]

//! [two_inputs]
struct Sum {
  lumen::Tensor operator()(const lumen::Tensor& a, const lumen::Tensor& b) const { return a + b; }
};
//! [two_inputs]

Tensor tripled(const Tensor& x) { return x * 3; }

struct ConstForward {
  Tensor forward(const Tensor& x) const { return x; }
};
struct ByValue {
  Tensor forward(Tensor x) { return x; }
};
struct Silent {
  void forward(const Tensor&) {}
};
struct NoForward {
  int backward = 0;
};
struct NumberModel {
  double forward(const Tensor&) { return 0.0; }
};
struct Net : torch::nn::Module {
  Tensor forward(const Tensor& x) { return x + 1; }
};

static_assert(Model<Doubled>);
static_assert(Model<Doubled&> && Model<Doubled*> && Model<std::shared_ptr<Doubled>>);
static_assert(Model<std::unique_ptr<Doubled>> && Model<const std::shared_ptr<Doubled>&>);
static_assert(!Model<const Doubled>, "its forward is not const");
static_assert(Model<const ConstForward> && Model<const ConstForward*>);
static_assert(Model<ByValue>);
static_assert(Model<decltype(tripled)> && Model<decltype(&tripled)>);
static_assert(Model<decltype([](const Tensor& x) { return x; })>);
static_assert(Model<decltype([](const auto& x) { return x; })>);
static_assert(Model<std::function<Tensor(const Tensor&)>>);
static_assert(Model<torch::nn::Linear> && Model<torch::nn::LinearImpl> && Model<torch::nn::Linear&>);
static_assert(Model<torch::nn::Sequential> && Model<torch::nn::SequentialImpl>);
static_assert(Model<torch::nn::AnyModule>);
static_assert(Model<Net> && Model<std::shared_ptr<Net>>);

static_assert(!Model<int> && !Model<std::string> && !Model<Tensor> && !Model<void*>);
static_assert(!Model<void (*)(Tensor)> && !Model<Silent> && !Model<std::shared_ptr<Silent>>);
static_assert(!Model<NoForward> && !Model<NumberModel>);
static_assert(!Model<Tensor (*)()>);

static_assert(Model<Sum, Two> && !Model<Sum> && !Model<Doubled, Two>);
static_assert(Model<torch::nn::BilinearImpl, Two> && Model<torch::nn::Bilinear, Two>);
static_assert(!Model<torch::nn::Bilinear> && !Model<torch::nn::Linear, Two>);
static_assert(!Model<decltype([](const auto& x) { return x * 2; }), Two>, "it takes one tensor");
static_assert(!Model<Sum, std::tuple<Tensor, Tensor, Tensor>>);
static_assert(!Model<Doubled, lumen::Tensors> && !Model<Doubled, int>);

//! [target]
struct FirstClass {
  lumen::Tensor operator()(const lumen::Tensor& output) const { return output.select(1, 0); }
};
//! [target]

struct MutableTarget {
  Tensor operator()(const Tensor& output) { return output; }
};
struct MoveOnly {
  std::unique_ptr<int> held;
  Tensor operator()(const Tensor& output) const { return output; }
};
struct Freezes : FirstClass {
  [[nodiscard]] FirstClass freeze(const Tensor&) const { return {}; }
};
struct FreezesToNothing : FirstClass {
  void freeze(const Tensor&) const {}
};
struct RowWise : FirstClass {
  [[nodiscard]] RowWise rows(const Tensor&) const { return *this; }
};

static_assert(Target<FirstClass> && Target<Tensor (*)(const Tensor&)> && Target<lumen::AnyTarget>);
static_assert(!Target<int> && !Target<MutableTarget> && !Target<MoveOnly> && !Target<Silent>);
static_assert(lumen::detail::Freezable<Freezes> && !lumen::detail::Freezable<FirstClass>);
static_assert(!lumen::detail::Freezable<FreezesToNothing>);
static_assert(lumen::detail::RowWise<RowWise> && !lumen::detail::RowWise<FirstClass>);

//! [baseline]
struct Grey {
  lumen::Tensor operator()(const lumen::Tensor& x) const { return at::full_like(x, 0.5); }
};
struct Coin {
  std::uint64_t seed = 0;
  lumen::Tensor operator()(const lumen::Tensor& sample, at::Generator& generator) const {
    return at::full_like(sample, at::rand({1}, generator).item<double>() < 0.5 ? 0.0 : 1.0);
  }
};
//! [baseline]

struct Seedless {
  Tensor operator()(const Tensor& x, at::Generator&) const { return x; }
};

static_assert(Baseline<Grey> && Baseline<Coin> && Baseline<Tensor (*)(const Tensor&)>);
static_assert(Baseline<std::tuple<Grey, Coin>> && Baseline<std::tuple<Coin>>);
static_assert(!Baseline<int> && !Baseline<Tensor> && !Baseline<double> && !Baseline<std::tuple<>>);
static_assert(!Baseline<Seedless> && !Baseline<std::tuple<Grey, int>> && !Baseline<Silent>);
static_assert(!lumen::detail::FixedBaseline<Coin> && !lumen::detail::RandomBaseline<Grey>);

static_assert(!Method<int> && !Method<Doubled> && !Method<FirstClass>);

const Tensor x = at::arange(6, at::kDouble).reshape({2, 3});

}  // namespace

DOCTEST_TEST_CASE("forward runs values, pointers, callables and modules alike") {
  Doubled doubled;
  Doubled* pointer = &doubled;
  auto shared = std::make_shared<Doubled>();
  DOCTEST_CHECK(at::equal(lumen::forward(doubled, x), x * 2));
  DOCTEST_CHECK(at::equal(lumen::forward(pointer, x), x * 2));
  DOCTEST_CHECK(at::equal(lumen::forward(shared, x), x * 2));
  DOCTEST_CHECK(at::equal(lumen::forward(tripled, x), x * 3));

  torch::nn::Linear linear(3, 2);
  torch::nn::Sequential stack(linear, torch::nn::ReLU());
  linear->to(at::kDouble);
  const Tensor expected = at::linear(x, linear->weight, linear->bias);
  DOCTEST_CHECK(at::equal(lumen::forward(linear, x), expected));
  DOCTEST_CHECK(at::equal(lumen::forward(*linear, x), expected));
  DOCTEST_CHECK(at::equal(lumen::forward(stack, x), at::relu(expected)));
  auto net = std::make_shared<Net>();
  DOCTEST_CHECK(at::equal(lumen::forward(net, x), x + 1));
}

DOCTEST_TEST_CASE("forward hands the parts of a tuple over as arguments, in order") {
  const auto ordered = [](const Tensor& a, const Tensor& b) { return a * 10 + b; };
  DOCTEST_CHECK(at::equal(lumen::forward(ordered, std::tuple{x, x + 1}), x * 10 + (x + 1)));
  const Sum sum;
  DOCTEST_CHECK(at::equal(lumen::forward(sum, std::tuple{x, x}), x * 2));
}

DOCTEST_TEST_CASE("forward reaches the model itself, not a copy") {
  struct Counter {
    int calls = 0;
    Tensor operator()(const Tensor& input) {
      ++calls;
      return input;
    }
  } counter;
  (void)lumen::forward(counter, x);
  (void)lumen::forward(counter, x);
  DOCTEST_CHECK(counter.calls == 2);
}
