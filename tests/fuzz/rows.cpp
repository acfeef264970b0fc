// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, the index of a file of rows names places inside of it, or it is refused. Checksums would stop
// nearly every mutation at once, so each input is also tried with its checksums made right.
#include <lumen/io/rows/index.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace rows = lumen::io::rows;

namespace {

void look(std::span<const std::uint8_t> file) {
  try {
    const rows::Index index = rows::read_index(file);
    std::size_t count = 0;
    for (const rows::Chunk& chunk : index.chunks) {
      count += chunk.table.size();
      if (chunk.values > file.size() || chunk.bytes > file.size() - chunk.values || chunk.table.empty())
        std::abort();
      const auto row = static_cast<long double>(chunk.height) * static_cast<long double>(chunk.width) *
                       static_cast<long double>(index.header.channels) *
                       static_cast<long double>(rows::bytes_of(index.header.encoding));
      if (static_cast<long double>(chunk.bytes) != row * static_cast<long double>(chunk.table.size()))
        std::abort();
    }
    if (count != index.places.size() || index.whole > file.size()) std::abort();
    for (const auto& [output, place] : index.places) {
      if (output < 0 || output >= index.header.out_height * index.header.out_width) std::abort();
      if (index.chunks[place.first].table[place.second].index != output) std::abort();
    }
  } catch (const lumen::Error&) {
  }
}

void put(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint32_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

template <class T>
T get(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::vector<std::uint8_t> repaired(std::vector<std::uint8_t> bytes) {
  const std::span<const std::uint8_t> all(bytes);
  const auto limited = [&](std::uint64_t wanted, std::size_t from) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, bytes.size() - from));
  };
  if (bytes.size() < rows::header_bytes) return bytes;
  const std::size_t purpose = limited(get<std::uint64_t>(bytes, 72), rows::header_bytes);
  std::vector<std::uint8_t> head(bytes.begin(), bytes.begin() + rows::header_bytes - 4);
  head.insert(head.end(), bytes.begin() + rows::header_bytes,
              bytes.begin() + static_cast<std::ptrdiff_t>(rows::header_bytes + purpose));
  put(bytes, rows::header_bytes - 4, lumen::io::crc32(head));
  std::size_t at = rows::aligned(rows::header_bytes + purpose);
  while (at < bytes.size() && bytes.size() - at >= rows::alignment) {
    if (bytes[at] == 'D') {
      put(bytes, at + 16, lumen::io::crc32(all.subspan(at, 16)));
      break;
    }
    const auto count = get<std::uint32_t>(bytes, at + 4);
    const std::size_t table = at + rows::aligned(rows::chunk_bytes);
    const std::size_t length = limited(std::uint64_t{count} * rows::row_bytes, table);
    put(bytes, at + 24, lumen::io::crc32(all.subspan(table, length)));
    put(bytes, at + 32, lumen::io::crc32(all.subspan(at, 32)));
    const std::size_t values = at + rows::aligned(rows::aligned(rows::chunk_bytes) + length);
    if (values >= bytes.size()) break;
    at = values + rows::aligned(limited(get<std::uint64_t>(bytes, at + 16), values));
  }
  return bytes;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  look({data, size});
  const std::vector<std::uint8_t> mended = repaired({data, data + size});
  look(mended);
  return 0;
}
