// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/pickle_node.hpp>
#include <lumen/io/pickle_stack.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io {

namespace pickle_detail {

class Reader : Stack {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  Pickle read() {
    while (step(static_cast<char>(take(1)[0]))) {
    }
    if (!rest_.empty()) fail("something follows its end");
    return finish();
  }

 private:
  using Kind = PickleKind;

  // The bytes.
  std::span<const std::uint8_t> take(std::uint64_t size) {
    if (size > rest_.size()) fail("it ends too early");
    const auto taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(static_cast<std::size_t>(size));
    return taken;
  }
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    const auto bytes = take(width);
    for (std::size_t i = width; i-- > 0;) value = (value << 8) | bytes[i];
    return value;
  }
  static std::string_view view(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string_view line() {
    const std::size_t end = view(rest_).find('\n');
    if (end == std::string_view::npos) fail("a name has no end");
    const std::string_view inside = view(take(end));
    take(1);
    return inside;
  }

  std::vector<std::uint32_t> arguments(std::uint32_t tuple) {
    const auto& items = expect(tuple, Kind::Tuple, "arguments are no tuple").items;
    if (items.size() > 16) fail("a call has over 16 arguments");
    return items;
  }

  void storage() {
    const auto id = arguments(pop());
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

  void reduce() {
    const auto parts = arguments(pop());
    switch (expect(pop(), Kind::Function, "what is no function is called").function) {
      case PickleFunction::OrderedDict:
        if (!parts.empty()) fail("an OrderedDict is made of items");
        push({.kind = Kind::Dictionary});
        break;
      case PickleFunction::TensorV2:
        rebuild(parts, /*typed=*/false);
        break;
      case PickleFunction::TensorV3:
        rebuild(parts, /*typed=*/true);
        break;
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

  void big_integer() {
    const auto bytes = take(number(1));
    if (bytes.size() > 8) {
      push({.kind = Kind::Other});
      return;
    }
    std::uint64_t value = !bytes.empty() && bytes.back() >= 0x80 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8) | bytes[i];
    push({.kind = Kind::Integer, .number = static_cast<std::int64_t>(value)});
  }

  void string(std::size_t width) { push({.kind = Kind::Text, .text = view(take(number(width)))}); }
  void integer(std::int64_t value) { push({.kind = Kind::Integer, .number = value}); }
  void tuple(std::vector<std::uint32_t> items) { push({.kind = Kind::Tuple, .items = std::move(items)}); }

  /// Does what one opcode says; false after the last. The letters are those of Python's pickletools.
  bool step(char opcode) {
    switch (opcode) {
      case '\x80':  // PROTO
        if (const auto protocol = number(1); protocol < 2 || protocol > 5) fail("its protocol is not 2 to 5");
        break;
      case '\x95':  // FRAME: how much to read at once
        number(8);
        break;
      case 'c': {  // GLOBAL
        const auto module = line();
        push(pickle_named(module, line()));
        break;
      }
      case '\x93': {  // STACK_GLOBAL
        const auto named = expect(pop(), Kind::Text, "a name is no text").text;
        push(pickle_named(expect(pop(), Kind::Text, "a name is no text").text, named));
        break;
      }
      case 'X':  // BINUNICODE
      case 'T':  // BINSTRING
        string(4);
        break;
      case '\x8c':  // SHORT_BINUNICODE
      case 'U':     // SHORT_BINSTRING
        string(1);
        break;
      case '\x8d':  // BINUNICODE8
        string(8);
        break;
      case 'K':  // BININT1
        integer(static_cast<std::int64_t>(number(1)));
        break;
      case 'M':  // BININT2
        integer(static_cast<std::int64_t>(number(2)));
        break;
      case 'J':  // BININT, signed
        integer(static_cast<std::int32_t>(static_cast<std::uint32_t>(number(4))));
        break;
      case '\x8a':  // LONG1
        big_integer();
        break;
      case 'G':  // BINFLOAT
        take(8), push({.kind = Kind::Other});
        break;
      case 'N':  // NONE
        push({});
        break;
      case '\x88':  // NEWTRUE
      case '\x89':  // NEWFALSE
        push({.kind = Kind::Boolean});
        break;
      case ')':  // EMPTY_TUPLE
        tuple({});
        break;
      case '\x85':  // TUPLE1 to TUPLE3
      case '\x86':
      case '\x87':
        tuple(pop_last(static_cast<std::size_t>(opcode - '\x85') + 1));
        break;
      case 't':  // TUPLE
        tuple(pop_to_mark());
        break;
      case ']':  // EMPTY_LIST
        push({.kind = Kind::List});
        break;
      case 'a':  // APPEND
        append(pop_last(1), Kind::List);
        break;
      case 'e':  // APPENDS
        append(pop_to_mark(), Kind::List);
        break;
      case '}':  // EMPTY_DICT
        push({.kind = Kind::Dictionary});
        break;
      case 's':  // SETITEM
        append(pop_last(2), Kind::Dictionary);
        break;
      case 'u':  // SETITEMS
        append(pop_to_mark(), Kind::Dictionary);
        break;
      case '(':  // MARK
        mark();
        break;
      case 'q':  // BINPUT
        remember(number(1));
        break;
      case 'r':  // LONG_BINPUT
        remember(number(4));
        break;
      case '\x94':  // MEMOIZE
        remember_next();
        break;
      case 'h':  // BINGET
        recall(number(1));
        break;
      case 'j':  // LONG_BINGET
        recall(number(4));
        break;
      case 'Q':  // BINPERSID
        storage();
        break;
      case 'R':  // REDUCE
        reduce();
        break;
      case 'b':  // BUILD: the attribute _metadata of a state dict, which says nothing of its tensors
        expect(pop(), Kind::Dictionary, "attributes are no dictionary");
        expect(top(), Kind::Dictionary, "attributes are given to what is no dictionary");
        break;
      case '.':  // STOP
        return false;
      default:
        fail(text("it uses the opcode ", int{static_cast<unsigned char>(opcode)},
                  ", which no state dict needs"));
    }
    return true;
  }

  std::span<const std::uint8_t> rest_;
};

}  // namespace pickle_detail

/// Reads a pickle of protocol 2 to 5, as torch.save writes it, up to what its tensors need: dictionaries,
/// lists, tuples, texts, numbers, and how tensors lie in storages. Never runs anything: of the functions
/// that a pickle may name, it knows the shape of the result of the few in `pickle_functions`, and refuses all
/// others by name. Opcodes: pickletools of CPython 3.14.
/// @return views into `bytes`; whether the tensors fit their storages is for the caller to check
/// @throws Error for anything else, and above `max_pickle_nodes` or `max_pickle_tensors`
[[nodiscard]] inline Pickle parse_pickle(std::span<const std::uint8_t> bytes) {
  return pickle_detail::Reader(bytes).read();
}

}  // namespace lumen::io
