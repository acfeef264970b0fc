// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/pickle_builder.hpp>
#include <lumen/io/pickle_node.hpp>

namespace lumen::io {

namespace pickle_detail {

class Reader : Builder {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  Pickle read() {
    while (step(static_cast<char>(take(1)[0]))) {
    }
    if (!rest_.empty()) fail("something follows its end");
    return finish();
  }

 private:
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

  void big_integer(std::size_t width) {
    const auto bytes = take(number(width));
    if (bytes.size() > 8) {
      push({.kind = Kind::Other});
      return;
    }
    std::uint64_t value = !bytes.empty() && bytes.back() >= 0x80 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8) | bytes[i];
    push({.kind = Kind::Integer, .number = static_cast<std::int64_t>(value)});
  }

  void bytes(std::size_t width) { take(number(width)), push({.kind = Kind::Other}); }
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
        global(module, line());
        break;
      }
      case '\x93': {  // STACK_GLOBAL
        const auto named = expect(pop(), Kind::Text, "a name is no text").text;
        global(expect(pop(), Kind::Text, "a name is no text").text, named);
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
        big_integer(1);
        break;
      case '\x8b':  // LONG4
        big_integer(4);
        break;
      case 'G':  // BINFLOAT
        take(8), push({.kind = Kind::Other});
        break;
      case 'B':  // BINBYTES: no tensor needs them
        bytes(4);
        break;
      case 'C':  // SHORT_BINBYTES
        bytes(1);
        break;
      case '\x8e':  // BINBYTES8
      case '\x96':  // BYTEARRAY8
        bytes(8);
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
      case '\x8f':  // EMPTY_SET: what it holds is passed over, too
        push({.kind = Kind::Other});
        break;
      case '\x90':  // ADDITEMS
        pop_to_mark();
        expect(top(), Kind::Other, "a value is put into what is no set");
        break;
      case '\x91':  // FROZENSET
        pop_to_mark();
        push({.kind = Kind::Other});
        break;
      case '(':  // MARK
        mark();
        break;
      case '0':  // POP
        pop();
        break;
      case '1':  // POP_MARK
        pop_to_mark();
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
      case '\x81':  // NEWOBJ
        create(pop_last(1));
        break;
      case '\x92':  // NEWOBJ_EX
        create(pop_last(2));
        break;
      case 'b':  // BUILD
        build();
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
/// that a pickle may name, it knows the shape of the result of the few in `pickle_functions`. What any other makes is
/// a `PickleKind::Foreign` of that name, passed over with all that it holds; but what makes tensors of a kind that is
/// not read (quantised, sparse) is refused by name. Opcodes: pickletools of CPython 3.14.
/// @return views into `bytes`; whether the tensors fit their storages is for the caller to check
/// @throws Error for anything else, and above `max_pickle_nodes` or `max_pickle_tensors`
[[nodiscard]] inline Pickle parse_pickle(std::span<const std::uint8_t> bytes) {
  return pickle_detail::Reader(bytes).read();
}

}  // namespace lumen::io
