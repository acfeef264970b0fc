// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/game.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/perturb/groups.hpp>
#include <lumen/perturb/overlapping.hpp>
#include <lumen/perturb/windows.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace engine = lumen::engine;
namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
namespace target = lumen::target;
using lumen::Run;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

Tensor bits(std::int64_t rows, std::int64_t players, std::uint64_t seed) {
  return nets::random({rows, players}, seed) > 0;
}

const auto blocks = [](const Tensors& x) {
  const Tensor each = at::arange(64, at::kLong).reshape({1, 1, 8, 8});
  return perturb::Groups({each.div(16, "floor") * 5 - 3}, x);
};

}  // namespace

DOCTEST_TEST_CASE("coalitions score as one pass of each by itself, in any chunks, for several targets") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 901), absent = nets::random({3, 1, 8, 8}, 902);
  const Tensor present = bits(9, 4, 903);
  const Targets targets{target::Class{0}, target::Class{2}};
  const engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{50'000}, std::int64_t{1} << 30}) {
    perturb::Game game(model, {x}, targets, baseline::Given{absent}, blocks, Run{.memory = bytes});
    const std::vector<Tensor> scores = game(present);
    const std::vector<Tensor> of_two = game(present, at::tensor({2, 0}, at::kLong));
    for (std::int64_t k = 0; k < 9; ++k) {
      const Tensor there = present[k].repeat_interleave(16).reshape({1, 1, 8, 8});
      const Tensor output = net(at::where(there, x, absent));
      DOCTEST_CHECK(all_close(scores[0][k], output.select(1, 0), 1e-12));
      DOCTEST_CHECK(all_close(scores[1][k], output.select(1, 2), 1e-12));
      DOCTEST_CHECK(all_close(of_two[1][k][0], output[2][2], 1e-12));
      DOCTEST_CHECK(all_close(of_two[1][k][1], output[0][2], 1e-12));
    }
  }
}

DOCTEST_TEST_CASE("a coalition is evaluated once, within a table and across tables; x itself never again") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 904);
  std::int64_t rows = 0;
  const engine::Function model = [&](const Tensors& parts) {
    rows += parts[0].size(0);
    return net(parts[0]);
  };
  perturb::Game game(model, {x}, {target::Class{0}}, baseline::Zero{}, blocks, Run{});
  DOCTEST_CHECK(rows == 2);
  const Tensor present = bits(40, 4, 905);
  std::set<std::string> distinct;
  for (std::int64_t k = 0; k < 40; ++k) {
    std::string name;
    for (std::int64_t g = 0; g < 4; ++g) name += present[k][g].item<bool>() ? '1' : '0';
    if (name != "1111") distinct.insert(name);
  }
  const Tensor scores = game(present)[0];
  DOCTEST_CHECK(rows == 2 + 1 + 2 * static_cast<std::int64_t>(distinct.size()));  // 1: one of them alone
  DOCTEST_CHECK(game.forward_passes() == 1 + static_cast<std::int64_t>(distinct.size()));
  DOCTEST_CHECK(max_error(game(present.flip(0))[0], scores.flip(0)) == 0.0);
  DOCTEST_CHECK(rows == 2 + 1 + 2 * static_cast<std::int64_t>(distinct.size()));  // 1: one of them alone
  // known of one sample is not known of the other
  perturb::Game halves(model, {x}, {target::Class{0}}, baseline::Zero{}, blocks, Run{});
  const Tensor none = at::zeros({1, 4}, at::kBool);
  rows = 0;
  const Tensor first = halves(none, at::tensor({1}, at::kLong))[0], both = halves(none)[0];
  DOCTEST_CHECK(rows == 3);  // rows that are all x' are not asked alone
  DOCTEST_CHECK(all_close(first[0][0], both[0][1], 1e-12));
  DOCTEST_CHECK(all_close(both[0], net(at::zeros_like(x)).select(1, 0), 1e-12));
}

DOCTEST_TEST_CASE("regions may be present in part, overlap, span inputs, and differ between samples") {
  const nets::Linear net;
  const Tensor x = nets::random({2, 5}, 906), absent = nets::random({2, 5}, 907);
  const engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor own = at::tensor({0, 0, 1, 1, 1, 7, 5, 7, 5, 7}, at::kLong).reshape({2, 5});
  const auto groups = [&](const Tensors& parts) { return perturb::Groups({own}, parts); };
  perturb::Game game(model, {x}, {target::Class{1}}, baseline::Given{absent}, groups, Run{});
  DOCTEST_CHECK(game.players() == 4);
  const Tensor part = at::tensor({0.0, 0.25, 0.5, 1.0}, at::kDouble);
  const Tensor levels = at::tensor({0.0, 0.0, 0.25, 0.25, 0.25, 1.0, 0.5, 1.0, 0.5, 1.0}, at::kDouble);
  const Tensor expected = net(absent + levels.reshape({2, 5}) * (x - absent)).select(1, 1);
  DOCTEST_CHECK(all_close(game(part.unsqueeze(0))[0][0], expected, 1e-12));

  // windows of 3 over 5 elements: an element is there if all windows that cover it are
  const auto windows = [](const Tensors& parts) { return perturb::Windows({{3}}, {{2}}, parts); };
  perturb::Game sliding(model, {x}, {target::Class{1}}, baseline::Given{absent}, windows, Run{});
  DOCTEST_REQUIRE(sliding.players() == 2);
  const Tensor left = at::tensor({1, 1, 0, 0, 0}, at::kLong).to(at::kBool);
  DOCTEST_CHECK(all_close(sliding(at::tensor({1, 0}, at::kLong).reshape({1, 2}).to(at::kBool))[0][0],
                          net(at::where(left, x, absent)).select(1, 1), 1e-12));
}

DOCTEST_TEST_CASE("a target that cannot tell single samples is asked of whole batches") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 908);
  const engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const auto odd = [](const Tensor& output) {
    return output.select(1, 0) * at::arange(output.size(0), at::kDouble);
  };
  perturb::Game game(model, {x}, {odd}, baseline::Zero{}, blocks, Run{.memory = 1});
  DOCTEST_CHECK(game.whole_batches());
  const Tensor none = at::zeros({1, 4}, at::kBool);
  DOCTEST_CHECK(all_close(game(none, at::tensor({1}, at::kLong))[0][0], odd(net(at::zeros_like(x))), 1e-12));
}

DOCTEST_TEST_CASE("where the model begins with an affine map, a coalition's is the sum of its regions'") {
  const Tensor w1 = nets::weight({32, 64}, 910), b1 = nets::random({32}, 911),
               w2 = nets::weight({3, 32}, 912), w3 = nets::weight({3, 64}, 924);
  const Tensor k1 = nets::weight({6, 2, 5, 5}, 913), k2 = nets::weight({3, 6, 3, 3}, 914);
  const Tensor mean = nets::random({6}, 915), variance = nets::random({6}, 916).abs() + 0.5;
  std::int64_t rows = 0;
  const auto layers = [&](const Tensor& x) {  // 64 x 32 products a row, of which 32 x 4 are left
    rows += x.size(0);
    return at::linear(at::relu(at::linear(x.flatten(1) * 2.0 - 1.0, w1, b1)), w2);
  };
  const auto convolutions = [&](const Tensor& x) {
    rows += x.size(0);
    const Tensor h =
        at::batch_norm(at::conv2d(x, k1, {}, 1, 2), {}, {}, mean, variance, false, 0.1, 1e-5, false);
    return at::conv2d(at::relu(h), k2).flatten(2).mean(2);
  };
  const auto squared = [&](const Tensor& x) {
    rows += x.size(0);
    return at::linear(x.flatten(1).square(), w1).narrow(1, 0, 3);
  };
  const auto twice = [&](const Tensor& x) {  // what comes before the ReLU is not all that the input does
    rows += x.size(0);
    return at::linear(at::relu(at::linear(x.flatten(1), w1, b1)), w2) + at::linear(x.flatten(1), w3);
  };
  const Tensor each = at::arange(64, at::kLong).reshape({1, 1, 8, 8});
  const auto groups = [&](const Tensors& x) { return perturb::Groups({each.div(16, "floor")}, x); };
  const auto cells = [&](const Tensors& x) { return perturb::Groups({each.div(7, "floor")}, x); };
  const auto own = [&](const Tensors& x) {  // of each sample its own
    return perturb::Groups({at::cat({each.div(16, "floor"), each.remainder(5)})}, x);
  };
  const auto shared = [&](const Tensors& x) {
    return perturb::Overlapping({{each < 30}, {each > 20}, {each % 3 == 0}}, x);
  };
  const auto check = [&](const auto& net, std::int64_t channels, const auto& make, lumen::Passes passes,
                         bool sums, std::int64_t memory = std::int64_t{1} << 27) {
    const Tensor x = nets::random({2, channels, 8, 8}, 917), absent = nets::random({2, channels, 8, 8}, 918);
    const engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
    perturb::Game game(model, {x}, {target::Class{0}, target::Class{2}}, baseline::Given{absent}, make,
                       Run{.memory = memory, .passes = passes});
    const std::int64_t m = game.players();
    const Tensor levels = nets::random({300, m}, 919).sigmoid();  // all different
    rows = 0;
    std::vector<Tensor> scores = game(levels);
    DOCTEST_CHECK((rows < 100) == sums);
    rows = 0;
    const std::vector<Tensor> more = game(levels.narrow(0, 0, 9) * 0.5, at::tensor({1}, at::kLong));
    DOCTEST_CHECK((rows == 0) == sums);
    DOCTEST_CHECK(game.forward_passes() == 1 + 300 + 9);
    const auto expected = [&](const Tensor& level) {
      const Tensor there = perturb::spread(game.regions(), 0, level.expand({2, m}), at::arange(2, at::kLong));
      return net(absent + there * (x - absent));
    };
    for (std::int64_t k = 0; k < 300; k += 37) {
      const Tensor output = expected(levels.narrow(0, k, 1));
      DOCTEST_CHECK(all_close(scores[0][k], output.select(1, 0), 1e-12));
      DOCTEST_CHECK(all_close(scores[1][k], output.select(1, 2), 1e-12));
    }
    DOCTEST_CHECK(all_close(more[1][8][0], expected(levels.narrow(0, 8, 1) * 0.5)[1][2], 1e-12));
  };
  using lumen::Passes;
  check(layers, 1, groups, Passes::Cheapest, true);
  check(layers, 1, own, Passes::Cheapest, true);
  check(layers, 1, groups, Passes::Whole, false);
  check(layers, 1, shared, Passes::Incremental, false);
  check(layers, 1, groups, Passes::Cheapest, false, 1000);     // 2 x 4 x 32 x 8 bytes of responses
  check(layers, 1, groups, Passes::Cheapest, true, 4 * 2048);  // just a quarter of that
  check(convolutions, 2, cells, Passes::Cheapest, true);       // 50 products for each value: ten are left
  check(
      convolutions, 1 + 1, [&](const Tensors& x) { return perturb::Groups({}, x); }, Passes::Cheapest,
      false);  // 128 instead of 50
  check(convolutions, 2, [&](const Tensors& x) { return perturb::Groups({}, x); }, Passes::Incremental, true);
  check(squared, 1, groups, Passes::Incremental, false);
  check(twice, 1, groups, Passes::Incremental, false);
}

DOCTEST_TEST_CASE("sums of regions' responses: in float32 too, and not of a model whose samples meet") {
  const Tensor weight = nets::weight({16, 64}, 920).to(at::kFloat),
               last = nets::weight({3, 16}, 921).to(at::kFloat);
  const Tensor x = nets::random({1, 1, 8, 8}, 922).to(at::kFloat);
  const Tensor present = bits(40, 4, 923);
  const auto scores = [&](const engine::Function& model, lumen::Passes passes) {
    perturb::Game game(model, {x}, {target::Class{0}}, baseline::Zero{}, blocks, Run{.passes = passes});
    return game(present)[0];
  };
  const engine::Function plain = [&](const Tensors& parts) {
    return at::linear(at::gelu(at::linear(parts[0].flatten(1), weight)), last);
  };
  const Tensor whole = scores(plain, lumen::Passes::Whole);
  DOCTEST_CHECK(all_close(scores(plain, lumen::Passes::Incremental), whole, 1e-5));
  const engine::Function meets = [&](const Tensors& parts) {
    const Tensor h = at::linear(parts[0].flatten(1), weight);
    return at::linear(at::relu(h - 0.5 * h.mean(0, true)), last);
  };
  DOCTEST_CHECK(
      holds(message_of([&] { (void)scores(meets, lumen::Passes::Incremental); }), "influence each other"));
}

DOCTEST_TEST_CASE("tables that do not fit and scores that are not finite are refused; x is left as it is") {
  const Tensor x = nets::random({2, 1, 8, 8}, 909), before = x.clone();
  const engine::Function model = [](const Tensors& parts) {
    return parts[0].flatten(1).log_().sum(1, true);  // writes into what it is given
  };
  const engine::Function plain = [](const Tensors& parts) {
    return parts[0].flatten(1).sum(1, true).reciprocal();
  };
  perturb::Game game(plain, {x}, {target::Class{0}}, baseline::Zero{}, blocks, Run{});
  DOCTEST_CHECK(holds(message_of([&] { (void)game(at::zeros({1, 3}, at::kBool)); }), "expected [K, 4]"));
  DOCTEST_CHECK(holds(message_of([&] { (void)game(at::zeros({1, 4}, at::kLong)); }), "bool or floating"));
  DOCTEST_CHECK(holds(message_of([&] { (void)game(Tensor()); }), "undefined"));
  DOCTEST_CHECK(holds(message_of([&] { (void)game(at::zeros({1, 4}, at::kBool)); }), "NaN or infinite"));
  perturb::Game writes(model, {x.abs() + 1}, {target::Class{0}}, baseline::Constant{.value = 2.0}, blocks,
                       Run{});
  const Tensor two = at::tensor({1, 0, 1, 1}, at::kLong).reshape({1, 4}).to(at::kBool);
  DOCTEST_CHECK(all_close(writes(two)[0], writes(two)[0], 0.0));
  DOCTEST_CHECK(max_error(writes.x()[0], before.abs() + 1) == 0.0);
  DOCTEST_CHECK(max_error(x, before) == 0.0);
}

DOCTEST_TEST_CASE("samples may be asked by a view of their numbers, and what are no numbers is refused") {
  const nets::ConvNet net;
  const Tensor x = nets::random({4, 1, 8, 8}, 941), present = bits(3, 4, 942);
  const engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const auto fresh = [&] {
    return perturb::Game(model, {x}, {target::Class{1}}, baseline::Zero{}, blocks, Run{});
  };
  auto first = fresh(), second = fresh();
  const Tensor numbers = at::tensor({3, 0, 1, 2, 2, 3}, at::kLong),
               strided = numbers.slice(0, 0, 6, 2);  // 3, 1, 2
  const Tensor expected = first(present, strided.contiguous())[0];
  DOCTEST_CHECK(all_close(second(present, strided)[0], expected, 1e-12));
  DOCTEST_CHECK(all_close(second(present, strided)[0], expected, 1e-12));  // remembered
  for (const Tensor& wrong : {strided.to(at::kInt), strided.to(at::kFloat), strided.unsqueeze(0)})
    DOCTEST_CHECK(holds(message_of([&] { (void)second(present, wrong); }), "expected int64 [n]"));
}
