// SPDX-License-Identifier: BSD-3-Clause
// One library with lumen in it; the test opens several.
#include "plugin.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/rule/lrp/composite.hpp>
#include <lumen/script/network.hpp>
#include <lumen/target/element.hpp>
#include <lumen/trace/observe.hpp>

#include <script/models.hpp>
#include <support/nets.hpp>

namespace lm = lumen;
using lm::Tensor;

namespace {

struct Net {
  Tensor first = lm::testing::nets::weight({16, 6}, 1), second = lm::testing::nets::weight({4, 16}, 2);
  Tensor operator()(const Tensor& x) const {
    return at::linear(lm::trace::tap("hidden", at::relu(at::linear(x, first))), second);
  }
};

struct Images {
  Tensor first = lm::testing::nets::weight({4, 1, 3, 3}, 3),
         second = lm::testing::nets::weight({2, 4, 3, 3}, 4);
  Tensor operator()(const Tensor& x) const {
    return at::conv2d(at::relu(at::conv2d(x, first)), second).mean({2, 3});
  }
};

/// Compares maps with what arithmetic by hand gives, and makes sure that a pass that nobody heard would not do.
class Report {
 public:
  void compare(const std::string& what, const Tensor& map, const Tensor& by_hand, const Tensor& plain) {
    const double error = (map - by_hand).abs().max().item<double>();
    if (!(error < 1e-9)) wrong += lm::text(what, " is off by ", error, "; ");
    if (plain.defined() && (plain - by_hand).abs().max().item<double>() < 1e-3)
      wrong += lm::text(what, " cannot be told from a plain gradient; ");
  }
  std::string wrong;
};

std::string explain() {
  Report report;
  const Net net;
  const Tensor x = lm::testing::nets::random({3, 6}, 5), zeros = at::zeros_like(x);
  const lm::target::Class target{.index = 1};
  const Tensor z = at::linear(x, net.first), a = z.clamp_min(0), w = net.second[1];
  const Tensor gradient = at::matmul(w * (z > 0), net.first);

  report.compare("GuidedBackprop", lm::GuidedBackprop{}(net, x, target).map,
                 at::matmul(w.clamp_min(0) * (z > 0), net.first), gradient);
  report.compare(
      "DeepLift", lm::DeepLift{.baseline = lm::baseline::Constant{.value = 1.0}}(net, x, target).map,
      [&] {
        const Tensor from = at::linear(at::ones_like(x), net.first);
        return at::matmul(w * (a - from.clamp_min(0)) / (z - from), net.first) * (x - 1);
      }(),
      gradient * (x - 1));
  report.compare(
      "Lrp", lm::Lrp{.composite = lm::rule::lrp::EpsilonPlus{.epsilon = 0.5}}(net, x, target).map,
      [&] {
        const auto stable = [](const Tensor& v) { return v + at::where(v < 0, -0.5, 0.5); };
        const Tensor score = net(x).select(1, 1).unsqueeze(1);
        const Tensor hidden = a * w * score / stable(score);
        return x * at::matmul(hidden / stable(z), net.first);
      }(),
      gradient * x);
  report.compare("LayerActivation", lm::LayerActivation{.layers = {lm::layer::tap("hidden")}}(net, x)[0], a,
                 {});
  report.compare(
      "AtLayer",
      lm::AtLayer{.method = lm::InputXGradient{}, .layer = lm::layer::nth("relu", 0)}(net, x, target).map,
      w * a, {});

  const Images images;
  const Tensor picture = lm::testing::nets::random({2, 1, 9, 9}, 6);
  const Tensor hidden = at::relu(at::conv2d(picture, images.first)).detach().requires_grad_(true);
  const Tensor back =
      torch::autograd::grad({at::conv2d(hidden, images.second).mean({2, 3}).select(1, 0).sum()}, {hidden})[0];
  report.compare(
      "GradCam",
      lm::GradCam{.layer = lm::layer::nth("relu", 0)}(images, picture, lm::target::Class{.index = 0}).map,
      (back.mean({2, 3}, true) * hidden).sum(1, true).detach(), {});
  const auto observed = lm::trace::observe([&] { return net(x); });
  if (observed.size() != 3) report.wrong += lm::text(observed.size(), " operators were observed; ");
  return report.wrong;
}

torch::jit::Module chain() {
  using namespace lm::testing::script_models;
  torch::jit::Module chain = module("Chain");
  for (const auto& [name, weight] : {std::pair{"first", Net().first}, std::pair{"second", Net().second}}) {
    torch::jit::Module linear = module("Linear");
    linear.register_parameter("weight", weight, false);
    linear.define("def forward(self, x):\n  return torch.matmul(x, self.weight.t())\n");
    chain.register_module(name, linear);
  }
  chain.define("def forward(self, x):\n  return self.second.forward(torch.relu(self.first.forward(x)))\n");
  return chain;
}

std::string network() {
  static const lm::script::Network net(chain());
  Report report;
  const Tensor x = lm::testing::nets::random({2, 6}, 7);
  const Tensor first = net.tensor("first.weight").detach(), second = net.tensor("second.weight").detach();
  const Tensor z = at::linear(x, first), w = second[1];
  report.compare("GuidedBackprop of a network",
                 lm::GuidedBackprop{}(net, x, lm::target::Class{.index = 1}).map,
                 at::matmul(w.clamp_min(0) * (z > 0), first), at::matmul(w * (z > 0), first));
  report.compare("LayerActivation of a network",
                 lm::LayerActivation{.layers = {lm::layer::tap("first")}}(net, x)[0], z, {});
  struct Refuses final : lm::trace::Listener {
    Tensor on_tap(std::string_view, const Tensor&, bool) override { throw lm::Error("refused"); }
  } refuses;
  const lm::trace::Listening listening(refuses);
  try {
    (void)net.forward(x);
    report.wrong += "a listener's Error was lost; ";
  } catch (const lm::Error& refusal) {
    if (std::string(refusal.what()) != "refused") report.wrong += "a listener's Error was changed; ";
  }
  return report.wrong;
}

struct Recorder final : lm::trace::Listener {
  std::string seen;
  void on_call(lm::trace::Call& call) override {
    seen += lm::trace::kind_of(call.op, call.arguments) + ' ';
    call.proceed();
  }
  Tensor on_tap(std::string_view name, const Tensor& value, bool) override {
    seen += lm::text('[', name, "] ");
    return value;
  }
};

struct Ear {
  Recorder recorder;
  lm::trace::Listening listening{recorder};
};

template <class Ask>
const char* answer(const Ask& ask) {
  static thread_local char
      kept[1000];  // without a destructor, which would keep the library from being unloaded
  std::string text;
  try {
    text = ask();
  } catch (const std::exception& error) {
    text = error.what();
  }
  text.copy(kept, sizeof kept - 1);
  kept[std::min(text.size(), sizeof kept - 1)] = '\0';
  return kept;
}

void nothing(const c10::OperatorHandle& op, c10::DispatchKeySet keys, std::vector<c10::IValue>* stack) {
  op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, lm::trace::detail::key),
                     stack);
}

}  // namespace

extern "C" {
const char* plugin_explain() { return answer(explain); }
void* plugin_listen() { return std::make_unique<Ear>().release(); }
const char* plugin_heard(const void* listening) {
  return answer([&] { return static_cast<const Ear*>(listening)->recorder.seen; });
}
void plugin_stop(void* listening) { const std::unique_ptr<Ear> end(static_cast<Ear*>(listening)); }
void plugin_run() { (void)lm::trace::tap("mark", at::relu(at::ones({2}))); }
const char* plugin_network() { return answer(network); }
void* plugin_meter() { return std::make_unique<lm::MemoryMeter>().release(); }
long long plugin_metered(const void* meter) {
  return static_cast<const lm::MemoryMeter*>(meter)->allocated();
}
void plugin_unmeter(void* meter) {
  const std::unique_ptr<lm::MemoryMeter> end(static_cast<lm::MemoryMeter*>(meter));
}
void plugin_allocate(long long bytes) { (void)at::empty({bytes}, at::kByte); }
void plugin_take_key() {
  static const auto handle = c10::Dispatcher::singleton().registerFallback(
      lm::trace::detail::key, c10::KernelFunction::makeFromBoxedFunction<&nothing>(), "somebody");
}
}
