// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/script/network.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/target/element.hpp>
#include <lumen/trace/layer.hpp>
#include <lumen/trace/observe.hpp>
#include <lumen/trace/suffix.hpp>

#include <script/models.hpp>
#include <support/allclose.hpp>
#include <support/message.hpp>

namespace lumen {
namespace {

using namespace testing::script_models;
using script::Network;
using testing::holds;
using testing::max_error;
using testing::message_of;

static_assert(Model<const Network>);
static_assert(Model<const Network, std::tuple<Tensor, Tensor>>);

/// Keeps a copy of every tapped value, by name, side and call.
struct Recorder final : trace::Listener {
  std::vector<std::string> names;
  std::vector<Tensor> values;
  Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
    names.push_back((input ? "> " : "< ") + std::string(name));
    values.push_back(value.clone());
    return value;
  }
  [[nodiscard]] Tensor value(const std::string& name, int nth = 0) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name && nth-- == 0) return values[i];
    }
    return {};
  }
};

Tensor evaluated(const torch::jit::Module& original, const Tensor& x) {
  torch::jit::Module copy = original.deepcopy();
  copy.eval();
  return copy.forward({x}).toTensor();
}

std::vector<std::string> names_of(const std::vector<trace::Operation>& operations) {
  std::vector<std::string> names;
  for (const trace::Operation& operation : operations) names.push_back(operation.name);
  return names;
}

DOCTEST_TEST_CASE("A network computes what the module does in evaluation mode, to the last bit") {
  const torch::jit::Module original = residual();
  const Network net(original);
  DOCTEST_CHECK(max_error(net.forward(images()), evaluated(original, images())) == 0.0);
  Recorder recorder;
  const trace::Listening listening(recorder);
  DOCTEST_CHECK(max_error(net.forward(images()), evaluated(original, images())) == 0.0);
}

DOCTEST_TEST_CASE("The module stays as it was, also when a pass fails") {
  const torch::jit::Module original = residual();
  const Tensor mean = original.attr("block").toModule().attr("norm").toModule().attr("mean").toTensor();
  const Tensor before = mean.clone();
  const Network net(original);
  (void)net.forward(images());
  DOCTEST_CHECK_THROWS((void)net.forward(at::zeros({1, 5, 6, 6}, at::kDouble)));
  for (const torch::jit::Module& part : original.modules()) DOCTEST_CHECK(part.is_training());
  DOCTEST_CHECK(at::equal(mean, before));
  for (const auto& parameter : original.named_parameters()) {
    DOCTEST_CHECK(parameter.value.requires_grad());
    DOCTEST_CHECK_FALSE(parameter.value.grad().defined());
    DOCTEST_CHECK(net.tensor(parameter.name).is_same(parameter.value));
  }
}

DOCTEST_TEST_CASE("Layers are the modules that forward calls") {
  const Network net(residual());
  std::string all;
  for (const script::Part& part : script::layers(net)) {
    all += text(part.path, ' ', part.kind, ' ', part.calls, part.input ? " in" : "",
                part.output ? " out" : "", '\n');
  }
  DOCTEST_CHECK(all ==
                "stem Conv2d 1 in out\n"
                "relu ReLU 3 in out\n"
                "block Block 1 in out\n"
                "block.conv Conv2d 1 in out\n"
                "block.norm BatchNorm2d 1 in out\n"
                "last Conv2d 1 in out\n");
}

DOCTEST_TEST_CASE("Taps come in the order of the calls and show each value as it was then") {
  const torch::jit::Module original = residual();
  const Network net(original);
  const Tensor x = images();
  Recorder seen;
  {
    const trace::Listening listening(seen);
    (void)net.forward(x);
  }
  const std::vector<std::string> order{"> stem",       "< stem",       "> relu",       "< relu",
                                       "> block",      "> block.conv", "< block.conv", "> block.norm",
                                       "< block.norm", "< block",      "> relu",       "< relu",
                                       "> last",       "< last",       "> relu",       "< relu"};
  DOCTEST_CHECK(seen.names == order);
  const auto part = [&](const char* name, const Tensor& value) {
    return evaluated(original.attr(name).toModule(), value);
  };
  const Tensor stem = part("stem", x), first = at::relu(stem), block = part("block", first),
               second = at::relu(block);
  DOCTEST_CHECK(max_error(seen.value("> stem"), x) == 0.0);
  DOCTEST_CHECK(max_error(seen.value("< stem"), stem) == 0.0);  // relu_ overwrites it afterwards
  DOCTEST_CHECK(stem.min().item<double>() < 0.0);
  DOCTEST_CHECK(max_error(seen.value("> relu"), stem) == 0.0);
  DOCTEST_CHECK(max_error(seen.value("< relu"), first) == 0.0);
  DOCTEST_CHECK(max_error(seen.value("< block"), block) == 0.0);
  DOCTEST_CHECK(max_error(seen.value("< relu", 1), second) == 0.0);
  DOCTEST_CHECK(max_error(seen.value("< last"), part("last", second)) == 0.0);
  DOCTEST_CHECK(max_error(seen.value("< relu", 2), at::relu(part("last", second))) == 0.0);
}

DOCTEST_TEST_CASE("What a listener returns takes the value's place") {
  const torch::jit::Module original = residual();
  const Network net(original);
  struct Halve final : trace::Listener {
    std::string name;
    bool side = false;
    Tensor on_tap(std::string_view path, const Tensor& value, bool input) override {
      return path == name && input == side ? value * 0.5 : value;
    }
  };
  const auto part = [&](const char* name, const Tensor& value) {
    return evaluated(original.attr(name).toModule(), value);
  };
  const auto rest = [&](const Tensor& block) {
    const Tensor last = at::relu(part("last", at::relu(block)));
    return at::matmul(last.mean({2, 3}), original.attr("head").toTensor().t());
  };
  const Tensor first = at::relu(part("stem", images()));
  for (const bool side : {false, true}) {
    Halve halve;
    halve.name = "block";
    halve.side = side;
    const trace::Listening listening(halve);
    const Tensor want = rest(side ? part("block", first * 0.5) : part("block", first) * 0.5);
    DOCTEST_CHECK(max_error(net.forward(images()), want) < 1e-12);
  }
}

DOCTEST_TEST_CASE("Paths are layers: values and gradients at them equal the full backward pass") {
  const torch::jit::Module original = residual();
  const Network net(original);
  const Tensor x = images();
  //! [layers]
  const auto inner = lumen::layer::tap("block.conv");                 // what the module returns
  const auto third = lumen::layer::tap("relu", 2);                    // the third call of one module
  const auto given = lumen::layer::input(lumen::layer::tap("last"));  // what a module is given
  const auto head = lumen::layer::of(net.tensor("last.weight"));      // the operator that takes a parameter
  //! [layers]
  const auto function = engine::bind<Tensor>(net);
  const auto at_layers = trace::differentiate_at(function, {inner, third, given, head}, {x},
                                                 {AnyTarget(target::Class{.index = 1})}, false);
  torch::jit::Module copy = original.deepcopy();
  copy.eval();
  const auto part = [&](const char* name, const Tensor& value) {
    return copy.attr(name).toModule().forward({value}).toTensor();
  };
  const Tensor first = at::relu(part("stem", x));
  torch::jit::Module block = copy.attr("block").toModule();
  const Tensor conv = block.attr("conv").toModule().forward({first}).toTensor();
  const Tensor second = at::relu(block.attr("norm").toModule().forward({conv}).toTensor() + first);
  const Tensor last = part("last", second);
  const Tensor relu = at::relu(last);
  const Tensor output = at::matmul(relu.mean({2, 3}), copy.attr("head").toTensor().t());
  const Tensors want{conv, relu, second, last};
  const Tensors gradients =
      torch::autograd::grad({output.select(1, 1).sum()}, want, {}, /*retain_graph=*/false);
  for (std::size_t i = 0; i < want.size(); ++i) {
    DOCTEST_CAPTURE(i);
    DOCTEST_CHECK(max_error(at_layers.values[i], want[i]) < 1e-12);
    DOCTEST_CHECK(max_error(at_layers.gradients.front()[i], gradients[i]) < 1e-12);
  }
}

DOCTEST_TEST_CASE("Every pass runs the same operators and gives the same gradient") {
  const torch::jit::Module original = residual();
  const Network net(original);
  const auto question = target::Class{.index = 2};
  std::vector<std::string> operators;
  Tensor map;
  for (int pass = 0; pass < 5; ++pass) {
    const auto seen = names_of(trace::observe([&] { (void)net.forward(images()); }));
    const Tensor now = Saliency{}(net, images(), question).map;
    if (pass == 0) {
      operators = seen;
      map = now;
      DOCTEST_CHECK(std::count(seen.begin(), seen.end(), "aten::relu_") == 3);
      DOCTEST_CHECK(std::count(seen.begin(), seen.end(), "aten::conv2d") == 3);
    }
    DOCTEST_CHECK(seen == operators);
    DOCTEST_CHECK(max_error(now, map) == 0.0);
  }
  torch::jit::Module eager = original.deepcopy();
  eager.eval();
  const auto plain = [&](const Tensor& x) { return eager.forward({x}).toTensor(); };
  DOCTEST_CHECK(max_error(map, Saliency{}(plain, images(), question).map) < 1e-12);
}

DOCTEST_TEST_CASE("Two threads run one network, each with a listener of its own") {
  const Network net(residual());
  const Tensor want = net.forward(images());
  const auto work = [&](bool listens, double* worst) {
    for (int i = 0; i < 30; ++i) {
      Recorder recorder;
      std::optional<trace::Listening> listening;
      if (listens) listening.emplace(recorder);
      *worst = std::max(*worst, max_error(net.forward(images()), want));
      if (recorder.names.size() != (listens ? 16u : 0u)) *worst = 1.0;
    }
  };
  double one = 0.0, two = 0.0;
  std::thread other(work, true, &one);
  work(false, &two);
  other.join();
  DOCTEST_CHECK(one == 0.0);
  DOCTEST_CHECK(two == 0.0);
}

DOCTEST_TEST_CASE("An Error of a listener comes out of the interpreter as it is, and leaves nothing behind") {
  const Network net(residual());
  const Tensor want = net.forward(images());
  struct Refuses final : trace::Listener {
    bool tap = false;
    void on_call(trace::Call& call) override {
      require(tap || call.op.schema().name() != "aten::batch_norm", "no rule for batch_norm");
      call.proceed();
    }
    Tensor on_tap(std::string_view name, const Tensor& value, bool) override {
      require(name != "last", "no rule for last");
      return value;
    }
  };
  for (const bool tap : {false, true}) {
    Refuses refuses;
    refuses.tap = tap;
    const trace::Listening listening(refuses);
    DOCTEST_CHECK(message_of([&] { (void)net.forward(images()); }) ==
                  (tap ? "no rule for last" : "no rule for batch_norm"));
  }
  DOCTEST_CHECK(max_error(net.forward(images()), want) == 0.0);
}

DOCTEST_TEST_CASE("Several inputs are a tuple, and defaults fill what is not given") {
  torch::jit::Module made = module("Two");
  made.define("def forward(self, a, b, scale: float = 2.0):\n  return (a * b).sum([1]) * scale\n");
  const Network net(made);
  const Tensor a = testing::nets::random({3, 4}, 1), b = testing::nets::random({3, 4}, 2);
  DOCTEST_CHECK(net.inputs() == 2);
  DOCTEST_CHECK(max_error(forward(net, std::tuple{a, b}), (a * b).sum(1) * 2.0) == 0.0);
  DOCTEST_CHECK(holds(message_of([&] { (void)net.forward(a); }), "takes 2 to 3 tensors, but got 1"));
  DOCTEST_CHECK(holds(message_of([&] { (void)net.forward(a, a, a, a); }), "but got 4"));
}

DOCTEST_TEST_CASE("Weights may change type, the module's own do not") {
  torch::jit::Module original = residual();
  const Network net(original, {.dtype = at::kFloat});
  DOCTEST_CHECK((net.dtype() == at::kFloat));
  DOCTEST_CHECK((net.device() == at::Device(at::kCPU)));
  for (const auto& [name, value] : net.tensors()) DOCTEST_CHECK((value.scalar_type() == at::kFloat));
  for (const auto& parameter : original.named_parameters())
    DOCTEST_CHECK((parameter.value.scalar_type() == at::kDouble));
  const Tensor y = net.forward(images().to(at::kFloat));
  DOCTEST_CHECK((y.scalar_type() == at::kFloat));
  DOCTEST_CHECK(max_error(y.to(at::kDouble), evaluated(original, images())) < 1e-5);
}

/// Writes an attribute's tensor into the graph, as torch.jit.freeze does.
void constant_instead_of(const torch::jit::Module& module, const std::string& name) {
  const std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph();
  for (torch::jit::Node* node : graph->nodes()) {
    if (node->kind() != c10::prim::GetAttr || node->s(c10::attr::name) != name) continue;
    const torch::jit::WithInsertPoint here(node);
    node->output()->replaceAllUsesWith(graph->insertConstant(module.attr(name)));
  }
}

DOCTEST_TEST_CASE("Tied weights stay tied, and constants change type, too") {
  torch::jit::Module made = module("Tied");
  const Tensor tied = testing::nets::random({3, 3}, 1);
  made.register_parameter("first", tied, false);
  made.register_parameter("second", tied, false);
  made.register_buffer("offset", testing::nets::random({3}, 2));
  made.define(
      "def forward(self, x):\n  return torch.matmul(torch.matmul(x, self.first), self.second) + "
      "self.offset\n");
  constant_instead_of(made, "offset");
  const Network net(made, {.dtype = at::kFloat});
  const Tensor x = testing::nets::random({2, 3}, 3);
  DOCTEST_CHECK(max_error(net.forward(x.to(at::kFloat)).to(at::kDouble), Network(made).forward(x)) < 1e-5);
  DOCTEST_CHECK(net.tensor("first").is_same(net.tensor("second")));
}

DOCTEST_TEST_CASE("An input of another type or device than the weights is explained") {
  const Network net(residual());
  DOCTEST_CHECK(holds(message_of([&] { (void)net.forward(images().to(at::kFloat)); }),
                      "failed on an input of type Float on cpu: its weights are Double on cpu; convert it"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)net.forward(images().to(at::kMeta)); }), "on meta: its weights are"));
  DOCTEST_CHECK(holds(message_of([&] { (void)net.tensor("block.nothing"); }),
                      "no parameter or buffer 'block.nothing'"));
}

DOCTEST_TEST_CASE("What cannot be a model is refused, saying why") {
  const auto refused = [](const torch::jit::Module& made) { return message_of([&] { Network net(made); }); };
  DOCTEST_CHECK(holds(refused(module("Empty")), "has no forward"));
  torch::jit::Module none = module("None");
  none.define("def forward(self):\n  return torch.ones([1])\n");
  DOCTEST_CHECK(holds(refused(none), "takes no input"));
  torch::jit::Module list = module("List");
  list.define("def forward(self, images: List[Tensor]):\n  return images[0]\n");
  DOCTEST_CHECK(holds(refused(list), "takes 'images', a List[Tensor]"));
  DOCTEST_CHECK(holds(refused(module("Noisy", "  return torch.dropout(x, 0.5, True)\n")),
                      "traced or frozen in training"));
  const torch::jit::Module forks = module("Forks", "  return torch.relu(x)\n");
  const auto graph = forks.get_method("forward").graph();
  graph->prependNode(graph->create(c10::prim::fork));
  DOCTEST_CHECK(holds(refused(forks), "torch.jit.fork"));
  DOCTEST_CHECK(refused(module("Quiet", "  return torch.dropout(x, 0.0, True)\n")).empty());
}

DOCTEST_TEST_CASE("Branches, loops and functions keep their taps") {
  torch::jit::Module made = module("Loop");
  made.register_module("relu", module("ReLU", "  return torch.relu(x)\n"));
  made.define(
      "def forward(self, x):\n"
      "  for i in range(3):\n"
      "    if i != 1:\n"
      "      x = self.relu.forward(x) - 0.5\n"
      "    else:\n"
      "      x = x * 3.0\n"
      "  return x\n");
  const Network net(made);
  Recorder seen;
  const trace::Listening listening(seen);
  const Tensor x = testing::nets::random({2, 5}, 1);
  DOCTEST_CHECK(max_error(net.forward(x), at::relu((at::relu(x) - 0.5) * 3.0) - 0.5) < 1e-15);
  DOCTEST_CHECK(seen.names == std::vector<std::string>{"> relu", "< relu", "> relu", "< relu"});
  DOCTEST_CHECK(net.layers().front().calls == 1);
}

}  // namespace
}  // namespace lumen
