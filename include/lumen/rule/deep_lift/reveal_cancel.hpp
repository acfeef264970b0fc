// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>

#include <lumen/rule/deep_lift/rescale.hpp>
#include <lumen/rule/statistics.hpp>
#include <lumen/trace/layer_match.hpp>

namespace lumen::rule {

namespace detail {

/// A weighted operator with constant weights as z = W d + b: which of its inputs is the data, which the weights.
struct WeightedSum {
  const Record& record;
  std::size_t data, weights;

  explicit WeightedSum(const Record& of) : record(of), data(of.data()), weights(0) {
    const std::size_t first = trace::data_position(of.kind);
    weights = data == first ? first + 1 : first;
  }

  /// The inputs with other data and weights, and no bias.
  [[nodiscard]] Tensors inputs(const Tensor& other_data, const Tensor& other_weights) const {
    Tensors all = record.inputs;
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = i == data ? other_data : i == weights ? other_weights : at::zeros_like(all[i]);
    }
    return all;
  }
  [[nodiscard]] Tensor forward(const Tensor& other_data, const Tensor& other_weights) const {
    return record.rerun(inputs(other_data, other_weights)).front();
  }
  [[nodiscard]] Tensor backward(const Tensor& other_weights, const Tensor& flow) const {
    return record.pull_back(inputs(record.inputs[data], other_weights), data, {flow});
  }
};

/// Whether an operator is a weighted sum of one value on the path that can be split by sign.
inline bool is_splittable(const Record& record) {
  if (!kinds::weighted.contains(record.kind)) return false;
  if (record.paths() != 1) return false;
  const bool biased = trace::data_position(record.kind) == 1;
  if (record.kind == "einsum") return record.inputs.size() == 2;
  return biased ? !record.on_path.front() : record.data() < 2;
}

/// Batch normalisation by fixed statistics as a factor for each channel, shaped to multiply its input.
inline Tensor channel_factor(const Record& record) {
  return op::on_channels(channel_map(record, "DeepLift").scale, record.inputs.front());
}

}  // namespace detail

/// DeepLIFT's RevealCancel rule: Shrikumar, Greenside and Kundaje, ICML 2017, arXiv:1704.02685, sections 3.5.1, 3.5.3.
///
/// The positive and the negative part of what a weighted sum passes on, Dz = Dz+ + Dz-, have multipliers of their own
/// through the nonlinearity f that follows:
///
///     Df+ = (f(z' + Dz+) - f(z') + f(z) - f(z' + Dz-)) / 2,   m+ = Df+ / Dz+;   Df-, m- alike
///
/// and the sum gives input i its weight times m+ where it pushed up, m- where it pushed down, their mean where it did
/// not move. The positive part is known where a nonlinearity follows a convolution or a matrix product with constant
/// weights, also through batch normalisation, dropout and added constants; elsewhere (after a residual sum, a pool)
/// this is Rescale. Complete like it. Cost: about four times the weighted operators of Rescale.
struct RevealCancel {
  DeepLiftChoice operator()(const Record& record) const {
    if (detail::is_elementwise(record)) return nonlinearity;
    if (detail::is_splittable(record)) return weighted_sum;
    if (kinds::norms_fixed.contains(record.kind) && record.data() == 0) return scaling;
    return std::nullopt;
  }

 private:
  /// The weighted sum that a nonlinearity follows, and by what its output was multiplied on the way.
  struct Source {
    const Record* sum = nullptr;
    Tensor factor{};
  };

  static Source source_of(const Record& record) {
    Source found;
    const Record* at = &record;
    for (;;) {
      at = at->producers.at(at->data()).get();
      if (at == nullptr || detail::is_splittable(*at)) break;
      const bool one = at->paths() == 1;
      const bool shifts = at->kind == "add" || (at->kind == "sub" && at->on_path.front());
      if (kinds::norms_fixed.contains(at->kind)) {
        const Tensor factor = detail::channel_factor(*at);
        found.factor = found.factor.defined() ? found.factor * factor : factor;
      } else if (!(one && (shifts || kinds::dropouts.contains(at->kind)))) {
        return {};
      }
    }
    found.sum = at;
    return found;
  }

  static Tensors nonlinearity(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
    const std::size_t data = record.data();
    const Tensor secant = detail::secant(passes, record);
    const Tensor flow = detail::flowing(secant, gradients.front());
    const Source source = source_of(record);
    if (source.sum == nullptr) return only(record, data, flow);
    const auto parts = signed_parts(passes, *source.sum);
    const Tensor &z = record.inputs[data], &z0 = passes.origin(record).inputs[data];
    std::array<Tensor, 2> moves = parts;
    if (source.factor.defined()) {
      for (std::size_t i = 0; i < 2; ++i) {
        moves[i] = at::where(source.factor >= 0, parts[i], parts[1 - i]) * source.factor;
      }
    }
    if (moves.front().sizes() != z.sizes())
      return only(record, data, flow);  // an added constant broadcast it
    const auto f = [&](const Tensor& at) {
      Tensors inputs = record.inputs;
      inputs[data] = at;
      return record.rerun(inputs).front();
    };
    const Tensor base = f(z0), whole = f(z), up = f(z0 + moves[0]), down = f(z0 + moves[1]);
    const auto multiplier = [&](const Tensor& change, const Tensor& move) {
      return at::where(move.abs() >= passes.epsilon, change * 0.5 / move, secant);
    };
    std::array<Tensor, 2> multipliers{multiplier(up - base + whole - down, moves[0]),
                                      multiplier(down - base + whole - up, moves[1])};
    // what the weighted sum is told: by how much its parts differ from what flows back to it anyway
    std::array<Tensor, 2> differ;
    for (std::size_t i = 0; i < 2; ++i)
      differ[i] = detail::flowing(multipliers[i] - secant, gradients.front());
    if (source.factor.defined()) {
      const auto swapped = differ;
      for (std::size_t i = 0; i < 2; ++i) {
        differ[i] = at::where(source.factor >= 0, swapped[i], swapped[1 - i]) * source.factor;
      }
    }
    auto& told = passes.splits[source.sum->order];
    told.first = told.first.defined() ? told.first + differ[0] : differ[0];
    told.second = told.second.defined() ? told.second + differ[1] : differ[1];
    return only(record, data, flow);
  }

  /// What the inputs push the sum up by, and down by.
  static std::array<Tensor, 2> signed_parts(DeepLiftPasses& passes, const Record& record) {
    const detail::WeightedSum sum(record);
    const Tensor step = record.inputs[sum.data] - passes.origin(record).inputs[sum.data];
    const Tensor& weights = record.inputs[sum.weights];
    const Tensor more = step.clamp_min(0), less = step.clamp_max(0), positive = weights.clamp_min(0),
                 negative = weights.clamp_max(0);
    return {sum.forward(more, positive) + sum.forward(less, negative),
            sum.forward(more, negative) + sum.forward(less, positive)};
  }

  static Tensors weighted_sum(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
    const auto told = passes.splits.extract(record.order);
    if (told.empty()) return plain_backward(record, gradients);
    const detail::WeightedSum sum(record);
    const Tensor& weights = record.inputs[sum.weights];
    const Tensor positive = weights.clamp_min(0), negative = weights.clamp_max(0);
    const Tensor up = gradients.front() + told.mapped().first,
                 down = gradients.front() + told.mapped().second;
    const Tensor step = record.inputs[sum.data] - passes.origin(record).inputs[sum.data];
    const Tensor more = sum.backward(positive, up) + sum.backward(negative, down),
                 less = sum.backward(positive, down) + sum.backward(negative, up);
    const Tensor still = (more + less).mul_(0.5);
    return only(record, sum.data, at::where(step > 0, more, at::where(step < 0, less, still)));
  }

  static Tensors scaling(DeepLiftPasses&, const Record& record, const Tensors& gradients) {
    return only(record, 0, gradients.front() * detail::channel_factor(record));
  }
};

}  // namespace lumen::rule
