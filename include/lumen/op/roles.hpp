// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <lumen/trace/step.hpp>

/// What the library knows about operators, once: which argument is what, what an operator does, which part of its
/// operands a part of its result reads.
namespace lumen::op {

/// What an operator's arguments are for: positions in its schema, -1 for what it does not have.
struct Roles {
  std::int64_t data = -1;    ///< what is transformed: a convolution's input, the left factor of a product
  std::int64_t weight = -1;  ///< what it is weighted by: the kernel, the right factor of a product
  std::int64_t bias = -1;    ///< what is added to the weighted sum: addmm's first argument
  std::int64_t running_mean = -1, running_var = -1;  ///< of a normalisation by fixed statistics
  std::int64_t epsilon = -1;                         ///< of a normalisation
};

namespace detail {

/// The names of arguments by role, for the operators whose names do not say it themselves.
struct RoleNames {
  std::string_view kind, data, weight, bias;
};

inline constexpr std::array role_names{
    RoleNames{"addmm", "mat1", "mat2", "self"},
    RoleNames{"_addmm_activation", "mat1", "mat2", "self"},
    RoleNames{"addmv", "mat", "vec", "self"},
    RoleNames{"addbmm", "batch1", "batch2", "self"},
    RoleNames{"baddbmm", "batch1", "batch2", "self"},
    RoleNames{"mm", "self", "mat2", ""},
    RoleNames{"bmm", "self", "mat2", ""},
    RoleNames{"mv", "self", "vec", ""},
    RoleNames{"matmul", "self", "other", ""},
    RoleNames{"linalg_matmul", "self", "other", ""},
    RoleNames{"conv_tbc", "self", "weight", "bias"},
    RoleNames{"mkldnn_linear", "self", "weight", "bias"},
    RoleNames{"scaled_dot_product_attention", "value", "", ""},
    RoleNames{"_scaled_dot_product_attention", "value", "", ""},
    RoleNames{"_scaled_dot_product_flash_attention", "value", "", ""},
    RoleNames{"_scaled_dot_product_flash_attention_for_cpu", "value", "", ""},
    RoleNames{"_scaled_dot_product_efficient_attention", "value", "", ""},
    RoleNames{"_scaled_dot_product_attention_math", "value", "", ""},
    RoleNames{"where", "self", "", ""},
};

inline std::int64_t position_of(const c10::FunctionSchema& schema, std::string_view name) {
  const auto& declared = schema.arguments();
  for (std::size_t i = 0; i < declared.size(); ++i) {
    if (!name.empty() && declared[i].name() == name) return static_cast<std::int64_t>(i);
  }
  return -1;
}

/// The name of an operator without namespace and without the underscore of the in-place form.
inline std::string_view bare_name(const c10::FunctionSchema& schema) {
  std::string_view name = schema.name();
  name.remove_prefix(name.rfind(':') + 1);
  if (name.size() > 1 && name.back() == '_' && !name.ends_with("__")) name.remove_suffix(1);
  return name;
}

}  // namespace detail

/// The roles of an operator's arguments, told by its schema.
[[nodiscard]] inline Roles roles(const c10::FunctionSchema& schema) {
  using detail::position_of;
  Roles result;
  const std::string_view name = detail::bare_name(schema);
  for (const detail::RoleNames& row : detail::role_names) {
    if (row.kind != name) continue;
    result.data = position_of(schema, row.data);
    result.weight = position_of(schema, row.weight);
    result.bias = position_of(schema, row.bias);
    return result;
  }
  const auto& declared = schema.arguments();
  for (std::size_t i = 0; i < declared.size() && result.data < 0; ++i) {
    const std::string type = declared[i].type()->str();
    if (type.starts_with("Tensor")) result.data = static_cast<std::int64_t>(i);
  }
  result.weight = position_of(schema, "weight");
  result.bias = position_of(schema, "bias");
  result.running_mean = position_of(schema, "running_mean");
  result.running_var = position_of(schema, "running_var");
  for (const char* each : {"eps", "epsilon"}) {
    if (result.epsilon < 0) result.epsilon = position_of(schema, each);
  }
  return result;
}

[[nodiscard]] inline Roles roles(const trace::Step& step) { return roles(step.op.schema()); }

/// The first operand that the argument at this position holds; none if it holds none (a missing bias).
[[nodiscard]] inline std::optional<std::size_t> operand_of(const trace::Step& step, std::int64_t argument) {
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    if (argument >= 0 && step.operands[i].argument == argument) return i;
  }
  return std::nullopt;
}

/// The operand that is transformed, weighted, or added, as `Roles` has them; none if the step has no such one.
[[nodiscard]] inline std::optional<std::size_t> data(const trace::Step& step) {
  return operand_of(step, roles(step).data);
}
[[nodiscard]] inline std::optional<std::size_t> weight(const trace::Step& step) {
  return operand_of(step, roles(step).weight);
}
[[nodiscard]] inline std::optional<std::size_t> bias(const trace::Step& step) {
  return operand_of(step, roles(step).bias);
}

/// What the schema calls the argument that holds an operand: "self", "weight", "tensors".
[[nodiscard]] inline std::string_view name_of(const trace::Step& step, std::size_t operand) {
  return step.op.schema().arguments()[static_cast<std::size_t>(step.operands[operand].argument)].name();
}

}  // namespace lumen::op
