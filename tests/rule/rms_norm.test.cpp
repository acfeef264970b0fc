// SPDX-License-Identifier: BSD-3-Clause
// RMS norm, which LibTorch has from 2.4 on, by both of its names: called through the dispatcher, so that this compiles
// with any, and says SKIPPED where there is none.
#include <doctest/doctest.h>

#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/rule/deep_lift/rules.hpp>
#include <lumen/rule/lrp/composite.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/lift.hpp"
#include "support/lrp_oracle.hpp"
#include "support/nets.hpp"

namespace lrp = lumen::rule::lrp;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::check_exact;
using lumen::testing::check_limit;
using lumen::testing::lrp_oracle::relevance;

namespace {

bool is_there(const char* name) {
  if (c10::Dispatcher::singleton().findSchema({name, ""})) return true;
  std::cout << "SKIPPED: this LibTorch has no " << name << '\n';
  return false;
}

Tensor call(const char* name, const Tensor& x, const Tensor& gain, const c10::IValue& eps) {
  const auto op = c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
  std::vector<c10::IValue> stack{x, std::vector<std::int64_t>{x.size(-1)},
                                 gain.defined() ? c10::IValue(gain) : c10::IValue(), eps};
  op.callBoxed(&stack);
  return stack.front().toTensor();
}

Tensor written(const Tensor& x, const Tensor& gain, double eps) {
  const Tensor y = x * (x.square().mean(-1, true) + eps).rsqrt();
  return gain.defined() ? y * gain : y;
}

}  // namespace

DOCTEST_TEST_CASE(
    "RMS norm by every name: exact in DeepLIFT, shared out by LRP, passed by guided backpropagation") {
  const Tensor x = nets::random({2, 3, 6, 6}, 1), origin = nets::random({2, 3, 6, 6}, 2);
  const Tensor gain = nets::random({6}, 3) + 1.5, w = nets::weight({4, 6}, 4);
  for (const char* const name : {"aten::rms_norm", "aten::_fused_rms_norm"}) {
    if (!is_there(name)) continue;
    for (const bool scaled : {true, false}) {
      for (const bool told : {true, false}) {
        DOCTEST_CAPTURE(name);
        DOCTEST_CAPTURE(scaled);
        DOCTEST_CAPTURE(told);
        const Tensor g = scaled ? gain : Tensor();
        const auto norm = [&](const Tensor& v) {
          return call(name, v, g, told ? c10::IValue(1e-3) : c10::IValue());
        };
        const double eps = told ? 1e-3 : std::numeric_limits<double>::epsilon();
        DOCTEST_REQUIRE(all_close(norm(x), written(x, g, eps), 1e-9));
        check_exact({name, norm}, x, origin);
        check_limit({name, norm}, x);
        // by the data's scale it is a product with a constant: relevance stays, but for the stabiliser's share
        const Tensor r = nets::random({2, 3, 6, 6}, 5), z = written(x, g, eps);
        DOCTEST_CHECK(all_close(relevance(lumen::rule::Composite(lrp::EpsilonPlus{}), norm, x, r),
                                r * z / (z + 1e-6 * z.sign()), 1e-9));
        const auto net = [&](const Tensor& v) { return at::relu(at::linear(norm(v), w)).flatten(1); };
        const auto plain = [&](const Tensor& v) {
          return at::relu(at::linear(written(v, g, eps), w)).flatten(1);
        };
        const lumen::target::Class question{.index = 5};
        DOCTEST_CHECK(all_close(lumen::GuidedBackprop{}(net, x, question).map,
                                lumen::GuidedBackprop{}(plain, x, question).map, 1e-9));
      }
    }
  }
}
