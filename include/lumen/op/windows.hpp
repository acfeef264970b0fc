// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <lumen/op/roles.hpp>

namespace lumen::op {

/// The windows of a convolution or pool over the last dimensions of a value, a number for each of them. Place o of the
/// result reads the places o * stride - padding + k * dilation, k = 0 ... kernel - 1; in a transposed convolution
/// place i of the operand touches the places i * stride - padding + k * dilation of the result.
struct Windows {
  std::vector<std::int64_t> kernel{}, stride{}, padding{}, dilation{};
  std::int64_t groups = 1;
  bool transposed = false;

  [[nodiscard]] std::size_t dims() const { return kernel.size(); }
};

namespace detail {

/// A list of one number for each of so many dimensions; `otherwise` if none is given or it is empty.
inline std::vector<std::int64_t> numbers(const c10::IValue& value, std::size_t dims, std::int64_t otherwise) {
  std::vector<std::int64_t> list;
  if (value.isInt()) list = {value.toInt()};
  if (value.isIntList()) list = value.toIntVector();
  if (list.empty()) list = {otherwise};
  if (list.size() == 1) list.assign(dims, list.front());
  return list;
}

inline std::string_view bare_name(const trace::Step& step) { return bare_name(step.op.schema()); }

}  // namespace detail

/// Whether a step is a convolution, under whatever name: it has a weight that strides.
[[nodiscard]] inline bool is_convolution(const trace::Step& step) {
  return detail::bare_name(step).find("conv") != std::string_view::npos &&
         detail::bare_name(step).find("backward") == std::string_view::npos && step.position("weight") >= 0 &&
         step.position("stride") >= 0 && step.position("padding") >= 0 &&
         step.op.schema().name().starts_with("aten::");
}

/// The windows of a convolution; none if the step is no convolution.
[[nodiscard]] inline std::optional<Windows> convolution_windows(const trace::Step& step) {
  const std::optional<std::size_t> weight = op::weight(step);
  if (!is_convolution(step) || !weight || step.operands[*weight].sizes.size() < 3) return std::nullopt;
  const std::vector<std::int64_t>& sizes = step.operands[*weight].sizes;
  const std::size_t dims = sizes.size() - 2;
  Windows windows{.kernel = {sizes.begin() + 2, sizes.end()},
                  .stride = detail::numbers(step.argument("stride"), dims, 1),
                  .dilation = detail::numbers(step.argument("dilation"), dims, 1)};
  if (step.argument("groups").isInt()) windows.groups = step.argument("groups").toInt();
  windows.transposed = detail::bare_name(step).find("transpose") != std::string_view::npos ||
                       (step.argument("transposed").isBool() && step.argument("transposed").toBool());
  const c10::IValue padding = step.argument("padding");
  if (padding.isString()) {  // "same" pads what the windows lack, the odd one behind; "valid" does not
    for (std::size_t d = 0; d < dims; ++d) {
      windows.padding.push_back(
          padding.toStringRef() == "same" ? windows.dilation[d] * (windows.kernel[d] - 1) / 2 : 0);
    }
  } else {
    windows.padding = detail::numbers(padding, dims, 0);
  }
  return windows;
}

/// The windows of a pool with a kernel; none if the step is none.
[[nodiscard]] inline std::optional<Windows> pool_windows(const trace::Step& step) {
  const std::string_view name = detail::bare_name(step);
  const std::size_t at = name.find("_pool");
  if (at == std::string_view::npos || step.position("kernel_size") < 0 || name.starts_with("fractional") ||
      step.position("indices") >= 0 || step.position("grad_output") >= 0) {
    return std::nullopt;
  }
  const auto dims = static_cast<std::size_t>(name[at + 5] - '0');
  if (dims < 1 || dims > 3) return std::nullopt;
  Windows windows{.kernel = detail::numbers(step.argument("kernel_size"), dims, 1),
                  .padding = detail::numbers(step.argument("padding"), dims, 0),
                  .dilation = detail::numbers(step.argument("dilation"), dims, 1)};
  windows.stride = windows.kernel;
  const c10::IValue stride = step.argument("stride");
  if (stride.isIntList() && !stride.toIntVector().empty()) windows.stride = detail::numbers(stride, dims, 1);
  return windows;
}

/// The windows of a convolution or of a pool with a kernel; none if the step is neither.
[[nodiscard]] inline std::optional<Windows> windows(const trace::Step& step) {
  std::optional<Windows> found = convolution_windows(step);
  return found ? found : pool_windows(step);
}

}  // namespace lumen::op
