// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/tensor.hpp>
#include <lumen/op/kinds.hpp>
#include <lumen/op/local/channelwise.hpp>
#include <lumen/op/local/convolution.hpp>
#include <lumen/op/local/map.hpp>
#include <lumen/op/local/of_move.hpp>
#include <lumen/op/local/of_pool.hpp>
#include <lumen/op/local/scale.hpp>
#include <lumen/op/windows.hpp>
#include <lumen/trace/apply.hpp>

namespace lumen::op::local {

namespace detail {

/// Each element of the result from those at its place; a lone channel may meet many.
inline const Kinds each_by_itself = kinds::pointwise | kinds::norms_fixed;

/// Over the channels alone, if that is the dimension that they are told.
inline const Kinds channelwise = kinds::softmaxes | listed("amax amin cumsum glu mean sum");

inline std::optional<Plane> plane_of(at::IntArrayRef sizes) {
  if (sizes.size() != 4 || sizes[0] != 1) return std::nullopt;
  return Plane{sizes[1], sizes[2], sizes[3]};
}

inline LocalMapPtr scale_of(const trace::Step& step, std::size_t operand, Tensors operands, std::size_t which,
                            const Plane& from, const Plane& to) {
  if (from.height != to.height || from.width != to.width) return nullptr;
  if (from.channels != to.channels && from.channels != 1) return nullptr;
  const at::AutoGradMode enable(true);
  const Tensor leaf = operands[operand]
                          .detach()
                          .expand({1, to.channels, to.height, to.width})
                          .contiguous(operands[operand].suggest_memory_format())
                          .clone()
                          .requires_grad_(true);
  operands[operand] = leaf;
  const Tensor result = trace::apply(step, operands)[which];
  if (!result.requires_grad()) return LocalMapPtr(new ScaleMap(from, 0.0));
  return LocalMapPtr(new ScaleMap(from, to, torch::autograd::grad({result.sum()}, {leaf}).front()));
}

inline LocalMapPtr channelwise_of(const trace::Step& step, std::size_t operand, const Tensors& operands,
                                  const Plane& from, const Plane& to) {
  if (from.height != to.height || from.width != to.width || operands.size() != 1) return nullptr;
  const c10::IValue dim = step.argument("dim");
  const bool over_channels = (dim.isInt() && (dim.toInt() == 1 || dim.toInt() == -3)) ||
                             (dim.isIntList() && dim.toIntVector().size() == 1 &&
                              (dim.toIntVector()[0] == 1 || dim.toIntVector()[0] == -3));
  if (!over_channels) return nullptr;
  return LocalMapPtr(new ChannelwiseMap(from, to, operands[operand], [step](const Tensor& given) {
    return trace::apply(step, {given}).front();
  }));
}

inline LocalMapPtr convolution_of(const trace::Step& step, std::size_t operand, const Tensors& operands,
                                  const Plane& from, const Plane& to) {
  const std::optional<Windows> windows = convolution_windows(step);
  if (!windows || windows->dims() != 2 || op::data(step) != operand) return nullptr;
  const std::size_t weight = *op::weight(step);
  if (!step.operands[weight].is_constant() ||
      operands[weight].scalar_type() != operands[operand].scalar_type())
    return nullptr;
  const auto two = [](const std::vector<std::int64_t>& list) {
    return std::array<std::int64_t, 2>{list[0], list[1]};
  };
  const Sliding sliding{two(windows->kernel), two(windows->stride), two(windows->padding),
                        two(windows->dilation)};
  return LocalMapPtr(
      new ConvolutionMap(from, to, operands[weight], sliding, windows->groups, windows->transposed));
}

}  // namespace detail

/// The operator of a step, at the recorded values, as a map from one operand [1, C, H, W] to one of its results of such
/// a shape, if it reaches from windows to windows; none if it does not, or if nobody has told how.
/// @param operands  the values of all of the step's operands
/// @param which     of its results
[[nodiscard]] inline LocalMapPtr local_map(const trace::Step& step, std::size_t operand,
                                           const Tensors& operands, std::size_t which) {
  const auto from = detail::plane_of(operands[operand].sizes());
  const auto to = detail::plane_of(step.result_sizes[which]);
  if (!from || !to || !at::isFloatingType(operands[operand].scalar_type())) return nullptr;
  if (is_convolution(step)) return detail::convolution_of(step, operand, operands, *from, *to);
  if (detail::each_by_itself.contains(step.kind)) {
    return which == 0 ? detail::scale_of(step, operand, operands, which, *from, *to) : nullptr;
  }
  if (detail::channelwise.contains(step.kind)) {
    return detail::channelwise_of(step, operand, operands, *from, *to);
  }
  if (LocalMapPtr pool = detail::pool_of(step, operand, operands, which, *from, *to)) return pool;
  return detail::move_of(step, operand, operands, which, *from, *to);
}

}  // namespace lumen::op::local
