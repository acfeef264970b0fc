// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/rule/deep_lift/maxima.hpp>
#include <lumen/rule/deep_lift/rescale.hpp>

namespace lumen::rule {

/// The Rescale rule with two defects that Captum has up to 0.8: only for comparing numbers with it.
///
/// A softmax is rescaled element by element, less the mean of that over the whole batch, so that
/// samples influence each other. Where a nonlinearity or a max pool is directly fed by a nonlinearity, it keeps its
/// plain gradient. The completeness error tells what is lost.
struct CaptumRescale {
  static constexpr bool whole_batches = true;

  DeepLiftChoice operator()(const Record& record) const {
    if (record.kind == "softmax") return softmax;
    const bool elementwise = detail::is_elementwise(record);
    if (!elementwise && detail::pooled_dims(record.kind) == 0) return std::nullopt;
    const auto& producer = record.producers.at(record.data());
    if (producer && (producer->kind == "softmax" || detail::univariate.contains(producer->kind) ||
                     detail::pooled_dims(producer->kind) > 0)) {
      return DeepLiftBackward();
    }
    return elementwise ? Rescale{}(record) : std::nullopt;
  }

 private:
  static Tensors softmax(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
    const Record& origin = passes.origin(record);
    const Tensor step = record.inputs.front() - origin.inputs.front();
    const Tensor flow = gradients.front() * (record.outputs.front() - origin.outputs.front()) / step;
    const Tensor rescaled =
        at::where(step.abs() >= passes.epsilon, flow, record.pull_back(record.inputs, 0, gradients));
    return only(record, 0, rescaled - rescaled.mean());
  }
};

/// The Rescale rule with a defect that Captum's LayerDeepLift has at the input of a layer: the nonlinearity that the
/// explained values go into directly keeps its plain gradient. Only for comparing numbers with it.
struct CaptumRescaleAtInput {
  DeepLiftChoice operator()(const Record& record) const {
    if (detail::is_elementwise(record) && !record.producers.at(record.data())) return DeepLiftBackward();
    return Rescale{}(record);
  }
};

}  // namespace lumen::rule
