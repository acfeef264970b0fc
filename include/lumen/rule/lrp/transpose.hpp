// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <lumen/rule/record.hpp>

namespace lumen::rule::lrp::detail {

/// A list of one number for each of so many dimensions; none if it is not one of numbers ("same").
inline std::optional<std::vector<std::int64_t>> numbers(const c10::IValue& value, std::int64_t dims) {
  if (!value.isIntList()) return std::nullopt;
  std::vector<std::int64_t> list = value.toIntVector();
  if (list.size() == 1) list.assign(static_cast<std::size_t>(dims), list.front());
  return list;
}

/// Of a convolution; kernels for depthwise ones do not say it.
inline std::int64_t groups_of(const Record& record) {
  const c10::IValue groups = record.argument("groups");
  if (groups.isInt()) return groups.toInt();
  if (!record.kind.starts_with("conv") || record.kind.starts_with("conv_transpose")) return 1;
  const Tensor &x = record.inputs[0], &w = record.inputs[1];
  return x.dim() == w.dim() ? x.size(1) / w.size(1) : 1;
}

/// What flows back through a convolution to its data, without running it forward; undefined if this is not the one
/// way in which that is known (a batch, its weight second, numbers for padding).
inline Tensor convolution_back(const Record& record, const Tensor& x, const Tensor& w, const Tensor& s) {
  const std::int64_t dims = w.dim() - 2;
  if (!record.kind.starts_with("conv") || x.dim() != w.dim() || !record.on_path[0]) return {};
  const bool transposed = record.kind.starts_with("conv_transpose");
  const auto stride = numbers(record.argument("stride"), dims);
  const auto padding = numbers(record.argument("padding"), dims);
  const auto dilation = numbers(record.argument("dilation"), dims);
  const auto beyond = transposed
                          ? numbers(record.argument("output_padding"), dims)
                          : std::optional(std::vector<std::int64_t>(static_cast<std::size_t>(dims), 0));
  if (!stride || !padding || !dilation || !beyond) return {};
  return std::get<0>(at::convolution_backward(s, x, w, {}, *stride, *padding, *dilation, transposed, *beyond,
                                              groups_of(record), {true, false, false}));
}

}  // namespace lumen::rule::lrp::detail
