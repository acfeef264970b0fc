// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// Files of weights made by hand, so that they can be made wrong in every way.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/files.hpp"

namespace lumen::testing {

/// A number in little-endian order.
inline std::string le(std::uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  return out;
}

inline Bytes to_bytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

using Records = std::vector<std::pair<std::string, std::string>>;

/// A zip archive of stored records without checksums: local headers, directory, end.
inline std::string zip(const Records& records) {
  std::string file, directory;
  for (const auto& [name, body] : records) {
    const std::string common = le(0, 2) + le(0, 2) + le(0, 4) + le(0, 4) + le(body.size(), 4) +
                               le(body.size(), 4) + le(name.size(), 2) + le(0, 2);
    directory += "PK\x01\x02" + le(20, 2) + le(20, 2) + common + le(0, 2) + le(0, 2) + le(0, 2) + le(0, 4) +
                 le(file.size(), 4) + name;
    file += "PK\x03\x04" + le(20, 2) + common + name + body;
  }
  const std::string end = "PK\x05\x06" + le(0, 4) + le(records.size(), 2) + le(records.size(), 2) +
                          le(directory.size(), 4) + le(file.size(), 4) + le(0, 2);
  return file + directory + end;
}

// The parts of a pickle.
inline std::string word(const std::string& text) { return "X" + le(text.size(), 4) + text; }
inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + le(static_cast<std::uint64_t>(value), 8);
}
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string out = "(";
  for (const std::int64_t value : values) out += integer(value);
  return out + "t";
}
inline std::string storage(const std::string& key, std::int64_t count,
                           const std::string& type = "FloatStorage") {
  return "(" + word("storage") + "ctorch\n" + type + "\n" + word(key) + word("cpu") + integer(count) + "tQ";
}
inline std::string tensor(const std::string& of, std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& stride, const std::string& rest = "") {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + of + integer(offset) + tuple(shape) + tuple(stride) +
         "\x89"
         "ccollections\nOrderedDict\n)R" +
         rest + "tR";
}
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }
inline std::string dictionary(const std::string& items) { return "}(" + items + "u"; }

/// A .pth file of that pickle and one storage, "0", of `bytes`.
inline Bytes pth(const std::string& value,
                 const std::string& bytes = le(0x3F800000u, 4) + le(0x40000000u, 4)) {
  return to_bytes(zip({{"net/data.pkl", pickle(value)}, {"net/data/0", bytes}, {"net/version", "3\n"}}));
}

/// A safetensors file of that header and elements.
inline Bytes safetensors(const std::string& header, const std::string& elements = "") {
  return to_bytes(le(header.size(), 8) + header + elements);
}

}  // namespace lumen::testing
