// SPDX-License-Identifier: BSD-3-Clause
// What holds for every method and every way to run it: the model is untouched, also after an exception at any operator;
// memory, threads and company change nothing; several questions are answered as each alone.
#include "support/catalogue.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include <ATen/Parallel.h>

#include <lumen/trace/observe.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace catalogue = lumen::catalogue;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::each_way;
using lumen::testing::Way;

namespace {

struct Net {
  nets::Residual net;
  [[nodiscard]] lumen::engine::Function function() const {
    return [this](const Tensors& x) { return net(x[0]); };
  }
};

const lumen::trace::Layer last = layer::nth("relu", -1);
const lumen::AnyTarget neuron = target::Element{{1, 2, 2}};
Tensor images(std::int64_t n, std::uint64_t seed) { return nets::random({n, 2, 6, 6}, seed).abs() + 0.1; }

bool same(const Tensor& a, const Tensor& b, double tolerance) {
  return a.defined() == b.defined() && (!a.defined() || all_close(a, b, tolerance));
}
bool same(const Tensors& a, const Tensors& b, double tolerance) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i], tolerance)) return false;
  return true;
}
void check_same(const catalogue::Map& a, const catalogue::Map& b, double tolerance = 1e-9) {
  DOCTEST_CHECK(same(a.map, b.map, tolerance));
  DOCTEST_CHECK(same(a.score, b.score, tolerance));
  DOCTEST_CHECK(same(a.completeness_error, b.completeness_error, tolerance));
}

/// Everything of the model and of this thread that a method could leave changed.
class Untouched {
 public:
  explicit Untouched(const Net& net) : tensors_(net.net.parameters()) {
    for (const Tensor& tensor : tensors_)
      values_.push_back(tensor.clone()), versions_.push_back(tensor._version());
  }
  void check() const {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      DOCTEST_CHECK(at::equal(tensors_[i], values_[i]));
      DOCTEST_CHECK(tensors_[i]._version() == versions_[i]);
      DOCTEST_CHECK_FALSE(tensors_[i].requires_grad());
      DOCTEST_CHECK_FALSE(tensors_[i].grad().defined());
    }
    DOCTEST_CHECK(at::GradMode::is_enabled());
    DOCTEST_CHECK_FALSE(c10::InferenceMode::is_enabled());
  }

 private:
  Tensors tensors_, values_;
  std::vector<std::int64_t> versions_;
};

/// Throws behind the operator that brings the count to zero.
class Breaks final : public lumen::trace::Listener {
 public:
  explicit Breaks(std::size_t& left) : left_(left) {}
  void on_call(lumen::trace::Call& call) override {
    call.proceed();
    if (left_ > 0 && --left_ == 0) throw std::runtime_error("stopped here");
  }

 private:
  std::size_t& left_;
};

}  // namespace

DOCTEST_TEST_CASE("several questions in one call are answered as each alone") {
  const Net net;
  const auto model = net.function();
  const Tensors x{images(2, 1)};
  const lumen::Targets questions{target::Class{0}, target::Classes{at::tensor({1, 0}, at::kLong)}};
  const lumen::Targets of_layer{neuron, target::Element{{0, 1, 1}}};
  each_way(last, neuron, [&](const Way& way) {
    DOCTEST_CAPTURE(way.name);
    const lumen::Targets asked = way.inner ? lumen::Targets{*way.choices.neuron} : questions;
    const auto together = way.explainer()(model, x, asked, {});
    DOCTEST_REQUIRE(together.size() == asked.size());
    for (std::size_t t = 0; t < asked.size(); ++t) {
      DOCTEST_CHECK(at::isfinite(together[t].map.front()).all().item<bool>());
      check_same(together[t], way.explainer()(model, x, {asked[t]}, {}).front());
    }
  });
}

DOCTEST_TEST_CASE("memory, company and threads change nothing") {
  const Net net;
  const auto model = net.function();
  const Tensors x{images(3, 2)};
  const lumen::Targets question{target::Class{1}};
  each_way(last, neuron, [&](const Way& way) {
    DOCTEST_CAPTURE(way.name);
    const auto expected = way.explainer()(model, x, question, {}).front();
    check_same(way.explainer()(model, x, question, {.memory = 1}).front(), expected);
    const auto alone = way.explainer()(model, {x[0].narrow(0, 2, 1)}, question, {.samples = {2}}).front();
    DOCTEST_CHECK(same(alone.map.front(), expected.map.front().narrow(0, 2, 1), 1e-9));
    const int threads = at::get_num_threads();
    at::set_num_threads(threads == 1 ? 2 : 1);
    check_same(way.explainer()(model, x, question, {}).front(), expected);
    at::set_num_threads(threads);
  });
}

DOCTEST_TEST_CASE("the model is untouched after success, and after an exception at every operator") {
  const Net net;
  const Tensors x{images(1, 3)};
  const auto plain = net.function();
  const std::size_t operators = lumen::trace::observe([&] { return plain(x); }).size();
  DOCTEST_REQUIRE(operators >= 5);
  const Untouched before(net);
  each_way(last, neuron, [&](const Way& way) {
    if (way.name.starts_with("smooth of ")) return;  // the passes of its method
    DOCTEST_CAPTURE(way.name);
    const auto expected = way.explainer()(plain, x, {target::Class{1}}, {}).front();
    before.check();
    // the k-th operator that the model runs, counted through all passes, is the last that comes back
    for (std::size_t at = 1; at <= 2 * operators; at += at < operators ? 1 : 3) {
      std::size_t left = at;
      const lumen::engine::Function broken = [&](const Tensors& rows) {
        Breaks breaks(left);
        const lumen::trace::Listening listening(breaks);
        return plain(rows);
      };
      bool stopped = false;
      try {
        (void)way.explainer()(broken, x, {target::Class{1}}, {});
      } catch (const std::runtime_error& error) {
        stopped = std::string(error.what()).find("stopped here") != std::string::npos;
        DOCTEST_CHECK(stopped);
      }
      DOCTEST_CHECK((stopped || at > operators || way.choices.layer.has_value()));
      before.check();
    }
    check_same(way.explainer()(plain, x, {target::Class{1}}, {}).front(), expected);
  });
}

DOCTEST_TEST_CASE("bad input is refused by every method in every way") {
  const Net net;
  const auto model = net.function();
  const Tensor good = images(1, 4);
  const auto refused = [&](const Way& way, const Tensors& x, const lumen::AnyTarget& question) {
    DOCTEST_CHECK_THROWS_AS((void)way.explainer()(model, x, {question}, {}), lumen::Error);
  };
  each_way(last, neuron, [&](const Way& way) {
    DOCTEST_CAPTURE(way.name);
    const lumen::AnyTarget question = target::Class{1};
    refused(way, {Tensor()}, question);
    refused(way, {}, question);
    refused(way, {good, Tensor()}, question);
    refused(way, {Tensor(), good}, question);
    refused(way, {at::full_like(good, std::numeric_limits<double>::quiet_NaN())}, question);
    refused(way, {good.narrow(0, 0, 0)}, question);
    if (way.inner) return;  // whatever is asked of the output
    DOCTEST_CHECK_THROWS_AS((void)way.explainer()(model, {good}, {}, {}), lumen::Error);
    refused(way, {good}, target::Class{9});
  });
}

DOCTEST_TEST_CASE(
    "numbers out of an option's range, and what is no number, are refused by the methods themselves") {
  const Net net;
  const auto model = net.function();
  const Tensors x{images(1, 8)};
  std::int64_t tried = 0;
  for (const catalogue::Entry& entry : lumen::testing::methods()) {
    catalogue::Choices choices;
    if (entry.traits.layer == catalogue::LayerUse::Required) choices.layer = last;
    if (entry.both) choices.neuron = neuron;
    for (const catalogue::OptionInfo& option : entry.options) {
      if (option.range.empty()) continue;
      DOCTEST_CAPTURE(entry.name);
      DOCTEST_CAPTURE(option.name);
      std::vector<std::string> bad{"-1e300", "-9223372036854775808", "nan", "inf", "-inf"};
      if (const auto most = option.range.find("<= "); most != std::string::npos)
        bad.push_back(catalogue::written_number(catalogue::to_number(option.range.substr(most + 3)) + 0.5));
      for (const std::string& value : bad) {
        DOCTEST_CAPTURE(value);
        choices.settings = entry.traits.quick;
        choices.settings.emplace_back(option.name, value);
        DOCTEST_CHECK_THROWS_AS((void)entry.prepare(choices)(model, x, {target::Class{1}}, {}), lumen::Error);
        ++tried;
      }
    }
  }
  DOCTEST_CHECK(tried > 100);
}

DOCTEST_TEST_CASE("where copies of a sample are stacked, samples that influence each other are refused") {
  const Net net;
  const lumen::engine::Function interacting = [&](const Tensors& x) {
    return net.net(x[0] - 0.5 * x[0].mean(0, true));
  };
  const Tensors one{images(1, 9)};
  std::int64_t refused = 0;
  each_way(last, neuron, [&](const Way& way) {
    DOCTEST_CAPTURE(way.name);
    const auto alone = way.explainer()(interacting, one, {target::Class{1}}, {.memory = 1}).front();
    try {
      const auto found = way.explainer()(interacting, one, {target::Class{1}}, {}).front();
      DOCTEST_CHECK(same(alone.map.front(), found.map.front(), 1e-9));
    } catch (const lumen::Error& error) {
      DOCTEST_CAPTURE(std::string(error.what()));
      DOCTEST_CHECK(std::string(error.what()).find("influence each other") != std::string::npos);
      ++refused;
    }
  });
  DOCTEST_CHECK(refused > 40);
}

DOCTEST_TEST_CASE("weights made under InferenceMode: the right map, or what to do") {
  const Net net;
  std::optional<Net> made;
  {
    const c10::InferenceMode inference;
    made.emplace();
  }
  DOCTEST_REQUIRE(made->net.parameters().front().is_inference());
  const auto model = net.function(), inferring = made->function();
  const Tensors x{images(2, 10)};
  std::int64_t refused = 0;
  each_way(last, neuron, [&](const Way& way) {
    DOCTEST_CAPTURE(way.name);
    const auto expected = way.explainer()(model, x, {target::Class{1}}, {}).front();
    try {
      check_same(way.explainer()(inferring, x, {target::Class{1}}, {}).front(), expected);
    } catch (const lumen::Error& error) {
      const std::string said = error.what();
      DOCTEST_CAPTURE(said);
      DOCTEST_CHECK(said.find("made under InferenceMode") != std::string::npos);
      DOCTEST_CHECK(said.find("clone()") != std::string::npos);
      ++refused;
    }
  });
  DOCTEST_CHECK(refused > 20);
}

DOCTEST_TEST_CASE("where completeness is promised, its error is that of the map and small with many steps") {
  const Net net;
  const auto model = net.function();
  const Tensors x{images(2, 5)};
  for (const catalogue::Entry& entry : lumen::testing::methods()) {
    if (!entry.traits.complete) continue;
    DOCTEST_CAPTURE(entry.name);
    catalogue::Settings many;
    for (const auto& [name, value] : entry.traits.quick)
      if (name == "steps") many.emplace_back(name, "400");
    if (entry.name == "expected-gradients" || entry.name == "gradient-shap")
      many.emplace_back("samples", "4000");
    const auto why = entry.prepare({.settings = many})(model, x, {target::Class{1}}, {}).front();
    DOCTEST_REQUIRE(why.completeness_error.defined());
    const double scale = why.map.front().abs().sum().item<double>();
    DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 0.05 * scale);
    if (entry.baseline == "zero" && entry.name != "gradient-shap") {
      const Tensor difference = net.net(x[0]).select(1, 1) - net.net(at::zeros_like(x[0])).select(1, 1);
      DOCTEST_CHECK(all_close(why.map.front().flatten(1).sum(1) - difference, why.completeness_error, 1e-9));
    }
  }
}

DOCTEST_TEST_CASE("what is drawn depends on the seed alone") {
  const Net net;
  const auto model = net.function();
  const Tensors x{images(1, 6)};
  for (const catalogue::Entry& entry : lumen::testing::methods()) {
    catalogue::Choices choices{.settings = entry.traits.quick, .seed = 1};
    if (entry.traits.layer == catalogue::LayerUse::Required)
      choices.layer = layer::nth("conv2d", 0);  // behind it gradients depend on the input
    if (entry.both) choices.neuron = neuron;
    for (const catalogue::OptionInfo& option : entry.options)  // so that no map is all zero
      if (option.name == "positive-part") choices.settings.emplace_back(option.name, "false");
    DOCTEST_CAPTURE(entry.name);
    const auto run = [&] {
      return entry.prepare(choices)(model, x, {target::Class{1}}, {}).front().map.front();
    };
    const Tensor first = run();
    DOCTEST_CHECK(at::equal(first, run()));
    choices.seed = 2;
    DOCTEST_CHECK(at::equal(first, run()) == !entry.drawn);
  }
}
