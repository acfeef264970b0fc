// SPDX-License-Identifier: BSD-3-Clause
// A method leaves no trace: on the model, on the input, on the generator or on the caller's modes, also after an
// exception.
#include "support/methods.hpp"

#include <doctest/doctest.h>

#include <string>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <stdexcept>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
namespace nn = torch::nn;
using lumen::Tensor;
using lumen::testing::max_error;

namespace {

nn::Sequential module_net() {
  nn::Sequential net(nn::Conv2d(nn::Conv2dOptions(1, 3, 3).padding(1)), nn::BatchNorm2d(3), nn::ReLU(),
                     nn::Flatten(), nn::Linear(3 * 8 * 8, 3));
  net->to(at::kDouble);
  {
    const at::NoGradGuard no_grad;
    std::uint64_t seed = 300;
    for (Tensor parameter : net->parameters())
      parameter.copy_(nets::random(parameter.sizes().vec(), ++seed, 0.3));
  }
  net->eval();
  net[0]->as<nn::Conv2d>()->weight.set_requires_grad(false);  // one frozen, the others not
  return net;
}

/// Everything about a module, the global generator and this thread's modes that a method could change.
class Snapshot {
 public:
  explicit Snapshot(const nn::Sequential& net) : net_(net), generator_(state()) {
    for (const Tensor& tensor : tensors()) {
      values_.push_back(tensor.detach().clone());
      versions_.push_back(tensor._version());
      requires_grad_.push_back(tensor.requires_grad());
    }
    for (const auto& module : net_->modules()) training_.push_back(module->is_training());
  }
  void check() const {
    const std::vector<Tensor> now = tensors();
    DOCTEST_REQUIRE(now.size() == values_.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
      DOCTEST_CHECK(now[i].equal(values_[i]));
      DOCTEST_CHECK(now[i]._version() == versions_[i]);
      DOCTEST_CHECK(now[i].requires_grad() == requires_grad_[i]);
      DOCTEST_CHECK(!now[i].grad().defined());
    }
    std::size_t i = 0;
    for (const auto& module : net_->modules()) DOCTEST_CHECK(module->is_training() == training_[i++]);
    DOCTEST_CHECK(state().equal(generator_));
    DOCTEST_CHECK(at::GradMode::is_enabled() == grad_mode_);
    DOCTEST_CHECK(c10::InferenceMode::is_enabled() == inference_mode_);
  }

 private:
  std::vector<Tensor> tensors() const {
    std::vector<Tensor> all = net_->parameters();
    for (const Tensor& buffer : net_->buffers()) all.push_back(buffer);
    return all;
  }
  static Tensor state() {
    const at::Generator global = at::detail::getDefaultCPUGenerator();
    return global.get_state();
  }

  nn::Sequential net_;
  Tensor generator_;
  bool grad_mode_ = at::GradMode::is_enabled();
  bool inference_mode_ = c10::InferenceMode::is_enabled();
  std::vector<Tensor> values_;
  std::vector<std::int64_t> versions_;
  std::vector<bool> requires_grad_, training_;
};

}  // namespace

DOCTEST_TEST_CASE("the model, the input and the global generator are as before") {
  nn::Sequential net = module_net();
  const Tensor x = nets::random({2, 1, 8, 8}, 201);
  const Tensor before = x.clone();
  const Snapshot snapshot(net);
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto why = method(net, x, target::Class{.index = 1});
    DOCTEST_CHECK(!why.map.requires_grad());
    DOCTEST_CHECK(!why.score.requires_grad());
    snapshot.check();
    DOCTEST_CHECK(x.equal(before));
    DOCTEST_CHECK(!x.requires_grad());
    DOCTEST_CHECK(x._version() == 0);
  });
}

DOCTEST_TEST_CASE("after an exception thrown inside the model at any call, all is as before") {
  nn::Sequential net = module_net();
  const Tensor x = nets::random({2, 1, 8, 8}, 202);
  const Snapshot snapshot(net);
  lumen::testing::each_image_method([&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    method.run.memory = 1;
    int calls = 0, fail_at = -1;
    const auto fragile = [&](const Tensor& at) {
      if (++calls == fail_at) throw std::runtime_error("the model broke");
      return net->forward(at);
    };
    const Tensor expected = method(fragile, x, target::Class{.index = 1}).map;
    const int all = calls;
    for (const int k : {1, 2, 3, all / 2, all}) {
      if (k < 1 || k > all) continue;
      DOCTEST_CAPTURE(k);
      calls = 0;
      fail_at = k;
      DOCTEST_CHECK_THROWS_WITH_AS((void)method(fragile, x, target::Class{.index = 1}), "the model broke",
                                   std::runtime_error);
      snapshot.check();
      DOCTEST_CHECK(!x.requires_grad());
    }
    fail_at = -1;
    DOCTEST_CHECK(max_error(method(fragile, x, target::Class{.index = 1}).map, expected) == 0.0);
  });
}

DOCTEST_TEST_CASE(
    "an exception from the target or from the progress sink passes through and leaves no trace") {
  nn::Sequential net = module_net();
  const Tensor x = nets::random({2, 1, 8, 8}, 203);
  const Snapshot snapshot(net);
  lumen::testing::each_image_method([&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    const auto broken = [](const Tensor&) -> Tensor { throw std::runtime_error("the target broke"); };
    DOCTEST_CHECK_THROWS_WITH_AS((void)method(net, x, broken), "the target broke", std::runtime_error);
    method.run.progress = [](std::string_view, std::int64_t, std::int64_t) {
      throw std::runtime_error("stopped");
    };
    DOCTEST_CHECK_THROWS_WITH_AS((void)method(net, x, target::Class{.index = 1}), "stopped",
                                 std::runtime_error);
    snapshot.check();
  });
}

DOCTEST_TEST_CASE("the caller's NoGradGuard and InferenceMode stay, and do not change the answer") {
  nn::Sequential net = module_net();
  const Tensor x = nets::random({2, 1, 8, 8}, 204);
  const nets::Segmentation dense;
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const Tensor expected = method(net, x, target::Class{.index = 1}).map;
    const Tensor expected_dense = method(dense, x, target::ClassRegion{.channel = 1}).map;
    {
      const at::NoGradGuard no_grad;
      const Snapshot snapshot(net);
      DOCTEST_CHECK(max_error(method(net, x, target::Class{.index = 1}).map, expected) == 0.0);
      snapshot.check();
    }
    Tensor map, map_dense, map_of_inference_input;
    bool still_inference = false;
    {
      const c10::InferenceMode inference;
      map = method(net, x, target::Class{.index = 1}).map;
      map_dense = method(dense, x, target::ClassRegion{.channel = 1}).map;
      map_of_inference_input = method(net, x.clone(), target::Class{.index = 1}).map;
      still_inference = c10::InferenceMode::is_enabled() && !at::GradMode::is_enabled();
    }
    DOCTEST_CHECK(still_inference);
    DOCTEST_CHECK(max_error(map, expected) == 0.0);
    DOCTEST_CHECK(max_error(map_dense, expected_dense) == 0.0);
    DOCTEST_CHECK(max_error(map_of_inference_input, expected) == 0.0);
    DOCTEST_CHECK(at::GradMode::is_enabled());
  });
}

DOCTEST_TEST_CASE("an input inside somebody else's graph is not connected to the map, and gets no gradient") {
  nn::Sequential net = module_net();
  const Tensor leaf = nets::random({2, 1, 8, 8}, 205).requires_grad_(true);
  const Tensor x = leaf * 2.0;
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    for (const Tensor& input : {leaf, x}) {
      const auto why = method(net, input, target::Class{.index = 1});
      DOCTEST_CHECK(!why.map.requires_grad());
      DOCTEST_CHECK(!why.score.requires_grad());
      DOCTEST_CHECK(!(why.completeness_error.defined() && why.completeness_error.requires_grad()));
      DOCTEST_CHECK(input.requires_grad());
      DOCTEST_CHECK(max_error(why.map, method(net, input.detach(), target::Class{.index = 1}).map) == 0.0);
    }
    DOCTEST_CHECK(!leaf.grad().defined());
  });
}

DOCTEST_TEST_CASE("a model that works in place on what it is given does not reach the caller's tensors") {
  const nets::ConvNet net;
  const auto in_place = [&](const Tensor& x) {
    Tensor mine = x;
    return net(mine.mul_(2.0));
  };
  const auto plain = [&](const Tensor& x) { return net(x * 2.0); };
  const Tensor x = nets::random({2, 1, 8, 8}, 206);
  const Tensor before = x.clone();
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const Tensor map = method(in_place, x, target::Class{.index = 1}).map;
    DOCTEST_CHECK(x.equal(before));
    DOCTEST_CHECK(lumen::testing::all_close(map, method(plain, x, target::Class{.index = 1}).map, 1e-12));
  });
}
