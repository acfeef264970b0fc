// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <lumen/rule/deep_lift/rescale.hpp>

namespace lumen::rule::detail {

/// Pools by how many dimensions a window has; 0 if it is none.
inline std::int64_t pooled_dims(const std::string& kind) {
  const bool pool = kind.starts_with("max_pool") || kind.starts_with("adaptive_max_pool") ||
                    kind.starts_with("fractional_max_pool");
  const std::size_t digit = kind.find_first_of("123");
  return pool && digit != std::string::npos ? kind[digit] - '0' : 0;
}

/// Where in its plane each window's largest value stands; the first of several as large.
inline Tensor pool_positions(const Record& record, std::int64_t dims) {
  const auto list = [&](const char* name) { return record.argument(name).toIntVector(); };
  const Tensor& x = record.inputs.front();
  if (record.kind.starts_with("adaptive")) {
    const auto size = list("output_size");
    if (dims == 1) return std::get<1>(at::adaptive_max_pool1d(x, size));
    return std::get<1>(dims == 2 ? at::adaptive_max_pool2d(x, size) : at::adaptive_max_pool3d(x, size));
  }
  if (record.kind.starts_with("fractional")) {
    const Tensor samples = record.tensor("random_samples");
    const auto window = list("kernel_size"), size = list("output_size");
    return std::get<1>(dims == 2 ? at::fractional_max_pool2d(x, window, size, samples)
                                 : at::fractional_max_pool3d(x, window, size, samples));
  }
  const auto kernel = list("kernel_size"), stride = list("stride"), padding = list("padding"),
             dilation = list("dilation");
  const bool ceil = record.argument("ceil_mode").toBool();
  if (dims == 1) return std::get<1>(at::max_pool1d_with_indices(x, kernel, stride, padding, dilation, ceil));
  return std::get<1>(dims == 2 ? at::max_pool2d_with_indices(x, kernel, stride, padding, dilation, ceil)
                               : at::max_pool3d_with_indices(x, kernel, stride, padding, dilation, ceil));
}

/// Shares out changes of values that are among the elements of a row [..., elements] exactly: `chosen` of them, which
/// must have moved as far and in the same direction, get it all. Multipliers are in [0, 1], and no division fails.
inline Tensor share_chosen(const Tensor& at, const Tensor& origin, const Tensor& change, const Tensor& chosen,
                           double epsilon, const Tensor& flow) {
  const Tensor step = at.gather(-1, chosen) - origin.gather(-1, chosen);
  const Tensor share = at::where(step.abs() >= epsilon, change / step, at::ones_like(step));
  return at::zeros_like(at).scatter_add_(-1, chosen, share * flow);
}

/// The extreme of each window, in a form in which windows are entries [..., windows] and what they choose from
/// [..., elements].
struct Windows {
  Tensor at, origin;                      ///< what is chosen from, in both passes
  Tensor at_positions, origin_positions;  ///< which is chosen
};

/// Of the larger of y and y' (for a maximum), the element that attains it gets all of Dy; there |Dx| >= |Dy|.
/// @param sign  1 for maxima, -1 for minima
inline Tensor share_windows(const Windows& windows, double sign, double epsilon, const Tensor& flow) {
  const Tensor y = windows.at.gather(-1, windows.at_positions),
               y0 = windows.origin.gather(-1, windows.origin_positions);
  const Tensor change = y - y0;
  const Tensor chosen = at::where(change * sign >= 0, windows.at_positions, windows.origin_positions);
  return share_chosen(windows.at, windows.origin, change, chosen, epsilon, flow);
}

inline Tensors pool_maxima(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const std::int64_t dims = pooled_dims(record.kind);
  const auto flat = [dims](const Tensor& t) { return t.flatten(-dims); };
  const Tensor shared =
      share_windows({flat(record.inputs.front()), flat(origin.inputs.front()),
                     flat(pool_positions(record, dims)), flat(pool_positions(origin, dims))},
                    1.0, passes.epsilon, flat(gradients.front()));
  return only(record, 0, shared.reshape(record.inputs.front().sizes()));
}

inline bool is_minimum(const std::string& kind) { return kind.find("min") != std::string::npos; }

/// The dimensions that a reduction is over, from 0; all if it names none.
inline std::vector<std::int64_t> reduced_dims(const Record& record) {
  const std::int64_t rank = record.inputs.front().dim();
  std::vector<std::int64_t> dims;
  const c10::IValue dim = record.argument("dim");
  if (dim.isInt()) dims = {dim.toInt()};
  if (dim.isIntList()) dims = dim.toIntVector();
  if (dims.empty()) {
    dims.resize(static_cast<std::size_t>(rank));
    std::iota(dims.begin(), dims.end(), std::int64_t{0});
  }
  for (std::int64_t& each : dims) each = each < 0 ? each + rank : each;
  std::sort(dims.begin(), dims.end());
  return dims;
}

/// amax, amin, and max and min over a dimension or over all.
inline Tensors reduced_extrema(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const double sign = is_minimum(record.kind) ? -1.0 : 1.0;
  const std::vector<std::int64_t> dims = reduced_dims(record);
  const Tensor& x = record.inputs.front();
  std::vector<std::int64_t> order, shape;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (!std::binary_search(dims.begin(), dims.end(), d)) order.push_back(d);
  }
  order.insert(order.end(), dims.begin(), dims.end());
  const auto kept = x.dim() - static_cast<std::int64_t>(dims.size());
  const auto rows = [&](const Tensor& t) {
    const Tensor moved = t.permute(order);
    shape = moved.sizes().vec();
    return kept == 0 ? moved.reshape({1, -1}) : moved.flatten(kept).flatten(0, kept - 1);
  };
  const Tensor at = rows(x), before = rows(origin.inputs.front());
  const Tensor shared =
      share_windows({at, before, (at * sign).argmax(-1, true), (before * sign).argmax(-1, true)}, sign,
                    passes.epsilon, gradients.front().reshape({-1, 1}));
  std::vector<std::int64_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  return only(record, 0, shared.reshape(shape).permute(back));
}

/// cummax, cummin: each entry is the extreme of those up to it.
inline Tensors running_extrema(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const bool least = is_minimum(record.kind);
  const Tensor& x = record.inputs.front();
  if (x.dim() == 0) return only(record, 0, gradients.front());
  const std::int64_t dim = record.argument("dim").toInt();
  const auto positions = [&](const Tensor& t) {
    return std::get<1>(least ? at::cummin(t, dim) : at::cummax(t, dim)).movedim(dim, -1);
  };
  const auto rows = [&](const Tensor& t) { return t.movedim(dim, -1); };
  const Tensor &here = x, &there = origin.inputs.front();
  const Tensor shared = share_windows({rows(here), rows(there), positions(here), positions(there)},
                                      least ? -1.0 : 1.0, passes.epsilon, rows(gradients.front()));
  return only(record, 0, shared.movedim(-1, dim));
}

/// The larger or the smaller of two values on the path.
inline Tensors binary_extrema(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const double sign = is_minimum(record.kind) ? -1.0 : 1.0;
  const auto pair = [](const Record& from) { return at::stack(at::broadcast_tensors(from.inputs), -1); };
  const Tensor at = pair(record), before = pair(origin);
  const Tensor shared =
      share_windows({at, before, (at * sign).argmax(-1, true), (before * sign).argmax(-1, true)}, sign,
                    passes.epsilon, gradients.front().unsqueeze(-1));
  Tensors result;
  for (std::int64_t i = 0; i < 2; ++i) {
    result.push_back(shared.select(-1, i).sum_to_size(record.inputs[static_cast<std::size_t>(i)].sizes()));
  }
  return result;
}

/// What is known for maxima and minima.
inline DeepLiftChoice maxima_choice(const Record& record) {
  if (pooled_dims(record.kind) > 0) return pool_maxima;
  if (record.kind == "cummax" || record.kind == "cummin") return running_extrema;
  if (record.kind == "amax" || record.kind == "amin") return reduced_extrema;
  if (!kinds::extrema.contains(record.kind)) return std::nullopt;
  return record.inputs.size() == 2 ? DeepLiftChoice(binary_extrema) : DeepLiftChoice(reduced_extrema);
}

}  // namespace lumen::rule::detail
