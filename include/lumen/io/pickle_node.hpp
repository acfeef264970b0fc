// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>
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
  Other,  ///< what no tensor needs: a float, an integer beyond 64 bits, bytes, a set
  Text,
  List,
  Tuple,
  Dictionary,  ///< dict and OrderedDict; its items are key, value, key, value ...
  Function,    ///< one of the few that `pickle_functions` names
  Type,        ///< torch.float32 ...
  StorageOf,   ///< torch.FloatStorage ...; without a type it is torch.UntypedStorage
  Storage,
  Tensor,
  Foreign,  ///< a class or function that is not known, or what came of it; never run
};

/// The functions that a pickle may name. None of them is run: each stands for what its result looks like.
enum class PickleFunction : std::uint8_t {
  OrderedDict,
  DefaultDict,
  TensorV2,
  TensorV3,
  FromType,  ///< a tensor of a class of its own: maker, class, the maker's arguments, attributes
  Parameter,
  First,  ///< its first argument
};

struct PickleFunctionName {
  std::string_view module, name;
  PickleFunction function;
};

inline constexpr std::array<PickleFunctionName, 9> pickle_functions{{
    {"collections", "OrderedDict", PickleFunction::OrderedDict},
    {"collections", "defaultdict", PickleFunction::DefaultDict},
    {"torch._tensor", "_rebuild_from_type_v2", PickleFunction::FromType},
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
  PickleFunction function{};          ///< of a Function
  const ElementType* type = nullptr;  ///< of a Type, a StorageOf or a Storage
  std::int64_t number =
      0;  ///< an Integer; a Storage's elements; the place of a Tensor or Foreign in its list
  std::string_view text{};             ///< a Text; a Storage's key
  std::vector<std::uint32_t> items{};  ///< of a List, Tuple or Dictionary
};

/// What the global `module`.`name` stands for; Foreign if it is none that state dicts need.
/// @throws Error naming it, if it makes tensors of a kind that is not read
[[nodiscard]] inline PickleNode pickle_named(std::string_view module, std::string_view name) {
  for (const PickleFunctionName& known : pickle_functions)
    if (known.module == module && known.name == name)
      return {.kind = PickleKind::Function, .function = known.function};
  constexpr std::string_view ending = "Storage";
  const bool storage = name.ends_with(ending);
  if (storage && (module == "torch" || module == "torch.storage") && name == "UntypedStorage")
    return {.kind = PickleKind::StorageOf};
  if (module == "torch") {
    if (storage)
      if (const auto* type =
              find_element(&ElementType::libtorch, name.substr(0, name.size() - ending.size())))
        return {.kind = PickleKind::StorageOf, .type = type};
    if (const auto* type = find_element(&ElementType::torch, name))
      return {.kind = PickleKind::Type, .type = type};
  }
  const bool of_torch = module == "torch" || module.starts_with("torch.");
  require(!of_torch || !(storage || name.starts_with("_rebuild") || name == "_load_from_bytes"), [&] {
    return text("the file asks for ", in_quotes(text(module, ".", name)),
                ", a kind of tensor that is not read, and nothing was run; convert it before it is saved "
                "(dequantize(), "
                "to_dense()), and save the weights alone, with torch.save(model.state_dict(), path)");
  });
  return {.kind = PickleKind::Foreign};
}

/// A tensor as the pickle describes it; nothing but the number of axes is checked.
struct PickledTensor {
  std::uint32_t storage = 0;  ///< the node of its storage
  const ElementType* type = nullptr;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{}, stride{};
};

/// A class or function that a pickle names and that is not known.
struct PickleForeign {
  std::string_view module{}, name{};
  [[nodiscard]] std::string words() const { return in_quotes(text(module, ".", name)); }
};

/// What a pickle holds, with views into its bytes.
struct Pickle {
  std::vector<PickleNode> nodes{};
  std::vector<PickledTensor> tensors{};
  std::vector<PickleForeign> foreign{};
  std::uint32_t root = 0;
};

}  // namespace lumen::io
