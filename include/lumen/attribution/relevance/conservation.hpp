// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/rule/lrp/absorbed.hpp>
#include <lumen/rule/pass.hpp>

namespace lumen {

/// Where the relevance of a score went, summed over the batch, in units of the score.
struct Conservation {
  /// An operator with a rule: received = passed + absorbed.bias + absorbed.stabiliser + lost.
  struct Operator {
    std::string where{};    ///< "conv2d 3 (aten::conv2d, operator 17)"
    double received = 0.0;  ///< at its output
    double passed = 0.0;    ///< to its inputs
    rule::lrp::Absorbed absorbed{};
    double lost =
        0.0;  ///< to nobody: of outputs that are 0, or have no part of the sign that the rule looks at
  };

  double score = 0.0;    ///< F(x)
  double started = 0.0;  ///< relevance of the model's output: F(x) for targets that are linear in it
  double arrived = 0.0;  ///< relevance of the input: the sum of the map
  std::vector<Operator> operators{};  ///< in the order in which relevance came to them
  double elsewhere = 0.0;             ///< lost by operators without a rule: borders that a padding added

  /// Of all operators.
  [[nodiscard]] rule::lrp::Absorbed absorbed() const {
    rule::lrp::Absorbed total;
    for (const Operator& one : operators) {
      total.bias += one.absorbed.bias;
      total.stabiliser += one.absorbed.stabiliser;
    }
    return total;
  }
  [[nodiscard]] double lost() const {
    double total = elsewhere;
    for (const Operator& one : operators) total += one.lost;
    return total;
  }
};

namespace detail {

/// `model` under `pass`, such that a target's gradient g at its output o becomes the relevance o g there, and what
/// differentiation then gives at the input is relevance.
/// @param started  where the relevance of the output is added up; null if nobody asks
inline engine::Function relevance_function(rule::Pass& pass, const engine::Function& model,
                                           double* started = nullptr) {
  return [bound = pass.bind(model), started](const Tensors& x) {
    const Tensor output = bound(x).clone();
    if (output.requires_grad()) {
      output.register_hook([value = output.detach(), started](const Tensor& gradient) {
        Tensor relevance = gradient * value;
        if (started != nullptr) *started += relevance.sum().item<double>();
        return relevance;
      });
    }
    return output;
  };
}

/// One pass of the whole batch under `composite`, with its books kept.
inline Conservation conservation(rule::Composite composite, const engine::Function& model, const Tensors& x,
                                 const Targets& targets) {
  engine::check_input(x);
  Conservation report;
  const auto total = [](const Tensors& values) {
    double sum = 0.0;
    for (const Tensor& value : values) sum += value.defined() ? value.sum().item<double>() : 0.0;
    return sum;
  };
  composite.around = [&report, total](const rule::Record& record, const Tensors& relevance,
                                      const rule::Backward& rule) {
    Conservation::Operator seen{.where = record.where(), .received = total(relevance)};
    Tensors given;
    {
      const rule::lrp::detail::Noting noting(seen.absorbed);
      given = rule(record, relevance);
    }
    seen.passed = total(given);
    seen.lost = seen.received - seen.passed - seen.absorbed.bias - seen.absorbed.stabiliser;
    report.operators.push_back(std::move(seen));
    return given;
  };
  rule::Pass pass(std::move(composite));
  const engine::Derivatives result =
      engine::differentiate(relevance_function(pass, model, &report.started), x, targets, true);
  engine::check_scores(result.scores.front());
  report.score = result.scores.front().sum().item<double>();
  report.arrived = total(result.gradients.front());
  report.elsewhere = report.started - report.arrived;
  for (const Conservation::Operator& one : report.operators) report.elsewhere -= one.received - one.passed;
  return report;
}

}  // namespace detail

}  // namespace lumen
