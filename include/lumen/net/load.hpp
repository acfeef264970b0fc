// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/nn/module.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/state_dict.hpp>

namespace lumen::net {

/// What `load` lets pass; everything else that does not fit is an Error.
struct LoadOptions {
  bool allow_missing =
      false;  ///< parameters or buffers of the module that the state dict lacks stay as they are
  bool allow_unexpected = false;  ///< tensors that the module has no place for are passed over
  bool allow_misshapen = false;   ///< a tensor of another shape, or of another kind of type, is passed over
};

/// What did not fit, by name.
struct LoadReport {
  std::vector<std::string> missing;     ///< in the module, not in the state dict
  std::vector<std::string> unexpected;  ///< in the state dict, not in the module
  std::vector<std::string>
      misshapen;  ///< in both, and different: "fc.weight ([10, 8] here, [2, 8] in the file)"

  [[nodiscard]] bool empty() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
};

namespace detail {

/// The parameters and buffers of a module under the names that Python's state_dict gives them.
inline std::vector<std::pair<std::string, Tensor>> places(const torch::nn::Module& module) {
  std::vector<std::pair<std::string, Tensor>> all;
  for (const auto& item : module.named_parameters()) all.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) all.emplace_back(item.key(), item.value());
  std::erase_if(all, [](const auto& place) { return !place.second.defined(); });
  return all;
}

/// Whether values of type `from` keep their meaning in `to`: floats may change their width, the rest not.
inline bool same_kind(const Tensor& from, const Tensor& to) {
  return from.scalar_type() == to.scalar_type() || (from.is_floating_point() && to.is_floating_point());
}

inline std::string listed(std::string_view title, const std::vector<std::string>& names) {
  constexpr std::size_t shown = 20;
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < shown; ++i) out += "\n    " + names[i];
  if (names.size() > shown) out += text("\n    ... and ", names.size() - shown, " more");
  return names.empty() ? "" : text("\n  ", title, ":", out);
}

}  // namespace detail

/// Copies the weights of a state dict into a module: every parameter and buffer (BatchNorm's running
/// statistics too) whose name, shape and kind of type fit. Floats are converted to the module's type and
/// device. All or nothing: the module is changed only when nothing was refused. The tensors stay the same
/// objects, with their requires_grad, so an optimizer still knows them.
/// @return what did not fit and was allowed; empty when everything fitted
/// @throws Error that lists everything missing, unexpected and misshapen, unless `options` allow it; two
///         tensors of one name
inline LoadReport load(torch::nn::Module& module, const io::StateDict& state, LoadOptions options = {}) {
  std::map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : state) {
    require(tensor.defined(), [&] { return text("load: the tensor '", name, "' is undefined"); });
    require(given.emplace(name, &tensor).second,
            [&] { return text("load: two tensors are named '", name, "'"); });
  }

  const at::NoGradGuard no_gradient;
  LoadReport report;
  std::vector<std::pair<Tensor, Tensor>> copies;  // to, from
  const auto all = detail::places(module);
  for (const auto& [name, place] : all) {
    const auto found = given.find(name);
    if (found == given.end()) {
      report.missing.push_back(name);
      continue;
    }
    const Tensor& tensor = *found->second;
    if (tensor.sizes() != place.sizes() || !detail::same_kind(tensor, place))
      report.misshapen.push_back(text(name, " (", place.scalar_type(), place.sizes(), " here, ",
                                      tensor.scalar_type(), tensor.sizes(), " in the file)"));
    else
      copies.emplace_back(place, tensor.to(place.options()));
    given.erase(found);
  }
  for (const auto& [name, tensor] : state)
    if (given.contains(name)) report.unexpected.push_back(name);

  const bool refused = (!report.missing.empty() && !options.allow_missing) ||
                       (!report.unexpected.empty() && !options.allow_unexpected) ||
                       (!report.misshapen.empty() && !options.allow_misshapen);
  require(!refused, [&] {
    const bool wrapped = !report.missing.empty() && !state.empty() && state[0].name.starts_with("module.");
    return text("the state dict does not fit the module, which was left as it is:",
                detail::listed("missing in the file", report.missing),
                detail::listed("unexpected in the file", report.unexpected),
                detail::listed("of another shape or type", report.misshapen),
                wrapped ? "\nDataParallel put 'module.' before the names: pass io::below(state, \"module\")."
                        : "\nIs it the right network with the right options? LoadOptions can allow it.");
  });
  for (auto& [to, from] : copies) to.detach().copy_(from);
  return report;
}

}  // namespace lumen::net
