// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/in_quotes.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io {

/// What a value of a pickle is, as far as a state dict needs to know.
enum class PickleKind : std::uint8_t {
  None,
  Boolean,
  Integer,
  Other,  ///< a number that no tensor needs: a float, an integer beyond 64 bits
  Text,
  List,
  Tuple,
  Dictionary,  ///< dict and OrderedDict; its items are key, value, key, value ...
  Function,    ///< one of the few that `pickle_functions` names
  Type,        ///< torch.float32 ...
  StorageOf,   ///< torch.FloatStorage ...; without a type it is torch.UntypedStorage
  Storage,
  Tensor,
};

/// The functions that a pickle may name. None of them is run: each stands for what its result looks like.
enum class PickleFunction : std::uint8_t { OrderedDict, TensorV2, TensorV3, Parameter, First };

struct PickleFunctionName {
  std::string_view module, name;
  PickleFunction function;
};

inline constexpr std::array<PickleFunctionName, 7> pickle_functions{{
    {"collections", "OrderedDict", PickleFunction::OrderedDict},
    {"torch._utils", "_rebuild_tensor_v2", PickleFunction::TensorV2},
    {"torch._utils", "_rebuild_tensor_v3", PickleFunction::TensorV3},
    {"torch._utils", "_rebuild_parameter", PickleFunction::Parameter},
    {"torch._utils", "_rebuild_parameter_with_state", PickleFunction::Parameter},
    {"torch", "Size", PickleFunction::First},
    {"torch.jit._pickle", "restore_type_tag", PickleFunction::First},  // what torch::pickle_save writes
}};

/// One value. Values refer to each other by number, so that one that holds itself leaks nothing.
struct PickleNode {
  PickleKind kind = PickleKind::None;
  PickleFunction function{};           ///< of a Function
  const ElementType* type = nullptr;   ///< of a Type, a StorageOf or a Storage
  std::int64_t number = 0;             ///< an Integer; a Storage's elements; a Tensor's place in `tensors`
  std::string_view text{};             ///< a Text; a Storage's key
  std::vector<std::uint32_t> items{};  ///< of a List, Tuple or Dictionary
};

/// What the global `module`.`name` stands for.
/// @throws Error naming it, unless it is a function, a storage or a type that state dicts need
[[nodiscard]] inline PickleNode pickle_named(std::string_view module, std::string_view name) {
  for (const PickleFunctionName& known : pickle_functions)
    if (known.module == module && known.name == name)
      return {.kind = PickleKind::Function, .function = known.function};
  if ((module == "torch" || module == "torch.storage") && name == "UntypedStorage")
    return {.kind = PickleKind::StorageOf};
  if (module == "torch") {
    constexpr std::string_view ending = "Storage";
    if (name.ends_with(ending))
      if (const auto* type =
              find_element(&ElementType::libtorch, name.substr(0, name.size() - ending.size())))
        return {.kind = PickleKind::StorageOf, .type = type};
    if (const auto* type = find_element(&ElementType::torch, name))
      return {.kind = PickleKind::Type, .type = type};
  }
  throw Error(text("the file asks for ", in_quotes(text(module, ".", name)),
                   ", which no state dict needs, and nothing was run; save the weights alone, with "
                   "torch.save(model.state_dict(), path)"));
}

/// A tensor as the pickle describes it; nothing but the number of axes is checked.
struct PickledTensor {
  std::uint32_t storage = 0;  ///< the node of its storage
  const ElementType* type = nullptr;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{}, stride{};
};

/// What a pickle holds, with views into its bytes.
struct Pickle {
  std::vector<PickleNode> nodes{};
  std::vector<PickledTensor> tensors{};
  std::uint32_t root = 0;
};

}  // namespace lumen::io
