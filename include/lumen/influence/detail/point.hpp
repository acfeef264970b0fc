// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <lumen/influence/detail/confined_rows.hpp>
#include <lumen/influence/detail/engine.hpp>

namespace lumen::influence::detail {

/// Rows of the Jacobian at one point, any of them at any time: confined, or by whole backward passes where the model
/// cannot be recorded.
class Point {
 public:
  Point(const engine::Function& model, const Tensor& x, const Outputs& outputs, const Targets& targets,
        const Run& run, Way way)
      : x_(x), run_(run) {
    if (way != Way::Whole) {
      Recorded recorded = record(model, x);
      why_ = recorded.why;
      if (why_.empty()) {
        question_ = ask(recorded.output, outputs, targets);
        network_.emplace(std::move(*recorded.network));
        rows_.emplace(*network_, question_, x_, run_);
        return;
      }
    }
    const at::AutoGradMode enable(true);
    graph_.emplace(Tensors{x.detach().clone()});
    output_ = engine::run_model(model, graph_->given);
    require(output_.requires_grad(), [&] {
      return text("influence: the output does not depend on the input through differentiable operations",
                  engine::cut_note(model, {x}));
    });
    question_ = ask(output_, outputs, targets);
  }
  Point(const Point&) = delete;
  Point& operator=(const Point&) = delete;

  [[nodiscard]] const Question& question() const { return question_; }
  [[nodiscard]] bool confined() const { return network_.has_value(); }
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] std::int64_t bytes() const { return network_ ? network_->bytes() : 0; }
  [[nodiscard]] std::int64_t chunk() const { return rows_ ? rows_->chunk() : 8; }
  [[nodiscard]] std::int64_t period() const { return rows_ ? rows_->cost().period : 1; }
  /// Elements of a row's window, about.
  [[nodiscard]] double elements() const {
    const auto channels = static_cast<double>(x_.size(1));
    if (rows_) return channels * rows_->cost().height * rows_->cost().width;
    return channels * static_cast<double>(x_.size(2) * x_.size(3));
  }

  [[nodiscard]] op::local::Patches rows(std::size_t target, const Tensor& which) const {
    if (rows_) return rows_->rows(target, which);
    const std::vector<std::int64_t> zeros(static_cast<std::size_t>(which.size(0)), 0);
    Tensors values;
    for (std::int64_t b = 0; b < which.size(0); ++b) {
      const auto i = which[b].item<std::int64_t>();
      const auto* place = question_.places.data_ptr<std::int64_t>() + 2 * i;
      Tensor seed = at::zeros_like(output_);
      seed.select(3, place[1]).select(2, place[0]).select(0, 0).copy_(question_.seeds[target][i]);
      const Tensor row =
          torch::autograd::grad({output_}, graph_->origins, {seed}, true, false, /*allow_unused=*/true)
              .front();
      values.push_back(row.defined() ? row : at::zeros_like(x_));
    }
    return {at::cat(values), zeros, zeros, true, true};
  }

 private:
  Tensor x_;
  Run run_;
  std::string why_;
  Question question_;
  std::optional<Network> network_;
  std::optional<ConfinedRows> rows_;
  std::optional<engine::Differentiable> graph_;
  Tensor output_;
};

}  // namespace lumen::influence::detail
