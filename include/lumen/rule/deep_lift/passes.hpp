// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/rule/pass.hpp>
#include <lumen/trace/ungraphed.hpp>

namespace lumen::rule {

class DeepLiftPasses;

/// A backward rule that sees both passes: from what flows back to `record.outputs` to what flows back to each of
/// `record.inputs`.
using DeepLiftBackward =
    std::function<Tensors(DeepLiftPasses& passes, const Record& record, const Tensors& gradients)>;

/// What is chosen for an operator: a rule; a null one where its own gradient is exact, because it is linear on the
/// path; nothing where no rule is known.
using DeepLiftChoice = std::optional<DeepLiftBackward>;

/// The two passes that DeepLIFT compares: of the input x, with a graph whose backward pass follows the chosen rules,
/// and of the baseline x', without one. Operators are matched by their place in the order of execution, so that it
/// does not matter where in a tensor the batch is.
///
/// What an operator on the path takes besides values on the path (weights, masks, indices) must be the same in both
/// passes. Where it is not, the pass of x' is given that of x, and it is an Error if this changes F(x').
///
/// One for each method call and thread; keep it until the backward pass is over.
class DeepLiftPasses final : public trace::Listener {
 public:
  using Chooser = std::function<DeepLiftChoice(const Record&)>;

  /// @param smallest  differences of magnitude below it count as none
  DeepLiftPasses(Chooser chooser, double smallest)
      : epsilon(smallest),
        pass_(Composite{.method = "DeepLift",
                        .otherwise = [this, choose = std::move(chooser)](const Record& record)
                            -> std::optional<Backward> { return wrapped(record, choose(record)); }}) {}

  /// Of parts (x_1 ... x_k, x'_1 ... x'_k): the model's output on x.
  [[nodiscard]] lumen::engine::Function bind(const lumen::engine::Function& model) {
    return [this, model](const Tensors& parts) {
      const auto middle = parts.begin() + static_cast<std::ptrdiff_t>(parts.size() / 2);
      origin_.clear();
      seen_.clear();
      splits.clear();
      origin_output_ = Tensor();
      held_.clear();
      origin_input_.clear();
      for (auto part = middle; part != parts.end(); ++part) origin_input_.push_back(part->detach());
      model_ = model;
      return pass_.bind(model)({parts.begin(), middle});
    };
  }

  /// The targets, to be asked of outputs of a bound model.
  /// @param whole  not of single rows, though a target could be
  [[nodiscard]] Targets bind(const Targets& targets, bool whole = false) {
    Targets bound;
    for (const AnyTarget& each : targets) {
      const auto put = [this](const AnyTarget& target, const Tensor& output) { return ask(target, output); };
      bound.push_back(target::asked(each, put, whole));
    }
    return bound;
  }

  /// The same operator in the pass of x'.
  /// @throws Error if that pass did not come to it
  const Record& origin(const Record& record) {
    const auto found = origin_.find(record.order);
    require(found != origin_.end(), [&] {
      return text("DeepLift: ", record.where(),
                  " ran for the input but not for its baseline; the model must run ",
                  "the same operators for both");
    });
    found->second.check_versions();
    return found->second;
  }

  /// F(x') of every question asked so far, in order; each has the rows of its pass.
  std::vector<Tensor> origin_scores{};

  /// Differences of magnitude below it count as none.
  const double epsilon;

  /// What rules tell each other, by the order of the operator that it is for: multipliers of the positive and of the
  /// negative part of its output, to be added to what flows back.
  std::map<std::int64_t, std::pair<Tensor, Tensor>> splits{};

  [[nodiscard]] bool innermost() const override { return true; }

  /// Sees the operators of the pass of x', which records no graph.
  void on_call(trace::Call& call) override {
    const std::int64_t order = order_.next(inside_);
    if (pass_.took_apart(order)) {
      const bool outer = std::exchange(inside_, true);
      take_apart(call, trace::kind_of(call.op, call.arguments), *this);
      inside_ = outer;
      return;
    }
    const auto found = seen_.find(order);
    if (found == seen_.end()) {
      ungraphed_.run(call);
      return;
    }
    const Seen& seen = found->second;
    require(call.op.schema().name() == seen.record.op.schema().name(), [&] {
      return text("DeepLift: the model ran ", call.op.schema().name(), " for the baseline where it ran ",
                  seen.record.where(), " for the input; it must run the same operators for both");
    });
    hold_constants(call, seen);
    if (seen.ruled) {
      run_and_keep(call, seen.record);
    } else {
      ungraphed_.run(call);
    }
  }

 private:
  struct Seen {
    Record record;  ///< without the values on the path
    bool ruled = false;
    Tensors constants{};  ///< the tensors that it took; undefined for those on the path
    std::vector<std::int64_t> versions{};
  };
  std::optional<Backward> wrapped(const Record& record, const DeepLiftChoice& choice) {
    if (!choice) return std::nullopt;
    Seen seen{.record = {.op = record.op,
                         .kind = record.kind,
                         .order = record.order,
                         .nth = record.nth,
                         .part_of = record.part_of,
                         .on_path = record.on_path},
              .ruled = static_cast<bool>(*choice)};
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
      seen.constants.push_back(record.on_path[i] ? Tensor() : record.inputs[i]);
      seen.versions.push_back(record.inputs[i]._version());
    }
    seen_.insert_or_assign(record.order, std::move(seen));
    if (!*choice) return Backward();
    return [this, rule = *choice](const Record& at, const Tensors& gradients) {
      return rule(*this, at, gradients);
    };
  }

  /// F(x), and F(x') beside it.
  Tensor ask(const AnyTarget& target, const Tensor& output) {
    const Order begin = pass_.order();
    Tensor scores;
    {
      const trace::Listening listening(pass_);
      scores = target(output);
    }
    if (!output.requires_grad()) return scores;  // asked for its shape only
    if (!origin_output_.defined()) {
      order_ = {};
      origin_output_ = listened(model_, copies(origin_input_)).detach();
      held_by_model_ = std::exchange(held_, {});
    }
    order_ = begin;
    const Tensor before = listened(target, origin_output_.clone()).detach();
    check_held(target, before, std::exchange(held_, {}));
    origin_scores.push_back(before);
    return scores;
  }

  template <class F, class Value>
  Tensor listened(const F& function, const Value& of) {
    inside_ = false;
    const trace::Listening listening(*this);
    return function(of);
  }

  /// For a pass of x': marked as if they needed gradients, because models may ask for that.
  Tensors copies(const Tensors& parts) {
    Tensors result;
    for (const Tensor& part : parts) result.push_back(part.clone());
    return ungraphed_.marked(result);
  }

  /// Gives the pass of x' what the pass of x took besides values on the path, where that differs.
  void hold_constants(trace::Call& call, const Seen& seen) {
    trace::replace_tensors(call.arguments, [&](const Tensor& value, std::size_t i) {
      const Tensor& other = seen.constants.at(i);
      if (!other.defined() || other._version() != seen.versions[i]) return value;
      const bool same_memory = other.is_alias_of(value) && other.data_ptr() == value.data_ptr() &&
                               other.sizes() == value.sizes() && other.strides() == value.strides();
      if (same_memory || (other.sizes() == value.sizes() && other.equal(value))) return value;
      if (held_.empty()) held_ = seen.record.where();
      return other;
    });
  }

  /// @throws Error if holding changed F(x')
  void check_held(const AnyTarget& target, const Tensor& scores, const std::string& held_by_target) {
    if (held_by_model_.empty() && held_by_target.empty()) return;
    const at::NoGradGuard no_grad;
    const Tensor output = held_by_model_.empty() ? origin_output_ : model_(copies(origin_input_));
    const Tensor truth = target(output);
    const double precision = scores.scalar_type() == at::kDouble ? 1e-8 : 1e-3;
    require(at::allclose(scores, truth, precision, precision), [&] {
      return text("DeepLift: ", held_by_model_.empty() ? held_by_target : held_by_model_,
                  " takes a value (a mask, an index, a factor) that depends on the input without being ",
                  "differentiable and differs between the input and its baseline; what it changes cannot be ",
                  "attributed. Write it with differentiable operators (at::relu instead of x * (x > 0))");
    });
  }

  void run_and_keep(trace::Call& call, const Record& like) {
    Record record = like;
    const bool writes = trace::in_place(call.op);
    const Tensor self = writes ? call.arguments.front().toTensor() : Tensor();
    record.arguments = call.arguments;
    trace::replace_tensors(record.arguments, [&](const Tensor& value, std::size_t) {
      return writes && value.is_alias_of(self) ? value.detach().clone() : value.detach();
    });
    record.inputs = trace::tensors_in(record.arguments);
    ungraphed_.run(call);
    for (const Tensor& result : trace::tensors_in(call.results)) {
      if (at::isFloatingType(result.scalar_type())) {
        record.outputs.push_back(writes ? result.detach().clone() : result.detach());
      }
    }
    record.note_versions();
    origin_.insert_or_assign(record.order, std::move(record));
  }

  Pass pass_;
  lumen::engine::Function model_;
  Tensors origin_input_;
  Tensor origin_output_;
  trace::Ungraphed ungraphed_;
  Order order_;
  bool inside_ = false;  ///< of an operator that is taken apart
  std::string held_, held_by_model_;
  std::map<std::int64_t, Seen> seen_;
  std::map<std::int64_t, Record> origin_;
};

}  // namespace lumen::rule
