// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/checkpoint.hpp>

#include <string>

#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>

#include <doctest/doctest.h>

#include "io/files.hpp"

using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("snapshot and restore: copies, put back into the same tensors") {
  torch::nn::Linear net(3, 2);
  const Tensor weight = net->weight;
  const Tensor before = weight.detach().clone();
  const auto state = lumen::train::snapshot(*net);
  {
    const at::NoGradGuard no_gradient;
    net->weight.zero_();
  }
  DOCTEST_CHECK(at::equal(state[0], before));
  lumen::train::restore(*net, state);
  DOCTEST_CHECK(at::equal(net->weight, before));
  DOCTEST_CHECK(net->weight.is_same(weight));
  DOCTEST_CHECK(net->weight.requires_grad());
}

DOCTEST_TEST_CASE("restore: the state of another network") {
  torch::nn::Linear net(3, 2), wider(4, 2);
  DOCTEST_CHECK_THROWS_WITH_AS(lumen::train::restore(*net, lumen::train::snapshot(*wider)),
                               "restore: tensor 0 has shape [2, 4], the network's [2, 3]", lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS(lumen::train::restore(*net, {}),
                               "restore: the state holds 0 tensors, the network has 2", lumen::Error);
}

DOCTEST_TEST_CASE("Checkpoint: what does not fit the network is refused, and the network is as it was") {
  using lumen::train::Checkpoint;
  const lumen::testing::Folder folder;
  const auto path = folder / "a-checkpoint.pt";
  torch::nn::Linear net(3, 2), wider(4, 2), shorter(torch::nn::LinearOptions(3, 2).bias(false));
  torch::optim::Adam optimizer(net->parameters()), wide(wider->parameters()), few(shorter->parameters());
  const auto before = lumen::train::snapshot(*net);
  const auto refused = [&](const std::string& why) {
    const std::string message = message_of([&] { (void)Checkpoint::load(path, "it", *net, optimizer); });
    DOCTEST_INFO(message);
    DOCTEST_CHECK(holds(message, "a-checkpoint.pt"));
    DOCTEST_CHECK(holds(message, why));
    for (std::size_t i = 0; i < before.size(); ++i) {
      DOCTEST_CHECK(at::equal(net->parameters()[i], before[i]));
      DOCTEST_CHECK(net->parameters()[i].requires_grad());
    }
  };
  Checkpoint{.purpose = "it"}.save(path, *wider, wide);
  refused("weights: tensor 0 has shape [2, 4], the network's [2, 3]");
  Checkpoint{.purpose = "it"}.save(path, *shorter, few);
  refused("weights: the state holds 1 tensors, the network has 2");
  Checkpoint{.purpose = "it"}.save(path, *torch::nn::Linear(3, 2), few);
  refused("cannot be read");
  Checkpoint{.purpose = "it", .mean = lumen::train::snapshot(*wider)}.save(path, *torch::nn::Linear(3, 2),
                                                                           optimizer);
  refused("mean: tensor 0 has shape [2, 4], the network's [2, 3]");
  Checkpoint{.purpose = "it", .best = lumen::train::snapshot(*shorter)}.save(path, *torch::nn::Linear(3, 2),
                                                                             optimizer);
  refused("best: the state holds 1 tensors, the network has 2");

  torch::nn::Linear other(3, 2);
  Checkpoint{.purpose = "it", .mean = before}.save(path, *other, optimizer);
  const Checkpoint read = Checkpoint::load(path, "it", *net, optimizer);
  DOCTEST_CHECK(at::equal(net->weight, other->weight));
  DOCTEST_CHECK(at::equal(read.mean.at(0), before[0]));
  DOCTEST_CHECK(read.best.empty());
}
