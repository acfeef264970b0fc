// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/WrapDimUtils.h>

#include <lumen/trace/step.hpp>

namespace lumen::trace::detail {

/// An operator that puts what a view of a tensor has become back into the tensor.
struct Unview {
  std::string name;  ///< with its overload
  std::string overload{};
  bool takes_base =
      true;  ///< whether its first argument is the tensor, the view the second; else only the view
  std::vector<c10::IValue> rest{};
};

/// The inverse of a view: `view` is the step that made its result number `which`, of `sizes`, from a tensor of
/// `base` sizes. None where only the memory can tell (`as_strided`).
inline std::optional<Unview> unview(const Step& view, std::size_t which,
                                    const std::vector<std::int64_t>& base) {
  const std::string& kind = view.kind;
  const auto rank = static_cast<std::int64_t>(base.size());
  const auto given = [&](const char* name) { return view.argument(name); };
  const auto dim = [&](const char* name) { return at::maybe_wrap_dim(given(name).toInt(), rank); };
  if (view.position("dim") >= 0 && !given("dim").isInt() && !given("dim").isIntList()) return std::nullopt;
  if (kind == "select") return Unview{"aten::select_scatter", "", true, {dim("dim"), given("index")}};
  if (kind == "slice") {
    return Unview{"aten::slice_scatter", "", true, {dim("dim"), given("start"), given("end"), given("step")}};
  }
  if (kind == "narrow" && given("start").isInt()) {
    const std::int64_t d = dim("dim"), size = base[static_cast<std::size_t>(d)];
    const std::int64_t start =
        given("start").toInt() < 0 ? given("start").toInt() + size : given("start").toInt();
    return Unview{"aten::slice_scatter", "", true, {d, start, start + given("length").toInt(), 1}};
  }
  if (kind == "split" || kind == "split_with_sizes" || kind == "chunk" || kind == "tensor_split") {
    const std::int64_t d = dim("dim");
    std::int64_t start = 0;
    for (std::size_t i = 0; i < which; ++i) start += view.result_sizes[i][static_cast<std::size_t>(d)];
    const std::int64_t size = view.result_sizes[which][static_cast<std::size_t>(d)];
    return Unview{"aten::slice_scatter", "", true, {d, start, start + size, 1}};
  }
  if (kind == "unbind") {
    return Unview{"aten::select_scatter", "", true, {dim("dim"), static_cast<std::int64_t>(which)}};
  }
  if (kind == "diagonal" && view.position("dim1") >= 0) {
    return Unview{"aten::diagonal_scatter", "", true, {given("offset"), given("dim1"), given("dim2")}};
  }
  if (kind == "view" || kind == "reshape" || kind == "_unsafe_view" || kind == "flatten" ||
      kind == "unflatten" || kind == "squeeze" || kind == "unsqueeze" || kind == "view_as" ||
      kind == "reshape_as" || kind == "ravel" || kind == "_reshape_alias") {
    if (kind == "view" && given("dtype").isInt()) return std::nullopt;
    return Unview{"aten::reshape", "", false, {base}};
  }
  const auto permuted = [](std::vector<std::int64_t> order) {
    return Unview{"aten::permute", "", false, {std::move(order)}};
  };
  std::vector<std::int64_t> order(base.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  if ((kind == "t" || kind == "numpy_T") && rank == 2) return permuted({1, 0});
  if (kind == "transpose" && given("dim0").isInt() && rank > 0) {
    std::swap(order[static_cast<std::size_t>(dim("dim0"))], order[static_cast<std::size_t>(dim("dim1"))]);
    return permuted(order);
  }
  if ((kind == "swapaxes" || kind == "swapdims") && rank > 0) {
    const bool axes = view.position("axis0") >= 0;
    std::swap(order[static_cast<std::size_t>(dim(axes ? "axis0" : "dim0"))],
              order[static_cast<std::size_t>(dim(axes ? "axis1" : "dim1"))]);
    return permuted(order);
  }
  if (kind == "mT" && rank >= 2) {
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    return permuted(order);
  }
  if (kind == "permute") {
    const std::vector<std::int64_t> dims = given("dims").toIntVector();
    for (std::size_t i = 0; i < dims.size(); ++i) {
      order[static_cast<std::size_t>(at::maybe_wrap_dim(dims[i], rank))] = static_cast<std::int64_t>(i);
    }
    return permuted(order);
  }
  return std::nullopt;
}

/// Of unsqueeze_ and its like, which write no values, the form that is not in place.
inline void use_functional_form(Step& step) {
  std::string name = step.op.schema().name();
  name.pop_back();
  const auto form = c10::Dispatcher::singleton().findSchema({name, step.op.schema().overload_name()});
  if (form && form->schema().arguments().size() == step.arguments.size()) step.op = *form;
}

}  // namespace lumen::trace::detail
