// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/op/detail/confined_moves.hpp>
#include <lumen/op/detail/confined_resize.hpp>
#include <lumen/op/detail/confined_straight.hpp>

namespace lumen::op {

namespace detail {

inline std::optional<Confined> confined_pad(const trace::Step& step) {
  const c10::IValue value = step.argument("value");
  return confined_gather(step, 0, value.isScalar() ? value.toScalar().toDouble() : 0.0);
}

/// How operators with this geometry are computed on boxes; null for the others.
inline std::optional<Confined> confined_by_entry(Entry entry, const trace::Step& step, std::size_t result) {
  if (entry == split) return confined_gather(step, result, 0.0);
  if (entry == unbind) return confined_reorder(step, result);
  if (result != 0) return std::nullopt;
  if (entry == pointwise || entry == where) return confined_pointwise(step);
  if (entry == pool) return confined_pool(step);
  if (entry == channelwise || entry == batch_norm || entry == instance_norm)
    return confined_channelwise(step);
  if (entry == product || entry == linear) return confined_product(step);
  if (entry == reduction || entry == over_rows || entry == cumulative || entry == layer_norm ||
      entry == group_norm || entry == glu) {
    return confined_rowwise(step);
  }
  if (entry == pad) return confined_pad(step);
  if (entry == narrow || entry == flip || entry == roll || entry == repeat || entry == repeat_interleave ||
      entry == index_select || entry == channel_shuffle || entry == copied) {
    return confined_gather(step, 0, 0.0);
  }
  if (entry == upsample) {
    return bare_name(step).find("nearest") != std::string_view::npos ? confined_gather(step, 0, 0.0)
                                                                     : confined_resize(step);
  }
  if (entry == adaptive_pool && bare_name(step).find("avg") != std::string_view::npos)
    return confined_resize(step);
  if (entry == reshaped || entry == permute || entry == transpose || entry == movedim || entry == select) {
    return confined_reorder(step, 0);
  }
  if (entry == cat) return confined_cat(step);
  if (entry == pixel_shuffle) return confined_pixel_shuffle(step);
  if (entry == pixel_unshuffle) return confined_pixel_unshuffle(step);
  return std::nullopt;
}

}  // namespace detail

/// How a result of a step is computed on boxes; none where it takes the whole operands. Exact but for the rounding
/// of sums, at borders too. `step` must outlive it.
[[nodiscard]] inline std::optional<Confined> confined(const trace::Step& step, std::size_t result = 0) {
  if (step.operands.empty() || result >= step.result_sizes.size() || !is_local(step, result))
    return std::nullopt;
  std::optional<Confined> found;
  if (is_convolution(step)) {
    if (result == 0) found = detail::confined_convolution(step);
  } else if (const detail::Entry entry = detail::entry_of(step)) {
    found = detail::confined_by_entry(entry, step, result);
  }
  if (!found) return std::nullopt;
  found->value = [&step, result, whole = found->whole, run = std::move(found->value)](Tensors crops,
                                                                                      const Boxes& boxes) {
    const at::NoGradGuard no_grad;
    const std::vector<std::int64_t>& sizes = step.result_sizes[result];
    bool fits = boxes.dims() + 1 == sizes.size() && crops.size() == step.operands.size();
    for (std::size_t d = 0; fits && d < boxes.dims(); ++d) {
      if (whole[d]) fits = boxes.extent[d] == sizes[d + 1];
      for (const Places& origin : boxes.origins) {
        fits = fits && origin[d] >= 0 && origin[d] + boxes.extent[d] <= sizes[d + 1];
      }
    }
    require(fits, [&] {
      return text("op::confined: boxes of extent ", at::IntArrayRef(boxes.extent), " with ", crops.size(),
                  " crops, for the ", step.operands.size(), " operands and the result ",
                  at::IntArrayRef(sizes), " of ", step.where(),
                  "; boxes lie within the result and hold all of the dimensions that `whole` names");
    });
    return run(std::move(crops), boxes);
  };
  return found;
}

/// A result of a step on a box, from what the box reads of the operands alone.
/// @param operands  one for each of the step's, of any batch; those of constants are not looked at
/// @param box       within the result
/// @return [N, box]: what `cut` would cut out of the whole result; of its operator where the step cannot be confined
[[nodiscard]] inline Tensor value_on(const trace::Step& step, Tensors operands, const Box& box,
                                     std::size_t result = 0) {
  const std::optional<Confined> on = confined(step, result);
  std::size_t rows = 1;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (step.operands[i].is_constant()) {
      operands[i] = on ? Tensor() : step.operands[i].constant;
    } else {
      rows = static_cast<std::size_t>(operands[i].size(0));
    }
  }
  const Boxes wanted = Boxes::same(box, rows);
  if (!on) return cut(trace::apply(step, std::move(operands))[result], wanted);
  Boxes boxes = wanted;
  for (std::size_t d = 0; d < boxes.dims(); ++d) {
    if (on->whole[d]) detail::widen(boxes, d, step.result_sizes[result][d + 1]);
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].defined()) continue;
    const Footprint read = on->footprint(i, boxes);
    operands[i] = cut(operands[i], read.boxes, read.outside);
  }
  const Tensor value = on->value(std::move(operands), boxes);
  Boxes within = wanted;
  for (std::size_t b = 0; b < rows; ++b) {
    for (std::size_t d = 0; d < within.dims(); ++d) within.origins[b][d] -= boxes.origins[b][d];
  }
  return cut(value, within);
}

}  // namespace lumen::op
