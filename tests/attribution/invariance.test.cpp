// SPDX-License-Identifier: BSD-3-Clause
// How a method runs must not change what it answers: memory, threads, the company of other samples.
#include "support/methods.hpp"

#include <doctest/doctest.h>

#include <string>

#include <ATen/Parallel.h>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::max_error;

namespace {

/// Both undefined, or equal up to `tolerance`.
bool same(const Tensor& a, const Tensor& b, double tolerance = 1e-10) {
  return a.defined() == b.defined() && (!a.defined() || all_close(a, b, tolerance));
}

template <class A>
void check_same(const A& a, const A& b) {
  DOCTEST_CHECK(same(a.map, b.map));
  DOCTEST_CHECK(same(a.score, b.score));
  DOCTEST_CHECK(same(a.completeness_error, b.completeness_error));
  DOCTEST_CHECK(same(a.standard_error, b.standard_error));
  DOCTEST_CHECK(a.forward_passes == b.forward_passes);
  DOCTEST_CHECK(a.backward_passes == b.backward_passes);
}

template <class Method>
Method with_memory(Method method, std::int64_t bytes) {
  method.run.memory = bytes;
  return method;
}

template <class Method>
Method for_sample(Method method, std::int64_t number) {
  method.run.samples = {number};
  return method;
}

struct Threads {
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace

DOCTEST_TEST_CASE("the memory budget changes nothing but the size of the passes") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 101);
  std::int64_t largest = 0, calls = 0;
  const auto watched = [&](const Tensor& at) {
    largest = std::max(largest, at.size(0));
    ++calls;
    return net(at);
  };
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const target::Classes question{at::tensor({0, 2, 1}, at::kLong)};
    largest = calls = 0;
    const auto little = with_memory(method, 1)(watched, x, question);
    DOCTEST_CHECK(largest == 1);  // one row at a time is the least that a pass can hold
    const std::int64_t many_calls = calls;
    calls = 0;
    const auto middle = with_memory(method, 200'000)(watched, x, question);
    calls = 0;
    const auto plenty = with_memory(method, std::int64_t{1} << 40)(watched, x, question);
    DOCTEST_CHECK(calls < many_calls);
    check_same(little, plenty);
    check_same(middle, plenty);
  });
}

DOCTEST_TEST_CASE(
    "a target that can only be asked of whole batches gives what the same target row by row gives") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 102);
  const auto whole = [](const Tensor& output) {
    DOCTEST_REQUIRE(output.size(0) == 3);
    return output.select(1, 1);
  };
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto expected = method(net, x, target::Class{.index = 1});
    check_same(method(net, x, whole), expected);
    check_same(with_memory(method, 1)(net, x, whole), expected);
  });
}

DOCTEST_TEST_CASE("one thread and two threads give the same") {
  const nets::ConvNet net;
  const Tensor x = nets::random({4, 1, 8, 8}, 103);
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto explain = [&](int count) {
      const Threads threads(count);
      return method(net, x, target::Class{.index = 0});
    };
    check_same(explain(1), explain(2));
  });
}

DOCTEST_TEST_CASE("a sample's explanation does not depend on the rest of its batch") {
  const nets::ConvNet net;
  const Tensor x = nets::random({4, 1, 8, 8}, 104);
  const Tensor own = at::tensor({2, 0, 1, 1}, at::kLong);
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto batch = method(net, x, target::Classes{own});
    for (std::int64_t row = 0; row < 4; ++row) {
      const auto alone =
          for_sample(method, row)(net, x.narrow(0, row, 1), target::Classes{own.narrow(0, row, 1)});
      const auto of_row = [row](const Tensor& t) { return t.defined() ? t.narrow(0, row, 1) : t; };
      DOCTEST_CHECK(same(of_row(batch.map), alone.map));
      DOCTEST_CHECK(same(of_row(batch.score), alone.score));
      DOCTEST_CHECK(same(of_row(batch.completeness_error), alone.completeness_error));
      DOCTEST_CHECK(same(of_row(batch.standard_error), alone.standard_error));
    }
  });
}

DOCTEST_TEST_CASE("a region taken from the prediction is that of the unperturbed output, in any chunks") {
  const nets::Segmentation net;
  const Tensor x = nets::random({2, 1, 7, 6}, 105);
  const target::Region fixed = target::ClassRegion{.channel = 1}.freeze(net(x));
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto expected = method(net, x, fixed);
    DOCTEST_CHECK(expected.map.abs().max().template item<double>() > 0.0);
    check_same(method(net, x, target::ClassRegion{.channel = 1}), expected);
    check_same(with_memory(method, 1)(net, x, target::ClassRegion{.channel = 1}), expected);
  });
}

DOCTEST_TEST_CASE("two inputs: budget and company change nothing") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({3, 4}, 106), nets::random({3, 1, 4, 4}, 107)};
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto plenty = method(net, x, target::Class{.index = 1});
    const auto little = with_memory(method, 1)(net, x, target::Class{.index = 1});
    DOCTEST_CHECK(same(std::get<0>(plenty.map), std::get<0>(little.map)));
    DOCTEST_CHECK(same(std::get<1>(plenty.map), std::get<1>(little.map)));
    const std::tuple second{std::get<0>(x).narrow(0, 1, 1), std::get<1>(x).narrow(0, 1, 1)};
    const auto alone = for_sample(method, 1)(net, second, target::Class{.index = 1});
    DOCTEST_CHECK(same(std::get<0>(plenty.map).narrow(0, 1, 1), std::get<0>(alone.map)));
    DOCTEST_CHECK(same(std::get<1>(plenty.map).narrow(0, 1, 1), std::get<1>(alone.map)));
  });
}

DOCTEST_TEST_CASE("the seed decides, and nothing else: twice the same, another seed another map") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 108);
  lumen::testing::each_image_method([&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    const auto first = method(net, x, target::Class{.index = 1});
    DOCTEST_CHECK(max_error(first.map, method(net, x, target::Class{.index = 1}).map) == 0.0);
    if constexpr (requires { method.seed; }) {
      method.seed += 1;
      DOCTEST_CHECK(max_error(first.map, method(net, x, target::Class{.index = 1}).map) > 1e-9);
    }
  });
}

DOCTEST_TEST_CASE("dtype: the map has the input's, and float32 agrees with float64 to its precision") {
  const nets::ConvNet net;
  nets::ConvNet single = net;
  for (Tensor* weight :
       {&single.conv1, &single.bias1, &single.conv2, &single.bias2, &single.fc1, &single.fc2})
    *weight = weight->to(at::kFloat);
  const Tensor x = nets::random({2, 1, 8, 8}, 109);
  for (const char* const deterministic :
       {"Saliency", "InputXGradient", "IntegratedGradients", "BlurIntegratedGradients"}) {
    lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
      if (name != deterministic) return;
      DOCTEST_CAPTURE(name);
      const Tensor map = method(single, x.to(at::kFloat), target::Class{.index = 1}).map;
      DOCTEST_CHECK((map.scalar_type() == at::kFloat));
      DOCTEST_CHECK(all_close(map.to(at::kDouble), method(net, x, target::Class{.index = 1}).map, 1e-4));
    });
  }
}
