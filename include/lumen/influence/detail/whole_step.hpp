// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/tensor.hpp>
#include <lumen/trace/apply.hpp>

namespace lumen::influence::detail {

/// An operator whose gradients are taken whole, by its own backward pass: run once on what was recorded, its graph kept.
class WholeStep {
 public:
  /// @param which    the operands to differentiate with respect to
  /// @param results  the results that gradients come from
  WholeStep(const trace::Step& step, Tensors operands, const std::vector<std::size_t>& which,
            const std::vector<std::size_t>& results) {
    const at::AutoGradMode enable(true);
    for (const std::size_t i : which) {
      leaves_.push_back(operands[i].detach().clone().requires_grad_(true));
      operands[i] = leaves_.back();
      from_.push_back(step.operands[i].value);
    }
    const Tensors made = trace::apply(step, std::move(operands));
    for (const std::size_t r : results) {
      results_.push_back(made[r]);
      to_.push_back(step.results[r]);
    }
  }

  [[nodiscard]] const std::vector<trace::ValueId>& from() const { return from_; }
  [[nodiscard]] const std::vector<trace::ValueId>& to() const { return to_; }

  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t total = 0;
    for (const Tensors* held : {&leaves_, &results_}) {
      for (const Tensor& each : *held) total += each.numel() * static_cast<std::int64_t>(each.element_size());
    }
    return total;
  }

  /// From gradients of the results, [B, sizes...] or undefined, those of the operands, likewise.
  [[nodiscard]] Tensors pull(const Tensors& gradients) const {
    std::int64_t count = 0;
    for (const Tensor& gradient : gradients) count = gradient.defined() ? gradient.size(0) : count;
    std::vector<Tensors> rows(leaves_.size());
    for (std::int64_t b = 0; b < count; ++b) {
      Tensors outputs, given;
      for (std::size_t r = 0; r < results_.size(); ++r) {
        if (!gradients[r].defined() || !results_[r].requires_grad()) continue;
        outputs.push_back(results_[r]);
        given.push_back(gradients[r][b]);
      }
      Tensors found(leaves_.size());
      if (!outputs.empty()) {
        found = torch::autograd::grad(outputs, leaves_, given, /*retain_graph=*/true, /*create_graph=*/false,
                                      /*allow_unused=*/true);
      }
      for (std::size_t i = 0; i < leaves_.size(); ++i)
        rows[i].push_back(found[i].defined() ? found[i] : at::zeros_like(leaves_[i]));
    }
    Tensors result;
    for (const Tensors& each : rows) result.push_back(at::stack(each));
    return result;
  }

 private:
  Tensors leaves_, results_;
  std::vector<trace::ValueId> from_, to_;
};

}  // namespace lumen::influence::detail
