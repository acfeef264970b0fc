// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/op/roles.hpp>

namespace lumen::op {

/// An affine map of each channel: scale * x + shift, both [C].
struct ChannelMap {
  Tensor scale{}, shift{};
};

/// `values` [C], one a channel, shaped to broadcast over `like` [N, C, ...].
[[nodiscard]] inline Tensor on_channels(const Tensor& values, const Tensor& like) {
  require(like.dim() > 1 && values.numel() == like.size(1), [&] {
    return text("op::on_channels: ", values.sizes(), " is not one value for each channel of ", like.sizes());
  });
  std::vector<std::int64_t> shape(static_cast<std::size_t>(like.dim()), 1);
  shape[1] = values.numel();
  return values.reshape(shape);
}

/// Normalisation by fixed statistics, (x - mean) / sqrt(variance + epsilon) * weight + bias, as such a map.
/// @param weight, bias  undefined for none
[[nodiscard]] inline ChannelMap channel_map(const Tensor& mean, const Tensor& variance, const Tensor& weight,
                                            const Tensor& bias, double epsilon) {
  Tensor scale = at::rsqrt(variance + epsilon);
  if (weight.defined()) scale = scale * weight;
  Tensor shift = -mean * scale;
  if (bias.defined()) shift = shift + bias;
  return {scale, shift};
}

namespace detail {

/// The constant that an argument holds; undefined if there is none, nullopt if it is a value of the program.
inline std::optional<Tensor> constant_at(const trace::Step& step, std::int64_t argument) {
  const std::optional<std::size_t> operand = operand_of(step, argument);
  if (!operand) return Tensor();
  if (!step.operands[*operand].is_constant()) return std::nullopt;
  return step.operands[*operand].constant;
}

/// A constant as one value for each of so many channels of a result of this rank; undefined if it is not that.
inline Tensor one_a_channel(const Tensor& constant, std::int64_t channels, std::int64_t rank) {
  const std::int64_t dim = 1 - rank + constant.dim();  // where its channels are, if it has any
  for (std::int64_t d = 0; d < constant.dim(); ++d) {
    if (d != dim && constant.size(d) != 1) return {};
  }
  if (constant.dim() > rank || (dim >= 0 && constant.size(dim) != channels && constant.size(dim) != 1))
    return {};
  return constant.reshape({-1}).expand({channels});
}

/// Sums, differences, products and quotients with one constant.
inline std::optional<ChannelMap> arithmetic_map(const trace::Step& step, std::size_t value) {
  const std::string_view name = bare_name(step.op.schema());
  const bool adds = name == "add" || name == "sub" || name == "subtract" || name == "rsub";
  const bool scales =
      name == "mul" || name == "multiply" || name == "div" || name == "divide" || name == "true_divide";
  const c10::IValue mode = step.argument("rounding_mode");
  if (!adds && (!scales || !mode.isNone())) return std::nullopt;
  const std::vector<std::int64_t>& sizes = step.operands[value].sizes;
  if (sizes.size() < 2 || sizes != step.result_sizes.front() ||
      !at::isFloatingType(step.operands[value].dtype)) {
    return std::nullopt;
  }
  const auto options = at::TensorOptions(step.operands[value].dtype);
  Tensor constant;
  if (step.operands.size() == 2) {
    constant =
        one_a_channel(step.operands[1 - value].constant, sizes[1], static_cast<std::int64_t>(sizes.size()));
    if (!constant.defined()) return std::nullopt;
    constant = constant.to(step.operands[value].dtype);
  } else if (step.argument("other").isScalar()) {
    constant = at::full({sizes[1]}, step.argument("other").toScalar(), options);
  } else {
    return std::nullopt;
  }
  const Tensor one = at::ones_like(constant), none = at::zeros_like(constant);
  if (scales) {
    if (name.starts_with("mul")) return ChannelMap{constant, none};
    if (value != 0) return std::nullopt;
    return ChannelMap{constant.reciprocal(), none};
  }
  const c10::IValue given = step.argument("alpha");
  const double alpha = given.isScalar() ? given.toScalar().toDouble() : 1.0;
  const double second = name == "add" ? alpha : name == "rsub" ? 1.0 : -alpha;  // of the second operand
  const double first = name == "rsub" ? -alpha : 1.0;
  const bool leads = value == 0;
  return ChannelMap{one * (leads ? first : second), constant * (leads ? second : first)};
}

}  // namespace detail

/// Whether a normalisation that may have running statistics goes by those of the batch, so that its rows are not apart.
[[nodiscard]] inline bool normalises_by_batch(const trace::Step& step) {
  for (const char* each : {"training", "train", "use_input_stats"}) {
    if (step.argument(each).isBool() && step.argument(each).toBool()) return true;
  }
  return detail::bare_name(step.op.schema()).find("with_update") != std::string_view::npos ||
         !operand_of(step, roles(step).running_mean) || !operand_of(step, roles(step).running_var);
}

/// A step as an affine map of each channel of its one value: normalisation by fixed statistics, and sums and products with
/// a constant or with one for each channel. None for everything else, statistics of the batch included.
/// result = scale * value + shift, exact but for rounding.
[[nodiscard]] inline std::optional<ChannelMap> channel_map(const trace::Step& step) {
  std::optional<std::size_t> value;
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    if (step.operands[i].is_constant()) continue;
    if (value) return std::nullopt;
    value = i;
  }
  if (!value || step.result_sizes.empty()) return std::nullopt;
  const Roles of = roles(step);
  if (of.running_mean < 0) return detail::arithmetic_map(step, *value);
  if (normalises_by_batch(step)) return std::nullopt;
  const auto mean = detail::constant_at(step, of.running_mean),
             variance = detail::constant_at(step, of.running_var);
  const auto weight = detail::constant_at(step, of.weight), bias = detail::constant_at(step, of.bias);
  const c10::IValue epsilon =
      of.epsilon < 0 ? c10::IValue() : step.arguments[static_cast<std::size_t>(of.epsilon)];
  if (!mean || !mean->defined() || !variance || !variance->defined() || !weight || !bias ||
      !epsilon.isDouble()) {
    return std::nullopt;
  }
  return channel_map(*mean, *variance, *weight, *bias, epsilon.toDouble());
}

}  // namespace lumen::op
