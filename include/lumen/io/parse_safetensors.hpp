// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/in_quotes.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io {

/// The most bytes and tensors of one header, the format's own limit and one of ours.
inline constexpr std::uint64_t max_safetensors_header = 100'000'000;
inline constexpr std::size_t max_safetensors = std::size_t{1} << 17;

namespace safetensors_detail {

/// A tensor of the header: its `begin` and `end` count from the header's end.
struct Entry {
  std::string name;
  const ElementType* type = nullptr;
  std::vector<std::int64_t> shape{};
  std::uint64_t begin = 0, end = 0;
};

/// Reads the JSON of the header and nothing that JSON could hold besides. A reader of our own: it needs no
/// further dependency, takes numbers beyond 2^53 exactly, and refuses the second of two equal keys.
class Header {
 public:
  explicit Header(std::string_view text) : rest_(text) {}

  std::vector<Entry> read() {
    std::vector<Entry> entries;
    bool metadata = false;
    object([&](std::string key) {
      if (key != "__metadata__") {
        require(entries.size() < max_safetensors, "the file holds over 2^17 tensors");
        entries.push_back(entry(std::move(key)));
        return;
      }
      if (std::exchange(metadata, true)) fail("one __metadata__");
      std::vector<std::string> keys;
      object([&](std::string word) { keys.push_back(std::move(word)), string(); });
      std::ranges::sort(keys);
      if (std::ranges::adjacent_find(keys) != keys.end()) fail("one value for each word of __metadata__");
    });
    skip();
    if (!rest_.empty()) fail("nothing after the closing brace");
    return entries;
  }

 private:
  [[noreturn]] static void fail(std::string_view expected) {
    throw Error(text("damaged safetensors header: expected ", expected,
                     "; save the file again with safetensors.torch.save_file"));
  }
  void skip() {
    const std::size_t end = rest_.find_first_not_of(" \n\r\t");
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }
  bool accept(char c) {
    skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("'") + c + "'");
  }
  template <class Item>
  void list(char open, char close, const Item& item) {
    expect(open);
    if (accept(close)) return;
    do {
      item();
    } while (accept(','));
    expect(close);
  }
  template <class Value>
  void object(const Value& value) {
    list('{', '}', [&] {
      std::string key = string();
      expect(':');
      value(std::move(key));
    });
  }

  std::uint32_t hex() {
    std::uint32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = rest_.empty() ? '\0' : rest_.front();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("four hexadecimal digits after \\u");
      unit = unit * 16 + static_cast<std::uint32_t>(digit);
      rest_.remove_prefix(1);
    }
    return unit;
  }
  void unicode(std::string& out) {
    std::uint32_t point = hex();
    if (point >= 0xD800 && point < 0xE000) {
      if (point >= 0xDC00 || !rest_.starts_with("\\u")) fail("a pair of surrogates");
      rest_.remove_prefix(2);
      const std::uint32_t low = hex();
      if (low < 0xDC00 || low >= 0xE000) fail("a pair of surrogates");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (point < 0x80) return put(point);
    const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    put((more == 1 ? 0xC0u : more == 2 ? 0xE0u : 0xF0u) | (point >> (6 * more)));
    for (int i = more - 1; i >= 0; --i) put(0x80u | ((point >> (6 * i)) & 0x3Fu));
  }
  std::string string() {
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    std::string out;
    expect('"');
    for (;;) {
      if (rest_.empty() || static_cast<unsigned char>(rest_.front()) < 0x20) fail("a closing quote");
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      const char escaped = rest_.empty() ? '\0' : rest_.front();
      if (!rest_.empty()) rest_.remove_prefix(1);
      if (escaped == 'u') {
        unicode(out);
      } else if (const std::size_t i = from.find(escaped); i != std::string_view::npos) {
        out += to[i];
      } else {
        fail("an escape that JSON knows");
      }
    }
  }
  std::uint64_t whole() {
    skip();
    std::size_t digits = 0;
    std::uint64_t value = 0;
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      value = value * 10 + static_cast<std::uint64_t>(rest_[digits] - '0');
      if (value > most / 16) fail("a number below 2^58");
    }
    if (digits == 0 || (digits > 1 && rest_.front() == '0')) fail("a whole number");
    rest_.remove_prefix(digits);
    return value;
  }

  Entry entry(std::string name) {
    Entry made{.name = std::move(name)};
    bool shaped = false, placed = false;
    object([&](const std::string& key) {
      if (key == "dtype" && made.type == nullptr) {
        const std::string type = string();
        made.type = find_element(&ElementType::safetensors, type);
        require(made.type != nullptr, [&] {
          return text("the tensor ", in_quotes(made.name), " has the type ", in_quotes(type),
                      ", which is not supported; convert it, for example to float32");
        });
      } else if (key == "shape" && !std::exchange(shaped, true)) {
        list('[', ']', [&] {
          if (made.shape.size() == max_axes) fail("at most 64 axes");
          made.shape.push_back(static_cast<std::int64_t>(whole()));
        });
      } else if (key == "data_offsets" && !std::exchange(placed, true)) {
        expect('['), made.begin = whole(), expect(','), made.end = whole(), expect(']');
      } else {
        fail("one each of dtype, shape and data_offsets");
      }
    });
    if (made.type == nullptr || !shaped || !placed) fail("dtype, shape and data_offsets of each tensor");
    return made;
  }

  std::string_view rest_;
};

}  // namespace safetensors_detail

/// The tensors of a safetensors file in memory, in the header's order. Format:
/// github.com/huggingface/safetensors: 8 bytes that give the length of the header, its JSON, then the
/// elements of all tensors, little-endian and in C order, without holes or overlaps, up to the file's end.
/// @return views into `file`
/// @throws Error when anything is not so, for a type below one byte, and above `max_safetensors`
[[nodiscard]] inline std::vector<StoredTensor> parse_safetensors(std::span<const std::uint8_t> file) {
  require(file.size() >= 10, "not a safetensors file: it has fewer than 10 bytes");
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = (length << 8) | file[i];
  require(length >= 2 && length <= max_safetensors_header && length <= file.size() - 8 && file[8] == '{',
          [&] {
            return text("truncated, or not a safetensors file: its header would take ", length, " of ",
                        file.size(), " bytes");
          });
  const auto header = file.subspan(8, static_cast<std::size_t>(length));
  const auto data = file.subspan(8 + header.size());
  const auto entries =
      safetensors_detail::Header({reinterpret_cast<const char*>(header.data()), header.size()}).read();

  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  for (const auto& entry : entries) {
    require(entry.begin <= entry.end && entry.end <= data.size(), [&] {
      return text("damaged safetensors file: the tensor ", in_quotes(entry.name),
                  " lies outside the file, which holds ", data.size(), " bytes of elements");
    });
    extents.emplace_back(entry.begin, entry.end);
  }
  std::ranges::sort(extents);
  std::uint64_t reached = 0;
  for (const auto& [begin, end] : extents) {
    require(begin == reached, [&] {
      return text("damaged safetensors file: byte ", std::min(begin, reached),
                  begin < reached ? " is of two tensors" : " is of no tensor");
    });
    reached = end;
  }
  require(reached == data.size(),
          [&] { return text("damaged safetensors file: byte ", reached, " is of no tensor"); });

  std::vector<StoredTensor> tensors;
  for (const auto& entry : entries) {
    const auto flawed = [&](const auto&... what) {
      return text("damaged safetensors file: the tensor ", in_quotes(entry.name), what...);
    };
    StoredTensor tensor{.name = entry.name,
                        .type = entry.type,
                        .storage = data.subspan(static_cast<std::size_t>(entry.begin),
                                                static_cast<std::size_t>(entry.end - entry.begin)),
                        .shape = entry.shape,
                        .stride = std::vector<std::int64_t>(entry.shape.size(), 1),
                        .swapped = std::endian::native == std::endian::big};
    const std::uint64_t most = tensor.storage.size() / entry.type->bytes;
    const bool empty = std::ranges::find(entry.shape, 0) != entry.shape.end();
    std::uint64_t count = 1;
    for (std::size_t i = entry.shape.size(); i-- > 0;) {
      tensor.stride[i] = static_cast<std::int64_t>(count);
      const auto side = static_cast<std::uint64_t>(entry.shape[i] == 0 ? 1 : entry.shape[i]);
      require(side <= (empty ? std::uint64_t{1} << 48 : most) / count,
              [&] { return flawed(" has a larger shape than its ", tensor.storage.size(), " bytes"); });
      count *= side;
    }
    require((empty ? 0 : count) * entry.type->bytes == tensor.storage.size(),
            [&] { return flawed(" has a smaller shape than its ", tensor.storage.size(), " bytes"); });
    require(entry.type->torch != "bool" || are_booleans(tensor.storage),
            [&] { return flawed(" is bool and holds what is neither 0 nor 1"); });
    tensors.push_back(std::move(tensor));
  }
  refuse_twins(tensors);
  return tensors;
}

}  // namespace lumen::io
