// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/op/confined.hpp>
#include <lumen/op/detail/sliding.hpp>

namespace lumen::op::detail {

inline std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

/// The windows that boxes read whose dimensions before the windows are `leading`, first places and number of places.
inline Boxes windows_of(const Boxes& boxes, const Windows& windows, std::size_t leading) {
  Boxes read = boxes;
  for (std::size_t d = 0; d < windows.dims(); ++d) {
    const std::int64_t reach = (windows.kernel[d] - 1) * windows.dilation[d];
    read.extent[leading + d] = (boxes.extent[leading + d] - 1) * windows.stride[d] + reach + 1;
    for (Places& origin : read.origins) {
      origin[leading + d] = origin[leading + d] * windows.stride[d] - windows.padding[d];
    }
  }
  return read;
}

/// A dimension's boxes made to hold all of `size`.
inline void widen(Boxes& boxes, std::size_t dim, std::int64_t size) {
  boxes.extent[dim] = size;
  for (Places& origin : boxes.origins) origin[dim] = 0;
}

inline std::optional<Tensor> constant_of(const trace::Step& step, std::optional<std::size_t> operand) {
  if (!operand) return Tensor();
  if (!step.operands[*operand].is_constant()) return std::nullopt;
  return step.operands[*operand].constant;
}

inline std::vector<bool> all_whole_but_last(std::size_t rank, std::size_t free) {
  std::vector<bool> whole(rank, true);
  for (std::size_t d = rank - free; d < rank; ++d) whole[d] = false;
  return whole;
}

inline std::optional<Confined> confined_convolution(const trace::Step& step) {
  const std::optional<Windows> found = convolution_windows(step);
  const std::optional<std::size_t> operand = data(step);
  const std::optional<Tensor> w = constant_of(step, weight(step)), b = constant_of(step, bias(step));
  if (!found || !operand || !w || !w->defined() || !b) return std::nullopt;
  const Windows windows = *found;
  const std::vector<std::int64_t> sizes = step.operands[*operand].sizes;
  const bool alone = bare_name(step).find("relu") == std::string_view::npos;  // fused with what follows
  if (sizes.size() != windows.dims() + 2 || !alone) return std::nullopt;
  const std::int64_t channels = sizes[1];
  const std::vector<std::int64_t> none(windows.dims(), 0);
  const auto run = [=, weight = *w, bias = *b](const Tensor& crop) {
    return at::convolution(crop, weight, bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt,
                           windows.stride, none, windows.dilation, windows.transposed, none, windows.groups);
  };
  Confined confined{.whole = all_whole_but_last(windows.dims() + 1, windows.dims())};
  if (!windows.transposed) {
    confined.footprint = [=](std::size_t, const Boxes& boxes) {
      Footprint read{.boxes = windows_of(boxes, windows, 1)};
      widen(read.boxes, 0, channels);
      return read;
    };
    confined.value = [=, at = *operand](Tensors crops, const Boxes&) { return run(crops[at]); };
    return confined;
  }
  // From the window of the operand that begins at or before the box, up to one that ends behind it.
  const auto first = [=](std::int64_t place, std::size_t d) {
    return floor_div(place + windows.padding[d] - (windows.kernel[d] - 1) * windows.dilation[d],
                     windows.stride[d]);
  };
  confined.footprint = [=](std::size_t, const Boxes& boxes) {
    Footprint read{.boxes = boxes};
    widen(read.boxes, 0, channels);
    for (std::size_t d = 0; d < windows.dims(); ++d) {
      const std::int64_t reach = (windows.kernel[d] - 1) * windows.dilation[d];
      read.boxes.extent[d + 1] = (boxes.extent[d + 1] - 1 + reach) / windows.stride[d] + 2;
      if (reach < windows.stride[d] - 2) ++read.boxes.extent[d + 1];
      for (Places& origin : read.boxes.origins) origin[d + 1] = first(origin[d + 1], d);
    }
    return read;
  };
  confined.value = [=, at = *operand](Tensors crops, const Boxes& boxes) {
    Boxes within = boxes;
    for (Places& origin : within.origins) {
      for (std::size_t d = 0; d < windows.dims(); ++d) {
        const std::int64_t place = origin[d + 1];
        origin[d + 1] = place + windows.padding[d] - first(place, d) * windows.stride[d];
      }
    }
    return cut(run(crops[at]), within);
  };
  return confined;
}

/// Of a window of an average pool in one dimension, the number that its sum is divided by.
inline double divisor(const Windows& windows, std::size_t d, std::int64_t place, std::int64_t size,
                      bool with_padding) {
  const std::int64_t begin = place * windows.stride[d] - windows.padding[d];
  const std::int64_t end = std::min(begin + windows.kernel[d], size + windows.padding[d]);
  if (with_padding) return static_cast<double>(end - begin);
  return static_cast<double>(std::min(end, size) - std::max(begin, std::int64_t{0}));
}

inline std::optional<Confined> confined_pool(const trace::Step& step) {
  const std::optional<Windows> found = pool_windows(step);
  const std::vector<std::int64_t> sizes = step.operands.front().sizes;
  const std::size_t dims = found ? found->dims() : 0;
  if (!found || sizes.size() != dims + 2) return std::nullopt;
  const Windows windows = *found;
  const bool largest = bare_name(step).find("max") != std::string_view::npos;
  const std::vector<std::int64_t> none(dims, 0);
  Confined confined{.whole = std::vector<bool>(dims + 1, false)};
  confined.footprint = [=](std::size_t, const Boxes& boxes) {
    return Footprint{.boxes = windows_of(boxes, windows, 1),
                     .outside = largest ? -std::numeric_limits<double>::infinity() : 0.0};
  };
  if (largest) {
    confined.value = [=](Tensors crops, const Boxes&) {
      const Tensor& x = crops.front();
      if (dims == 1) return at::max_pool1d(x, windows.kernel, windows.stride, none, windows.dilation);
      if (dims == 2) return at::max_pool2d(x, windows.kernel, windows.stride, none, windows.dilation);
      return at::max_pool3d(x, windows.kernel, windows.stride, none, windows.dilation);
    };
    return confined;
  }
  const bool with_padding =
      !step.argument("count_include_pad").isBool() || step.argument("count_include_pad").toBool();
  const c10::IValue given = step.argument("divisor_override");
  confined.value = [=](Tensors crops, const Boxes& boxes) {
    const Tensor& x = crops.front();
    Tensor result = dims == 1   ? at::avg_pool1d(x, windows.kernel, windows.stride)
                    : dims == 2 ? at::avg_pool2d(x, windows.kernel, windows.stride)
                                : at::avg_pool3d(x, windows.kernel, windows.stride);
    double all = 1.0;
    for (const std::int64_t each : windows.kernel) all *= static_cast<double>(each);
    if (given.isInt()) return result.mul_(all / static_cast<double>(given.toInt()));
    for (std::size_t d = 0; d < dims; ++d) {
      const std::int64_t n = boxes.extent[d + 1];
      std::vector<double> factor;
      bool same = true;
      for (const Places& origin : boxes.origins) {
        for (std::int64_t o = origin[d + 1]; o < origin[d + 1] + n; ++o) {
          factor.push_back(static_cast<double>(windows.kernel[d]) /
                           divisor(windows, d, o, sizes[d + 2], with_padding));
          same = same && factor.back() == 1.0;
        }
      }
      if (same) continue;
      std::vector<std::int64_t> shape(dims + 2, 1);
      shape[0] = static_cast<std::int64_t>(boxes.rows());
      shape[d + 2] = n;
      result.mul_(at::tensor(factor, at::kDouble).reshape(shape).to(result.options()));
    }
    return result;
  };
  return confined;
}

}  // namespace lumen::op::detail
