// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/op/channel_map.hpp>
#include <lumen/op/kinds.hpp>
#include <lumen/op/roles.hpp>
#include <lumen/perturb/detail/node.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::perturb::detail {

/// The first steps of a model, where they are an affine map h of its one input: of coalitions of regions that do not
/// overlap,
///
///     h(x' + p (x - x')) = h(x') + sum over regions g of p_g (h(x' with g present) - h(x')),
///
/// so that one pass of these steps for each region, and one without any, stand for all that follow.
class AffineHead {
 public:
  struct Limits {
    std::int64_t regions = 1, samples = 1;
    std::int64_t bytes = 0;  ///< that the regions' responses of all samples may take
    bool cheaper = true;     ///< whether such a sum must cost well below what it replaces
  };

  /// @return nothing where the model is no program, its first steps are not affine, or beyond the limits
  [[nodiscard]] static std::optional<AffineHead> of(const engine::Function& model, const Tensor& x,
                                                    const Limits& limits) {
    std::optional<trace::Program> program;
    try {
      program = trace::Program::record(model, {x}, {.run = {.memory = 1}});
    } catch (const std::exception&) {
      return std::nullopt;  // whatever it is, a plain pass tells it better
    }
    if (!program->exact() || !program->any_batch() || program->output() < 0) return std::nullopt;
    trace::ValueId value = program->inputs().front();
    double work = 0;        // products and results of a row
    bool weighted = false;  // whether there is more than moving and scaling
    while (const trace::Step* const step = affine_after(*program, value)) {
      if (step->results.front() == program->output()) break;
      value = step->results.front();
      work += unit_of(*step, 0) * count(*program, value);
      weighted = weighted || op::kinds::weighted.contains(step->kind);
    }
    if (!weighted || batch_dim(*program, value) != 0) return std::nullopt;
    const double sum = static_cast<double>(limits.regions) * count(*program, value);
    const double bytes = sum * static_cast<double>(c10::elementSize(program->dtype(value))) *
                         static_cast<double>(limits.samples);
    if ((limits.cheaper && 2 * sum > work) || bytes > static_cast<double>(limits.bytes)) return std::nullopt;
    trace::Program behind = program->cut({value});
    return AffineHead(std::move(behind), std::move(*program), value);
  }

  /// h of rows of inputs, [k, values].
  [[nodiscard]] Tensor operator()(const Tensor& rows) const {
    const at::NoGradGuard no_grad;
    return whole_.run({{whole_.inputs().front(), rows}}, {value_}).front().reshape({rows.size(0), -1});
  }
  /// The model's output for rows of h.
  [[nodiscard]] Tensor output(const Tensor& values) const {
    const at::NoGradGuard no_grad;
    return behind_.run({{value_, values.reshape(behind_.sizes(value_, values.size(0)))}});
  }

 private:
  AffineHead(trace::Program behind, trace::Program whole, trace::ValueId value)
      : behind_(std::move(behind)), whole_(std::move(whole)), value_(value) {}

  static double count(const trace::Program& program, trace::ValueId value) {
    double all = 1.0;
    for (const std::int64_t each : program.sizes(value, 1)) all *= static_cast<double>(each);
    return all;
  }

  /// The one step that takes the value, where it is affine in it and nothing else of the input comes in.
  static const trace::Step* affine_after(const trace::Program& program, trace::ValueId value) {
    static const op::Kinds places =
        op::listed("_reshape_alias _unsafe_view alias clone contiguous flatten reshape view") |
        op::kinds::dropouts;  // a replay is exact only where these do nothing
    if (program.uses(value).size() != 1) return nullptr;
    const trace::Use use = program.uses(value).front();
    const trace::Step& step = program.steps()[use.step];
    if (!step.live || step.results.size() != 1 || step.results.front() < 0) return nullptr;
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      if (i != use.operand && !step.operands[i].is_constant()) return nullptr;
    }
    const std::string& name = step.op.schema().name();
    const bool fused = name.find("relu") != std::string::npos || name.find("activation") != std::string::npos;
    const bool sums = op::kinds::weighted.contains(step.kind) && step.kind != "einsum" && !fused &&
                      op::data(step) == use.operand && op::weight(step);
    return sums || places.contains(step.kind) || op::channel_map(step) ? &step : nullptr;
  }

  trace::Program behind_, whole_;
  trace::ValueId value_;
};

/// What each region's presence does to h, for one sample.
class Responses {
 public:
  /// @param input  present bool [k, regions] -> the sample's inputs with these regions present
  template <class Inputs>
  Responses(const AffineHead& head, std::int64_t regions, const Inputs& input) {
    base_ = head(input(at::zeros({1, regions}, at::kBool)));
    each_ = at::empty({regions, base_.size(1)}, base_.options());
    const Tensor one = at::eye(regions, at::kDouble).to(at::kBool);
    constexpr std::int64_t chunk = 16;
    for (std::int64_t first = 0; first < regions; first += chunk) {
      const std::int64_t count = std::min(chunk, regions - first);
      each_.narrow(0, first, count).copy_(head(input(one.narrow(0, first, count))) - base_);
    }
  }

  /// h of coalitions, [k, regions] -> [k, values].
  [[nodiscard]] Tensor of(const Tensor& present) const {
    return at::addmm(base_, present.to(base_.device(), base_.scalar_type()), each_);
  }
  /// Whether that is h of one of them but for rounding: no operator tells what it does with values out of the ordinary.
  [[nodiscard]] static bool hold(const Tensor& sum, const Tensor& whole) {
    const double tolerance = sum.scalar_type() == at::kDouble ? 1e-10 : 1e-4;
    return ((sum - whole).abs().max() <= whole.abs().max() * tolerance).item<bool>();
  }

 private:
  Tensor base_, each_;
};

}  // namespace lumen::perturb::detail
