// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/pickle_node.hpp>
#include <lumen/io/pickle_stack.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io::pickle_detail {

/// What the opcodes of a pickle that name and call something mean: storages, tensors, and what is foreign.
class Builder : protected Stack {
 protected:
  using Kind = PickleKind;

  /// A copy: what is pushed next moves the nodes.
  std::vector<std::uint32_t> arguments(std::uint32_t tuple, bool known) {
    const auto& items = expect(tuple, Kind::Tuple, "arguments are no tuple").items;
    if (known && items.size() > 16) fail("a call has over 16 arguments");
    return items;
  }

  void storage() {
    const auto id = arguments(pop(), true);
    if (id.size() < 5 || expect(id[0], Kind::Text, "a storage has no key").text != "storage")
      fail("a persistent value is no storage");
    const auto* type = expect(id[1], Kind::StorageOf, "a storage is of no class").type;
    const std::string_view key = expect(id[2], Kind::Text, "a storage has no key").text;
    const std::int64_t count = expect(id[4], Kind::Integer, "a storage has no length").number;
    if (count < 0) fail("a storage has a negative length");
    push({.kind = Kind::Storage, .type = type, .number = count, .text = key});
  }

  std::vector<std::int64_t> integers(std::uint32_t index) {
    std::vector<std::int64_t> values;
    const PickleNode& tuple = node(index);
    if (tuple.kind != Kind::Tuple && tuple.kind != Kind::List) fail("a shape is no tuple");
    if (tuple.items.size() > max_axes) fail("a tensor has over 64 axes");
    for (const std::uint32_t item : tuple.items)
      values.push_back(expect(item, Kind::Integer, "a shape holds what is no integer").number);
    return values;
  }

  void rebuild(const std::vector<std::uint32_t>& parts, bool typed) {
    const std::size_t least = typed ? 7 : 6;
    if (parts.size() < least || parts.size() > least + 1) fail("a tensor has the wrong arguments");
    const PickleNode& of = expect(parts[0], Kind::Storage, "a tensor has no storage");
    PickledTensor tensor{.storage = parts[0], .type = of.type};
    if (typed) tensor.type = expect(parts[6], Kind::Type, "a tensor has no type").type;
    if (tensor.type == nullptr) fail("a tensor has no type");
    tensor.offset = expect(parts[1], Kind::Integer, "a tensor has no offset").number;
    tensor.shape = integers(parts[2]);
    tensor.stride = integers(parts[3]);
    if (parts.size() > least) {
      const PickleNode& bits = node(parts[least]);
      require(bits.kind == Kind::None || (bits.kind == Kind::Dictionary && bits.items.empty()),
              "a tensor is conjugated or negated lazily, which is not supported; save "
              "tensor.resolve_conj().resolve_neg()");
    }
    require(made().tensors.size() < max_pickle_tensors,
            "the pickle has over 2^17 tensors; it is no state dict");
    made().tensors.push_back(std::move(tensor));
    push({.kind = Kind::Tensor, .number = static_cast<std::int64_t>(made().tensors.size() - 1)});
  }

  void call(std::uint32_t callee, const std::vector<std::uint32_t>& parts) {
    switch (expect(callee, Kind::Function, "what is no function is called").function) {
      case PickleFunction::OrderedDict:
        if (!parts.empty()) fail("an OrderedDict is made of items");
        push({.kind = Kind::Dictionary});
        break;
      case PickleFunction::DefaultDict:
        push({.kind = Kind::Dictionary});
        break;
      case PickleFunction::TensorV2:
        rebuild(parts, /*typed=*/false);
        break;
      case PickleFunction::TensorV3:
        rebuild(parts, /*typed=*/true);
        break;
      case PickleFunction::FromType: {
        if (parts.size() != 4) fail("a tensor of a class has the wrong arguments");
        const PickleFunction inner = expect(parts[0], Kind::Function, "a tensor has no maker").function;
        if (inner != PickleFunction::TensorV2 && inner != PickleFunction::TensorV3)
          fail("a tensor has no maker");
        rebuild(arguments(parts[2], true), inner == PickleFunction::TensorV3);
        break;
      }
      case PickleFunction::Parameter:
        if (parts.empty()) fail("a parameter has no tensor");
        expect(parts[0], Kind::Tensor, "a parameter has no tensor");
        push_again(parts[0]);
        break;
      case PickleFunction::First:
        if (parts.empty()) fail("a call has no argument");
        push_again(parts[0]);
    }
  }

  void reduce() {
    const std::uint32_t tuple = pop(), callee = pop();
    const bool foreign = node(callee).kind == Kind::Foreign;
    const auto parts = arguments(tuple, !foreign);
    if (!foreign) return call(callee, parts);
    // copyreg names the class of what it makes first
    const bool inside = !parts.empty() && made().foreign[number_of(callee)].module.starts_with("copy") &&
                        node(parts[0]).kind == Kind::Foreign;
    push({.kind = Kind::Foreign, .number = node(inside ? parts[0] : callee).number});
  }

  /// An object of a class, of which `rest` (arguments) is popped already.
  void create(const std::vector<std::uint32_t>& rest) {
    for (const std::uint32_t index : rest) {
      const bool expected = node(index).kind == Kind::Tuple || node(index).kind == Kind::Dictionary;
      if (!expected) fail("the arguments of an object are no tuple");
    }
    const std::uint32_t type = pop();
    if (node(type).kind == Kind::Function) return call(type, arguments(rest.front(), true));
    push({.kind = Kind::Foreign, .number = expect(type, Kind::Foreign, "an object is of no class").number});
  }

  /// Attributes: _metadata of a state dict, which says nothing of its tensors, or those of a foreign object.
  void build() {
    const std::uint32_t state = pop();
    if (node(top()).kind == Kind::Foreign) return;
    expect(state, Kind::Dictionary, "attributes are no dictionary");
    expect(top(), Kind::Dictionary, "attributes are given to what is no dictionary");
  }

  void global(std::string_view module, std::string_view name) {
    PickleNode named = pickle_named(module, name);
    if (named.kind == Kind::Foreign) {
      named.number = static_cast<std::int64_t>(made().foreign.size());
      made().foreign.push_back({module, name});
    }
    push(std::move(named));
  }

 private:
  [[nodiscard]] std::size_t number_of(std::uint32_t index) {
    return static_cast<std::size_t>(node(index).number);
  }
};

}  // namespace lumen::io::pickle_detail
