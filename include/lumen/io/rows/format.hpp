// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/crc32.hpp>

/// A file of windowed rows: a header, then chunks of rows one after the other, each whole in itself, then an end mark. All
/// numbers are little-endian, every part begins at a multiple of 64 bytes. What follows the last whole chunk of a
/// writer that was killed is no chunk and can be cut off.
///
///     header    "LUMENROW", u32 version, u32 encoding, i64 height, width, out height, out width, channels, f64 low, high,
///               u64 length of the purpose, u32 0, u32 CRC-32 of the above and the purpose; the purpose
///     chunk     "ROWS", u32 rows, h, w, u64 bytes of values, u32 CRC of the table, u32 CRC of the values, u32 CRC of the
///               above; the table: for each row i64 index, top, left, f64 low, high, score; the values
///     end       "DONE", u32 0, u64 rows, u32 CRC of the above
namespace lumen::io::rows {

/// How values lie in the file.
enum class Encoding : std::uint32_t {
  Float32,  ///< as they are
  Float64,  ///< as they are
  Float16,  ///< over the row's largest magnitude: off by at most 2^-12 of it
  Byte,  ///< round(255 (x - min) / (max - min)) with each row's own range: off by at most (max - min) / 510
  FileByte,  ///< the same with one range for the whole file
};

inline constexpr std::size_t alignment = 64, header_bytes = 88, chunk_bytes = 36, row_bytes = 48,
                             end_bytes = 20;

[[nodiscard]] constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

[[nodiscard]] inline std::size_t bytes_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::Float32:
      return 4;
    case Encoding::Float64:
      return 8;
    case Encoding::Float16:
      return 2;
    default:
      return 1;
  }
}

/// What a file says of itself.
struct Header {
  Encoding encoding = Encoding::Float32;
  std::int64_t height = 0, width = 0;          ///< of the image
  std::int64_t out_height = 0, out_width = 0;  ///< of the output
  std::int64_t channels = 0;                   ///< of the image
  double low = 0, high = 0;                    ///< the range of FileByte
  std::string purpose{};                       ///< the writer's words: whose rows these are
  bool operator==(const Header&) const = default;
};

/// One row of a chunk's table.
struct TableRow {
  std::int64_t index = 0, top = 0, left = 0;
  double low = 0, high = 0;  ///< the row's range
  double score = 0;
};

/// Numbers put one after the other.
class Bytes {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  Bytes& put(T value) {
    static_assert(std::endian::native == std::endian::little,
                  "files of rows are written on little-endian machines");
    const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(T));
    return *this;
  }
  Bytes& put(std::string_view words) {
    bytes.insert(bytes.end(), words.begin(), words.end());
    return *this;
  }
  Bytes& check() { return put(crc32(bytes)); }
  Bytes& pad() {
    bytes.resize(aligned(bytes.size()));
    return *this;
  }
  std::vector<std::uint8_t> bytes{};
};

/// Numbers taken one after the other, from bytes that are there.
class Taken {
 public:
  explicit Taken(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, bytes_.subspan(at_, sizeof(T)).data(), sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  /// Whether the next number is the CRC of all before it.
  bool checks() {
    const std::uint32_t expected = crc32(bytes_.first(at_));
    return take<std::uint32_t>() == expected;
  }
  [[nodiscard]] bool begins(std::string_view words) {
    const bool same = std::memcmp(bytes_.data() + at_, words.data(), words.size()) == 0;
    at_ += words.size();
    return same;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

[[nodiscard]] inline std::vector<std::uint8_t> encode(const Header& h) {
  Bytes out;
  out.put("LUMENROW").put(std::uint32_t{1}).put(static_cast<std::uint32_t>(h.encoding));
  out.put(h.height).put(h.width).put(h.out_height).put(h.out_width).put(h.channels).put(h.low).put(h.high);
  out.put(static_cast<std::uint64_t>(h.purpose.size())).put(std::uint32_t{0});
  Bytes all = out;
  all.put(std::string_view(h.purpose));
  return out.put(crc32(all.bytes)).put(std::string_view(h.purpose)).pad().bytes;
}

/// @throws Error for anything that is not such a header, whole
[[nodiscard]] inline Header parse_header(std::span<const std::uint8_t> file) {
  constexpr std::string_view foreign = "this is no file of windowed rows";
  require(file.size() >= header_bytes && std::memcmp(file.data(), "LUMENROW", 8) == 0, foreign);
  Taken from(file);
  (void)from.begins("LUMENROW");
  const auto version = from.take<std::uint32_t>();
  require(version == 1,
          [&] { return text("the file of rows is of version ", version, "; this reads version 1"); });
  Header h;
  const auto encoding = from.take<std::uint32_t>();
  for (std::int64_t* extent : {&h.height, &h.width, &h.out_height, &h.out_width, &h.channels})
    *extent = from.take<std::int64_t>();
  h.low = from.take<double>();
  h.high = from.take<double>();
  const auto length = from.take<std::uint64_t>();
  (void)from.take<std::uint32_t>();
  require(length <= file.size() - header_bytes && aligned(header_bytes + length) <= file.size(),
          "the file of rows ends within its header");
  Bytes all;
  all.bytes.assign(file.begin(), file.begin() + header_bytes - 4);
  h.purpose.assign(reinterpret_cast<const char*>(file.data()) + header_bytes, length);
  all.put(std::string_view(h.purpose));
  require(from.take<std::uint32_t>() == crc32(all.bytes), "the header of the file of rows is damaged");
  constexpr std::int64_t most = std::int64_t{1} << 24;
  bool sane = encoding <= static_cast<std::uint32_t>(Encoding::FileByte);
  for (const std::int64_t extent : {h.height, h.width, h.out_height, h.out_width, h.channels})
    sane = sane && extent >= 1 && extent <= most;
  require(sane, "the header of the file of rows holds an unknown encoding or an extent out of range");
  h.encoding = static_cast<Encoding>(encoding);
  return h;
}

}  // namespace lumen::io::rows
