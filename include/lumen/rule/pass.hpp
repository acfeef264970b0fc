// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/rule/composite.hpp>
#include <lumen/rule/detail/decided.hpp>
#include <lumen/rule/node.hpp>
#include <lumen/rule/parts.hpp>
#include <lumen/rule/statistics.hpp>
#include <lumen/target/asked.hpp>
#include <lumen/trace/cut.hpp>
#include <lumen/trace/layer_listener.hpp>
#include <lumen/trace/unheard.hpp>

namespace lumen::rule {

/// Runs models and targets so that their backward pass follows a composite. The operators covered by a rule run on
/// detached tensors and get a node of their own in this pass's graph; the model's parameters take no part in it,
/// and nothing of the model is changed. One for each method call and thread.
class Pass final : public trace::Listener {
 public:
  explicit Pass(Composite composite) : composite_(std::move(composite)) {
    for (const auto& [layer, rule] : composite_.layers) {
      require(layer.by != trace::Layer::By::Tap && !layer.input && layer.nth >= 0, [&] {
        return text(composite_.method, ": a rule cannot be put at ", layer.what(),
                    "; name an operator by layer::of, or by layer::nth counted from the start");
      });
      matches_.emplace_back(layer);
    }
  }

  /// `model` with the rules in force. Each run of it begins a new pass.
  [[nodiscard]] lumen::engine::Function bind(const lumen::engine::Function& model) {
    return [this, model](const Tensors& x) {
      restart();
      for (const Tensor& part : x) {
        if (part.grad_fn()) remember(part.grad_fn(), nullptr);
      }
      const trace::Listening listening(*this);
      Tensor output = model(x);
      require_heard(output);
      return output;
    };
  }

  /// The targets with the rules in force, asked of outputs of a bound model.
  [[nodiscard]] Targets bind(const Targets& targets) {
    Targets bound;
    for (const AnyTarget& each : targets) {
      bound.push_back(target::asked(each, [this](const AnyTarget& target, const Tensor& output) {
        last_ = nullptr;  // each target has a backward pass of its own
        const trace::Listening listening(*this);
        return target(output);
      }));
    }
    return bound;
  }

  /// The operators on the path of the last pass, in order.
  [[nodiscard]] const std::vector<std::shared_ptr<Record>>& records() const { return records_; }

  /// How many operators were seen so far in this pass, on the path or not.
  [[nodiscard]] Order order() const { return order_; }

  [[nodiscard]] bool innermost() const override { return true; }

  /// Whether the operator of this number was heard part by part.
  [[nodiscard]] bool took_apart(std::int64_t order) const { return taken_apart_.contains(order); }

  void on_call(trace::Call& call) override {
    const std::string kind = trace::kind_of(call.op, call.arguments);
    const bool part = !part_of_.empty();
    const std::int64_t order = order_.next(part), nth = (part ? parts_ : counter_).next(kind);
    const std::vector<c10::IValue>& given = call.arguments;
    std::int64_t at_layer = -1;
    for (std::size_t i = 0; i < matches_.size() && !part; ++i) {
      if (matches_[i](kind, given)) at_layer = static_cast<std::int64_t>(i);
    }
    if (!at::GradMode::is_enabled()) {
      decided_.run(call);
      return;
    }
    auto record = std::make_shared<Record>(
        Record{.op = call.op, .kind = kind, .order = order, .nth = nth, .part_of = part_of_});
    freeze_parameters(call, *record);
    if (record->paths() == 0) {
      decided_.run(call);
      return;
    }
    refuse_inference_kernel(call.op, record->where());
    if (is_weighted(*record)) ++record->weights;
    record->arguments = call.arguments;
    trace::replace_tensors(record->arguments, [](const Tensor& t, std::size_t) { return t.detach(); });
    record->inputs = trace::tensors_in(record->arguments);
    std::optional<Backward> rule = rule_for(*record, at_layer);
    if (!rule && separable(call.op, kind)) {
      taken_apart_.insert(order);
      const std::string outer = std::exchange(part_of_, part ? part_of_ : record->where());
      if (!part) parts_ = {};
      take_apart(call, kind, *this);
      part_of_ = outer;
      return;
    }
    if (rule) record->rule = *rule;
    if (rule && *rule && composite_.around) {
      rule = [around = composite_.around, chosen = *rule](const Record& at, const Tensors& gradients) {
        return around(at, gradients, chosen);
      };
    }
    if (rule && *rule && composite_.prepare) {
      rule = [this, chosen = *rule](const Record& at, const Tensors& gradients) {
        prepare();
        return chosen(at, gradients);
      };
    }
    if (rule && *rule) {
      run_with(call, record, *rule);
    } else {
      record->arguments.clear();
      record->inputs.clear();
      decided_.run(call);
      for (const Tensor& result : trace::tensors_in(call.results)) {
        if (!result.grad_fn()) continue;
        if (result.is_complex() && complex_from_.empty()) complex_from_ = record->where();
        remember(result.grad_fn(), record);
        if (!rule) refuse(result, *record);
      }
    }
    records_.push_back(std::move(record));
  }

 private:
  void restart() {
    order_ = {};
    part_of_.clear();
    taken_apart_.clear();
    decided_ = {};
    complex_from_.clear();
    last_ = nullptr;
    counter_ = {};
    records_.clear();
    prepared_ = 0;
    known_.clear();
    kept_.clear();
    for (trace::LayerMatch& match : matches_) match.restart();
  }

  /// Of the operators that came since the last time.
  void prepare() {
    if (prepared_ == records_.size()) return;
    composite_.prepare({records_.begin() + static_cast<std::ptrdiff_t>(prepared_), records_.end()});
    prepared_ = records_.size();
  }

  void remember(const lumen::engine::NodePtr& node, std::shared_ptr<Record> record) {
    if (known_.insert_or_assign(node.get(), std::move(record)).second) kept_.push_back(node);
  }

  void require_heard(const Tensor& value) const {
    trace::require_heard(value, [&](const torch::autograd::Node* node) { return known_.count(node) != 0; });
  }

  /// Takes parameters out of the graph, and notes what is on the path and where it came from.
  void freeze_parameters(trace::Call& call, Record& record) {
    std::int64_t before = -1;
    trace::replace_tensors(call.arguments, [&](const Tensor& value, std::size_t) {
      const bool requires_grad = value.requires_grad();
      const bool on_path = requires_grad && !value.is_leaf();
      record.on_path.push_back(on_path);
      record.producers.push_back(nullptr);
      record.decided.push_back(!on_path && decided_.contains(value));
      if (!on_path) return requires_grad ? value.detach() : value;
      const auto found = known_.find(value.grad_fn().get());
      if (found == known_.end()) {  // a view made anew, or a value put in by a layer: not the model's input
        require_heard(value);
        before = std::max<std::int64_t>(before, 1);
      } else if (found->second) {
        before = std::max(before, found->second->weights);
        ++found->second->consumers;
        record.producers.back() = found->second;
      }
      return value;
    });
    record.weights = std::max<std::int64_t>(before, 0);
  }

  /// Throws as soon as anything flows back to `result`.
  void refuse(const Tensor& result, const Record& record) const {
    const std::string numbers =
        complex_from_.empty() ? "" : text("; complex numbers began at ", complex_from_);
    const std::string message =
        text(composite_.method, " has no rule for ", record.where(),
             ", which is on the path from the input to the score; give its composite a rule for '",
             record.kind, "', or declare it passed through", numbers);
    engine::on_gradient(result, [message](const at::TensorBase&) { throw Error(message); });
  }

  /// The rule for this operator, null for its own gradient; no value if nothing covers it.
  std::optional<Backward> rule_for(const Record& record, std::int64_t at_layer) {
    if (at_layer >= 0) return composite_.layers[static_cast<std::size_t>(at_layer)].second;
    std::optional<Backward> rule = rule_by_kind(record);
    // no rule is written for complex numbers; an operator's own gradient is
    if (rule && *rule && has_complex(record.inputs)) return std::nullopt;
    return rule;
  }

  std::optional<Backward> rule_by_kind(const Record& record) {
    if (is_random(record)) return refusal_of_random(composite_.method);
    const bool weighted = is_weighted(record);
    if (weighted && composite_.first && record.weights == 1) return *composite_.first;
    std::optional<Backward> found;
    const auto kind = composite_.kinds.find(record.kind);
    if (kind != composite_.kinds.end()) {
      found = kind->second;
    } else if (composite_.otherwise) {
      found = composite_.otherwise(record);
    }
    if (!found || !weighted || !composite_.last) return found;
    // which one is last is known when the backward pass begins there
    return [this, rule = *found, last = *composite_.last](const Record& at, const Tensors& gradients) {
      if (last_ == nullptr) last_ = &at;
      const Backward& chosen = last_ == &at ? last : rule;
      return chosen ? chosen(at, gradients) : plain_backward(at, gradients);
    };
  }

  void run_with(trace::Call& call, const std::shared_ptr<Record>& record, const Backward& rule) {
    const Tensor self = trace::in_place(call.op) ? call.arguments.front().toTensor() : Tensor();
    torch::autograd::edge_list edges;
    trace::replace_tensors(call.arguments, [&](const Tensor& value, std::size_t i) {
      if (record->on_path[i]) edges.push_back(torch::autograd::impl::gradient_edge(value));
      return record->on_path[i] ? value.detach() : value;
    });
    if (self.defined()) {
      trace::replace_tensors(record->arguments, [&](const Tensor& value, std::size_t) {
        return value.is_alias_of(self) ? value.clone() : value;
      });
      record->inputs = trace::tensors_in(record->arguments);
    }
    {
      const at::NoGradGuard no_grad;
      call.proceed();
    }
    const auto node = lumen::engine::make_node<detail::RuleNode>(record, rule);
    node->set_next_edges(std::move(edges));
    require(!has_complex(trace::tensors_in(call.results)), [&] {
      return text(composite_.method, " has no rule for ", record->where(),
                  ", which makes complex numbers of values on the path from the input to the score");
    });
    trace::replace_tensors(call.results, [&](const Tensor& value, std::size_t i) {
      if (!at::isFloatingType(value.scalar_type())) {
        decided_.add(value);
        return value;
      }
      record->outputs.push_back(value.detach());
      if (self.defined() && i == 0) {
        record->outputs.back() = record->outputs.back().clone();
        torch::autograd::impl::rebase_history(self, {node, node->add_input_metadata(self)});
        remember(self.grad_fn(), record);
        return self;
      }
      Tensor result = value;
      torch::autograd::set_history(result, node);
      return result;
    });
    record->note_versions();
    remember(node, record);
  }

  Composite composite_;
  std::vector<trace::LayerMatch> matches_;
  trace::Counter counter_;
  trace::Counter parts_;
  Order order_;
  std::string part_of_;
  std::string complex_from_;  ///< the first operator of the pass that makes complex numbers
  std::set<std::int64_t> taken_apart_;
  detail::Decided decided_;
  const Record* last_ = nullptr;
  std::vector<std::shared_ptr<Record>> records_;
  std::size_t prepared_ = 0;  ///< how many of them `Composite::prepare` has seen
  std::unordered_map<const torch::autograd::Node*, std::shared_ptr<Record>> known_;
  std::vector<lumen::engine::NodePtr> kept_;
};

}  // namespace lumen::rule
