// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/checkpoint.hpp>

#include <torch/nn/modules/linear.h>

#include <doctest/doctest.h>

using lumen::Tensor;

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
