// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/detail/affine.hpp>
#include <lumen/attribution/cam/layout.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/op/channel_map.hpp>
#include <lumen/op/roles.hpp>
#include <lumen/trace/program.hpp>

namespace lumen {

namespace detail {

/// The head that CAM explains, as it ran: features -> global mean -> linear layer -> output.
struct PooledHead {
  Tensor output;    ///< [N, C], or [N, C, 1, 1]
  Tensor features;  ///< [N, K, h, w], or other cells
  Tensor weight;    ///< [C, K]
  Tensor bias;      ///< [C], undefined if there is none
};

/// Walks back from the output. @throws Error if the program does not end in such a head
inline PooledHead pooled_head(const trace::Program& program, const Layout& layout) {
  const auto refuse = [](const std::string& why) {
    throw Error("Cam explains models that end in a global average pooling and one linear layer; " + why +
                "; use GradCam, which needs no such head");
  };
  const auto maker = [&](trace::ValueId value) -> const trace::Step& {
    const std::int64_t step = value < 0 ? -1 : program.producer(value);
    if (step < 0) refuse("the walk back from the output ended before a pooling");
    return program.steps()[static_cast<std::size_t>(step)];
  };
  // past operators that only reshape
  const auto shaped = [&](trace::ValueId value) -> const trace::Step& {
    const trace::Step* step = &maker(value);
    while (step->kind == "flatten" || step->kind == "view" || step->kind == "reshape" ||
           step->kind == "squeeze" || step->kind == "dropout" || step->kind == "feature_dropout" ||
           step->kind == "contiguous") {
      step = &maker(step->operands.front().value);
    }
    return *step;
  };
  const auto tensor = [&](const trace::Step& step, std::size_t operand) {
    const trace::Operand& given = step.operands[operand];
    return given.is_constant() ? given.constant : program.value(given.value);
  };

  PooledHead head;
  head.output = program.value(program.output());
  const trace::Step& linear = shaped(program.output());
  const bool product = linear.kind == "addmm" && linear.argument("beta").toScalar().toDouble() == 1.0 &&
                       linear.argument("alpha").toScalar().toDouble() == 1.0;
  if (!product && linear.kind != "linear" && linear.kind != "conv1d" && linear.kind != "conv2d" &&
      linear.kind != "conv3d") {
    refuse("the output comes from " + linear.where());
  }
  const Tensor weight = tensor(linear, op::weight(linear).value());
  head.weight = product ? weight.t() : weight.flatten(1);
  if (const auto bias = op::bias(linear)) head.bias = tensor(linear, *bias);
  const trace::Step& pool = shaped(linear.operands[op::data(linear).value()].value);
  if (pool.kind.find("avg_pool") == std::string::npos && pool.kind != "mean") {
    refuse("the linear layer's input comes from " + pool.where());
  }
  const Tensor pooled_from = tensor(pool, 0);
  if (layout.given()) (void)layout.positions(pooled_from);
  head.features = layout(pooled_from);
  const Tensor mean = program.value(pool.results.front());
  const bool global = head.features.dim() >= 3 && head.weight.size(1) == head.features.size(1) &&
                      mean.numel() == head.features.size(0) * head.features.size(1) &&
                      // an average that pads or repeats cells is not their mean
                      at::allclose(mean.flatten(), head.features.flatten(2).mean(2).flatten(), 1e-3, 1e-5);
  if (!global)
    refuse(text(pool.where(), " does not average ", head.features.sizes(), " over all cells",
                layout.given() ? "" : " of [N, C, ...] (if its channels are elsewhere, give a layout)"));
  return head;
}

}  // namespace detail

/// Class activation mapping: Zhou, Khosla, Lapedriza, Oliva and Torralba, CVPR 2016, arXiv:1512.04150, equation 2.
///
///     map = sum over k of w_k f_k / (h w)
///
/// f are the features that the model pools by their mean, [N, K, h, w], and w the weights of the linear layer for the
/// score, both taken from the operators that ran. The paper pools by a sum; a mean's 1 / (h w) is part of its w.
/// Completeness: the map sums to the score less the linear layer's bias; the error is returned. Equals GradCam and
/// HiResCam of the same features. Cost: one forward pass.
struct Cam {
  Layout layout{};  ///< where the channels and cells of what is pooled are: layout::ChannelsLast, any functor
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};

  /// @param model   ends in a global average pooling, at most dropout, and one linear layer or 1x1 convolution
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  a weighted sum of the outputs for each sample (Class, Margin, ...), or `Targets` for several
  /// @return the map [N, 1, h, w], or [N, 1, H, W] upsampled, in the score's units; `score`; `completeness_error` of
  ///         the signed map at its own resolution
  /// @throws Error  bad input; another kind of model; a target that is not a weighted sum
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      const Tensors parts = parts_of(x);
      std::vector<detail::PooledHead> heads;
      const engine::Function checked = [&](const Tensors& rows) { return engine::run_model(function, rows); };
      const engine::Function watched = [&](const Tensors& rows) {
        const auto program =
            trace::Program::record(checked, rows,
                                   {.run = {.memory = std::numeric_limits<std::int64_t>::max()},
                                    .any_batch = false,
                                    .verify = false});
        if (program.output() < 0) (void)checked(rows);  // what LibTorch throws passes through
        require(program.output() >= 0, [&] { return text("Cam: ", program.why_not()); });
        heads.push_back(detail::pooled_head(program, layout));
        return heads.back().output;
      };
      const engine::Start start = engine::start(watched, parts, targets, run);
      Tensors features, outputs;
      for (const detail::PooledHead& head : heads) {
        features.push_back(head.features);
        outputs.push_back(head.output);
      }
      const Tensor all = at::cat(features), output = at::cat(outputs), weight = heads.front().weight;
      Tensor bias = at::zeros_like(output);
      if (heads.front().bias.defined()) bias += op::on_channels(heads.front().bias, output);
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const detail::Affine at = detail::affine_at(start.targets[t], output);
        require(
            at.affine,
            "Cam needs a score that is a weighted sum of the outputs, such as target::Class or Margin; use "
            "GradCam for others");
        const Tensor weights =
            at::mm(at.derivative.flatten(1), weight) / static_cast<double>(all[0][0].numel());
        std::vector<std::int64_t> shape(static_cast<std::size_t>(all.dim()), 1);
        shape[0] = all.size(0);
        shape[1] = all.size(1);
        const Tensor map = (weights.reshape(shape) * all).sum(1, true);
        const Tensor offset = start.targets[t](bias);
        results.push_back({.map = detail::finished(map, positive_part, upsample, parts),
                           .score = start.scores[t],
                           .completeness_error = map.flatten(1).sum(1) - (start.scores[t] - offset),
                           .forward_passes = 1,
                           .backward_passes = 0});
      }
      return results;
    });
  }
};

}  // namespace lumen
