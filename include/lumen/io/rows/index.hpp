// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/rows/format.hpp>

namespace lumen::io::rows {

/// Where a chunk lies.
struct Chunk {
  std::size_t values = 0;              ///< offset of its values in the file
  std::size_t bytes = 0;               ///< of its values
  std::int64_t height = 0, width = 0;  ///< of its windows
  std::uint32_t crc = 0;               ///< of its values
  std::vector<TableRow> table{};
};

/// All that a file holds but the values.
struct Index {
  Header header{};
  std::vector<Chunk> chunks{};
  /// Of an output pixel: the chunk that holds its row, and the row's place there.
  std::unordered_map<std::int64_t, std::pair<std::size_t, std::size_t>> places{};
  std::size_t whole = 0;  ///< bytes up to the end of the last whole chunk
  bool finished = false;  ///< whether the end mark is there
  std::string why_not{};  ///< what is wrong after the last whole chunk, if it is not
};

/// The index of a file, up to its end mark or the last whole chunk. Reads headers and tables, no values.
/// @throws Error if it is no file of rows, or holds a row twice or one that is out of range
[[nodiscard]] inline Index read_index(std::span<const std::uint8_t> file) {
  Index index{.header = parse_header(file)};
  const Header& header = index.header;
  index.whole = aligned(header_bytes + header.purpose.size());
  const std::int64_t outputs = header.out_height * header.out_width;
  while (true) {
    const auto rest = file.subspan(index.whole);
    const auto stop = [&](std::string why) {
      index.why_not = text(std::move(why), " at byte ", index.whole);
      return index;
    };
    if (rest.size() < alignment)
      return stop(rest.empty() ? "the file ends without its end mark" : "the file is cut off");
    Taken from(rest);
    if (std::memcmp(rest.data(), "DONE", 4) == 0) {
      (void)from.begins("DONE");
      (void)from.take<std::uint32_t>();
      const auto rows = from.take<std::uint64_t>();
      if (!from.checks() || rows != index.places.size() || rest.size() != alignment)
        return stop("the end mark is damaged");
      index.finished = true;
      return index;
    }
    if (!from.begins("ROWS")) return stop("there is no chunk");
    const auto rows = from.take<std::uint32_t>(), height = from.take<std::uint32_t>(),
               width = from.take<std::uint32_t>();
    const auto bytes = from.take<std::uint64_t>();
    const auto table_crc = from.take<std::uint32_t>(), values_crc = from.take<std::uint32_t>();
    if (!from.checks()) return stop("a chunk's header is damaged");
    constexpr std::uint32_t most = std::uint32_t{1} << 24;
    const std::size_t first = aligned(chunk_bytes), table_bytes = std::size_t{rows} * row_bytes;
    const std::size_t values = aligned(first + table_bytes);
    const long double expected = static_cast<long double>(rows) * static_cast<long double>(header.channels) *
                                 height * width * static_cast<long double>(bytes_of(header.encoding));
    if (rows == 0 || rows > most || height == 0 || height > most || width == 0 || width > most ||
        static_cast<long double>(bytes) != expected)
      return stop("a chunk's sizes do not fit together");
    if (values > rest.size() || bytes > rest.size() - values || aligned(bytes) > rest.size() - values)
      return stop("a chunk is cut off");
    if (crc32(rest.subspan(first, table_bytes)) != table_crc) return stop("a chunk's table is damaged");
    Chunk chunk{
        .values = index.whole + values, .bytes = bytes, .height = height, .width = width, .crc = values_crc};
    Taken table(rest.subspan(first, table_bytes));
    for (std::size_t b = 0; b < rows; ++b) {
      TableRow row{.index = table.take<std::int64_t>(),
                   .top = table.take<std::int64_t>(),
                   .left = table.take<std::int64_t>()};
      row.low = table.take<double>();
      row.high = table.take<double>();
      row.score = table.take<double>();
      constexpr std::int64_t far = std::int64_t{1} << 32;
      require(row.index >= 0 && row.index < outputs && std::abs(row.top) < far && std::abs(row.left) < far &&
                  std::isfinite(row.low) && std::isfinite(row.high),
              [&] {
                return text("the file of rows holds a row of output ", row.index, " that is out of range");
              });
      require(index.places.try_emplace(row.index, index.chunks.size(), b).second,
              [&] { return text("the file of rows holds the row of output ", row.index, " twice"); });
      chunk.table.push_back(row);
    }
    index.chunks.push_back(std::move(chunk));
    index.whole += values + aligned(bytes);
  }
}

}  // namespace lumen::io::rows
