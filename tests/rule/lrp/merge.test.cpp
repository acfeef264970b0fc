// SPDX-License-Identifier: BSD-3-Clause
// Which normalisation goes into which weights; what comes of it is tested in composite.test.cpp.
#include <lumen/rule/lrp/merge.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <lumen/rule/lrp/composite.hpp>

#include "support/lrp_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace lrp = lumen::rule::lrp;
using lumen::Tensor;
using lumen::Tensors;
using lumen::rule::Composite;
using lumen::rule::Record;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::testing::lrp_oracle::Operator;
using lumen::testing::lrp_oracle::relevance;
using lumen::testing::nets::random;

namespace {

Tensor normalised(const Tensor& x) {
  const Tensor ones = at::ones({x.size(1)}, x.options());
  return at::batch_norm(x, ones * 3, ones * 0.5, ones * 0.1, ones * 2, false, 0.1, 1e-5, false);
}

/// What was decided: for each operator, of which neighbours it takes the normalisation.
std::string decided(const Composite& composite, const Operator& model, const Tensor& x) {
  Composite watched = composite;
  std::string result;
  std::int64_t calls = 0;
  watched.prepare = [&](const auto& records) {
    composite.prepare(records);
    ++calls;
    for (const auto& each : records) {
      if (each->norm_before) result += lumen::text(each->kind, " takes in the one before; ");
      if (each->norm_after) result += lumen::text(each->kind, " takes in the one behind; ");
      if (each->absorbed) {
        result += lumen::text(each->kind, ' ', each->nth, *each->absorbed ? " is taken in; " : " is alone; ");
      }
    }
  };
  (void)relevance(watched, model, x, random(model(x).sizes().vec(), 9));
  DOCTEST_CHECK(calls == 1);
  return result;
}

const Tensor conv = random({2, 2, 3, 3}, 1), dense = random({4, 2}, 2);

}  // namespace

DOCTEST_TEST_CASE("each normalisation goes to one neighbour, the one before it if that is free") {
  const Composite plus = lrp::EpsilonPlus{};
  const Tensor image = random({1, 2, 4, 4}, 3), row = random({1, 2}, 4);
  const auto conv_of = [](const Tensor& x) { return at::conv2d(x, conv, {}, 1, 1); };
  DOCTEST_CHECK(decided(
                    plus, [&](const Tensor& x) { return conv_of(normalised(conv_of(x))); }, image) ==
                "conv2d takes in the one behind; batch_norm 0 is taken in; ");
  DOCTEST_CHECK(decided(
                    plus, [&](const Tensor& x) { return conv_of(normalised(x)); }, image) ==
                "batch_norm 0 is taken in; conv2d takes in the one before; ");
  DOCTEST_CHECK(decided(
                    plus, [&](const Tensor& x) { return normalised(conv_of(normalised(x))); }, image) ==
                "batch_norm 0 is taken in; conv2d takes in the one before; conv2d takes in the one behind; "
                "batch_norm 1 is taken in; ");
  // two uses of its result, two uses of its operand, no weights beside it
  DOCTEST_CHECK(decided(
                    plus,
                    [&](const Tensor& x) {
                      const Tensor y = normalised(at::relu(x));
                      return conv_of(y) + y;
                    },
                    image) == "batch_norm 0 is alone; ");
  DOCTEST_CHECK(decided(
                    plus,
                    [&](const Tensor& x) {
                      const Tensor y = conv_of(x);
                      return normalised(y) + y;
                    },
                    image) == "batch_norm 0 is alone; ");
  DOCTEST_CHECK(decided(
                    plus, [&](const Tensor& x) { return normalised(at::relu(conv_of(x))); }, image) ==
                "batch_norm 0 is alone; ");
  // a linear layer on tokens has its channels last
  DOCTEST_CHECK(decided(
                    plus, [&](const Tensor& x) { return normalised(at::linear(x, dense)); }, row) ==
                "linear takes in the one behind; batch_norm 0 is taken in; ");
  DOCTEST_CHECK(decided(
                    plus, [&](const Tensor& x) { return normalised(at::linear(x.transpose(1, 2), dense)); },
                    random({1, 2, 4}, 5)) == "batch_norm 0 is alone; ");
}

DOCTEST_TEST_CASE("neighbours whose rule has no weights to take it into leave it alone") {
  const Tensor image = random({1, 2, 4, 4}, 3);
  const auto model = [](const Tensor& x) { return at::conv2d(normalised(x), conv, {}, 1, 1); };
  DOCTEST_CHECK(decided(lrp::Parts{.convolution = lrp::Pass{}}, model, image) == "batch_norm 0 is alone; ");
  DOCTEST_CHECK(decided(lrp::Parts{.convolution = nullptr}, model, image) == "batch_norm 0 is alone; ");
  DOCTEST_CHECK(decided(lrp::Parts{.fixed_norm = lrp::BatchNorm{.merge = false}}, model, image) ==
                "batch_norm 0 is alone; ");
  DOCTEST_CHECK(decided(lrp::Parts{.fixed_norm = lrp::Epsilon{}}, model, image).empty());
}

DOCTEST_TEST_CASE("rules change no record, and it does not matter how often they are asked") {
  const Tensor x = random({2, 2, 4, 4}, 3);
  Composite composite = lrp::EpsilonPlus{};
  std::map<const Record*, std::pair<bool, bool>> before;
  std::int64_t seen = 0;
  composite.around = [&](const Record& record, const Tensors& r, const lumen::rule::Backward& rule) {
    const std::pair now{record.norm_after.has_value(), record.absorbed.value_or(false)};
    const Tensors first = rule(record, r), second = rule(record, r);
    for (std::size_t i = 0; i < first.size(); ++i) {
      DOCTEST_CHECK(first[i].defined() == second[i].defined());
      if (first[i].defined()) DOCTEST_CHECK(at::equal(first[i], second[i]));
    }
    DOCTEST_CHECK(now == std::pair{record.norm_after.has_value(), record.absorbed.value_or(false)});
    ++seen;
    return first;
  };
  const auto model = [](const Tensor& in) {
    return normalised(at::conv2d(at::relu(normalised(at::conv2d(in, conv, {}, 1, 1))), conv, {}, 1, 1));
  };
  const Tensor r = random({2, 2, 4, 4}, 6);
  const Tensor watched = relevance(composite, model, x, r);
  DOCTEST_CHECK(seen == 5);
  DOCTEST_CHECK(at::equal(watched, relevance(lrp::EpsilonPlus{}, model, x, r)));
}

DOCTEST_TEST_CASE("several targets share what was decided for the model") {
  lumen::rule::Pass pass(lrp::EpsilonPlus{});
  const auto model = pass.bind(
      [](const Tensors& in) { return normalised(at::conv2d(in.front(), conv, {}, 1, 1)).flatten(1); });
  // the second target begins with operators of its own
  const Tensor w = random({1, 32}, 7);
  const auto plain = [](const Tensor& out) { return out.select(1, 3); };
  const auto through = [w](const Tensor& out) {
    return at::linear(normalised(out.unsqueeze(2).contiguous()).squeeze(2), w).select(1, 0);
  };
  const Tensor x = random({2, 2, 4, 4}, 3);
  const auto both =
      lumen::engine::differentiate(model, {x}, pass.bind(lumen::Targets{plain, through}), false);
  for (std::size_t t = 0; t < 2; ++t) {
    const lumen::Targets one{t == 0 ? lumen::AnyTarget(plain) : lumen::AnyTarget(through)};
    const auto alone = lumen::engine::differentiate(model, {x}, pass.bind(one), false);
    DOCTEST_CHECK(at::equal(both.gradients[t][0], alone.gradients[0][0]));
  }
}

DOCTEST_TEST_CASE("a BatchNorm that nothing decides for is refused by name") {
  const auto model = [](const Tensor& x) { return at::conv2d(normalised(x), conv); };
  const Tensor x = random({1, 2, 4, 4}, 3), r = random({1, 2, 2, 2}, 4);
  Composite wrapped = lrp::EpsilonPlus{};
  wrapped.use(lumen::rule::kinds::norms_fixed,
              [](const Record& record, const Tensors& given) { return lrp::BatchNorm{}(record, given); });
  const std::string message = message_of([&] { (void)relevance(wrapped, model, x, r); });
  DOCTEST_CHECK(holds(message, "batch_norm 0"));
  DOCTEST_CHECK(holds(message, "merge = false"));
  Composite unprepared = lrp::EpsilonPlus{};
  unprepared.prepare = nullptr;
  DOCTEST_CHECK(holds(message_of([&] { (void)relevance(unprepared, model, x, r); }), "lrp::merge_norms"));
}
