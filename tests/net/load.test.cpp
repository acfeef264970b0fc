// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/load.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <lumen/net/seeded.hpp>
#include <support/message.hpp>

using lumen::Tensor;
using lumen::io::StateDict;
using lumen::net::load;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

torch::nn::Sequential network() {
  return lumen::net::seeded(
      1, [] { return torch::nn::Sequential(torch::nn::Linear(2, 1), torch::nn::BatchNorm1d(1)); });
}

/// What the module holds, copied.
StateDict state_of(const torch::nn::Module& module) {
  StateDict state;
  for (const auto& [name, tensor] : lumen::net::detail::places(module))
    state.push_back({name, tensor.detach().clone()});
  return state;
}

bool equal(const StateDict& a, const StateDict& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = a[i].name == b[i].name && at::equal(a[i].tensor, b[i].tensor);
  return same;
}

/// Another value for every tensor.
StateDict changed(StateDict state) {
  for (auto& [name, tensor] : state) tensor = tensor + 1;
  return state;
}

}  // namespace

DOCTEST_TEST_CASE("load: every parameter and buffer, in place, of a file that Python wrote") {
  const auto path = std::filesystem::path(LUMEN_SOURCE_DIR) / "tests/fuzz/corpus/pth/no_checksum.pth";
  //! [load]
  torch::nn::Sequential net(torch::nn::Linear(2, 1), torch::nn::BatchNorm1d(1));
  lumen::net::load(*net, lumen::io::read_state_dict(path));
  net->eval();
  //! [load]
  const StateDict file = lumen::io::read_state_dict(path);
  const StateDict now = state_of(*net);
  DOCTEST_CHECK(now.size() == 7);
  for (const auto& [name, tensor] : file) DOCTEST_CHECK(at::equal(tensor, lumen::io::find(now, name)));
  DOCTEST_CHECK(!equal(file, changed(file)));
}

DOCTEST_TEST_CASE("load: buffers too; the tensors stay the same objects, with their flags") {
  auto net = network();
  net->parameters()[1].set_requires_grad(false);
  const Tensor weight = net->parameters()[0];
  const StateDict state = changed(state_of(*net));
  DOCTEST_CHECK(load(*net, state).empty());
  DOCTEST_CHECK(equal(state_of(*net), state));
  DOCTEST_CHECK(lumen::io::find(state_of(*net), "1.num_batches_tracked").item<std::int64_t>() == 1);
  DOCTEST_CHECK(at::equal(weight, state[0].tensor));
  DOCTEST_CHECK(weight.is_leaf());
  DOCTEST_CHECK(weight.requires_grad());
  DOCTEST_CHECK(!net->parameters()[1].requires_grad());
  DOCTEST_CHECK(!state[0].tensor.is_alias_of(weight));
}

DOCTEST_TEST_CASE("load: floats are converted, other types are not") {
  auto net = network();
  StateDict state = changed(state_of(*net));
  for (auto& [name, tensor] : state)
    if (tensor.is_floating_point()) tensor = tensor.round().to(at::kBFloat16);
  DOCTEST_CHECK(load(*net, state).empty());
  DOCTEST_CHECK((net->parameters()[0].scalar_type() == at::kFloat));
  DOCTEST_CHECK(at::equal(net->parameters()[0], state[0].tensor.to(at::kFloat)));
  const StateDict before = state_of(*net);
  state[0].tensor = state[0].tensor.to(at::kLong);
  DOCTEST_CHECK(
      holds(message_of([&] { load(*net, state); }), "0.weight (Float[1, 2] here, Long[1, 2] in the file)"));
  state[0].tensor = state[0].tensor.to(at::kComplexFloat);
  DOCTEST_CHECK(holds(message_of([&] { load(*net, state); }), "ComplexFloat[1, 2] in the file"));
  DOCTEST_CHECK(equal(state_of(*net), before));
}

DOCTEST_TEST_CASE("load: one error lists all that does not fit, and nothing was changed") {
  auto net = network();
  const StateDict before = state_of(*net);
  StateDict state = changed(before);
  state[0].tensor = at::ones({2, 2});
  state[1].name = "0.offset";
  const std::string message = message_of([&] { load(*net, state); });
  DOCTEST_INFO(message);
  DOCTEST_CHECK(holds(message, "missing in the file:\n    0.bias"));
  DOCTEST_CHECK(holds(message, "unexpected in the file:\n    0.offset"));
  DOCTEST_CHECK(
      holds(message, "of another shape or type:\n    0.weight (Float[1, 2] here, Float[2, 2] in the file)"));
  DOCTEST_CHECK(equal(state_of(*net), before));

  for (const lumen::net::LoadOptions options :
       {lumen::net::LoadOptions{.allow_missing = true, .allow_unexpected = true},
        {.allow_missing = true, .allow_misshapen = true},
        {.allow_unexpected = true, .allow_misshapen = true}}) {
    DOCTEST_CHECK(holds(message_of([&] { load(*net, state, options); }), "does not fit the module"));
    DOCTEST_CHECK(equal(state_of(*net), before));
  }
  const auto report =
      load(*net, state, {.allow_missing = true, .allow_unexpected = true, .allow_misshapen = true});
  DOCTEST_CHECK(report.missing == std::vector<std::string>{"0.bias"});
  DOCTEST_CHECK(report.unexpected == std::vector<std::string>{"0.offset"});
  DOCTEST_CHECK(report.misshapen.size() == 1);
  const StateDict after = state_of(*net);
  for (std::size_t i = 0; i < 2; ++i) DOCTEST_CHECK(at::equal(after[i].tensor, before[i].tensor));
  for (std::size_t i = 2; i < 7; ++i) DOCTEST_CHECK(at::equal(after[i].tensor, state[i].tensor));
}

DOCTEST_TEST_CASE("load: what DataParallel wrapped, twice the same name, no tensor") {
  auto net = network();
  StateDict state = state_of(*net);
  for (auto& [name, tensor] : state) name = "module." + name;
  DOCTEST_CHECK(holds(message_of([&] { load(*net, state); }), "io::below(state, \"module\")"));
  DOCTEST_CHECK(load(*net, lumen::io::below(state, "module")).empty());
  state[1].name = state[0].name;
  DOCTEST_CHECK(holds(message_of([&] { load(*net, state); }), "two tensors are named 'module.0.weight'"));
  state[1].tensor = Tensor();
  DOCTEST_CHECK(holds(message_of([&] { load(*net, state); }), "is undefined"));
}

DOCTEST_TEST_CASE("load: a layer without bias has no place for one") {
  torch::nn::Linear net(torch::nn::LinearOptions(2, 1).bias(false));
  DOCTEST_CHECK(load(*net, {{"weight", at::ones({1, 2})}}).empty());
  DOCTEST_CHECK(
      holds(message_of([&] { load(*net, {{"weight", at::ones({1, 2})}, {"bias", at::ones({1})}}); }),
            "unexpected"));
}
