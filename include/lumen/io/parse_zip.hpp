// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/in_quotes.hpp>

namespace lumen::io {

/// One file inside a zip archive that lies in memory: views into it.
struct ZipRecord {
  std::string_view name{};
  std::span<const std::uint8_t> bytes{};
  bool compressed = false;     ///< `bytes` are not the record's own
  std::uint32_t checksum = 0;  ///< CRC-32; 0 where the writer computed none (not compared by `parse_zip`)
};

namespace zip_detail {

/// Little-endian numbers of an archive, each read only after its place was checked.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> file) : file_(file) {}

  [[nodiscard]] std::uint64_t number(std::size_t at, std::size_t width) const {
    require(at <= file_.size() && width <= file_.size() - at, "truncated zip archive; copy it again");
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = (value << 8) | file_[at + i];
    return value;
  }
  [[nodiscard]] std::uint64_t u16(std::size_t at) const { return number(at, 2); }
  [[nodiscard]] std::uint64_t u32(std::size_t at) const { return number(at, 4); }
  [[nodiscard]] std::uint64_t u64(std::size_t at) const { return number(at, 8); }
  [[nodiscard]] std::span<const std::uint8_t> part(std::uint64_t at, std::uint64_t size) const {
    require(at <= file_.size() && size <= file_.size() - at, "truncated zip archive; copy it again");
    return file_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
  }
  [[nodiscard]] std::string_view text_at(std::uint64_t at, std::uint64_t size) const {
    const auto bytes = part(at, size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::uint8_t> file_;
};

/// What the archive's last bytes say of its directory.
struct End {
  std::uint64_t records = 0, size = 0, start = 0;
};

inline End read_end(const Bytes& zip, std::size_t length) {
  constexpr std::size_t plain = 22, locator = 20, large = 56;
  require(length >= plain && zip.u32(length - plain) == 0x06054B50u && zip.u16(length - 2) == 0,
          "damaged or truncated zip archive: it does not end with a directory; copy it again");
  const std::size_t at = length - plain;
  End end{.records = zip.u16(at + 10), .size = zip.u32(at + 12), .start = zip.u32(at + 16)};
  bool one_disk = zip.u16(at + 4) == 0 && zip.u16(at + 6) == 0 && zip.u16(at + 8) == end.records;
  std::uint64_t limit = at;
  if (at >= locator + large && zip.u32(at - locator) == 0x07064B50u) {  // the same with wide numbers
    const std::size_t wide = at - locator - large;
    require(zip.u64(at - locator + 8) == wide && zip.u32(wide) == 0x06064B50u && zip.u64(wide + 4) == 44,
            "damaged zip archive: its zip64 directory is not where it says; copy it again");
    end = {.records = zip.u64(wide + 32), .size = zip.u64(wide + 40), .start = zip.u64(wide + 48)};
    one_disk = zip.u32(wide + 16) == 0 && zip.u32(wide + 20) == 0 && zip.u64(wide + 24) == end.records;
    limit = wide;
  }
  require(one_disk, "a zip archive of several parts is not supported; join them first");
  require(end.start <= limit && end.size == limit - end.start && end.records <= end.size / 46,
          "damaged zip archive: its directory is not where it says; copy it again");
  return end;
}

/// The wide form of a record's numbers that say 0xFFFFFFFF, in the order of the zip64 extra field.
inline void widen(const Bytes& zip, std::size_t extra, std::size_t length,
                  std::initializer_list<std::uint64_t*> numbers) {
  for (std::size_t at = extra; at + 4 <= extra + length;) {
    const std::size_t size = static_cast<std::size_t>(zip.u16(at + 2));
    if (zip.u16(at) == 1) {
      std::size_t from = at + 4;
      for (std::uint64_t* number : numbers) {
        if (*number != 0xFFFFFFFFu) continue;
        require(from + 8 <= at + 4 + size && from + 8 <= extra + length,
                "damaged zip archive: a zip64 field is too short; copy it again");
        *number = zip.u64(from);
        from += 8;
      }
      return;
    }
    at += 4 + size;
  }
}

}  // namespace zip_detail

/// The records of a zip archive, as torch.save writes it, in the order of its directory; nothing is unpacked. A reader of our own, since caffe2's PyTorchStreamReader allocates a record of
/// whatever size the directory announces before it looks at the file, and asks for sizes in no other way.
/// Format: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 to 4.3.16 and 4.5.3.
/// @return views into `file`, none of which overlap
/// @throws Error when anything is not as the format says, and for what torch.save does not write: encrypted
///         records, several parts, a comment at the end, two records of one name
[[nodiscard]] inline std::vector<ZipRecord> parse_zip(std::span<const std::uint8_t> file) {
  const zip_detail::Bytes zip(file);
  const zip_detail::End end = zip_detail::read_end(zip, file.size());
  std::vector<ZipRecord> records;
  struct Extent {
    std::uint64_t begin, end;
  };
  std::vector<Extent> extents;
  std::size_t at = static_cast<std::size_t>(end.start);
  for (std::uint64_t i = 0; i < end.records; ++i) {
    require(zip.u32(at) == 0x02014B50u, "damaged zip archive: its directory is broken; copy it again");
    const std::uint64_t flags = zip.u16(at + 8), method = zip.u16(at + 10);
    std::uint64_t packed = zip.u32(at + 20), size = zip.u32(at + 24), local = zip.u32(at + 42);
    const std::size_t length = static_cast<std::size_t>(zip.u16(at + 28));
    const std::size_t extra = static_cast<std::size_t>(zip.u16(at + 30));
    const std::string_view name = zip.text_at(at + 46, length);
    zip_detail::widen(zip, at + 46 + length, extra, {&size, &packed, &local});
    require((flags & 1u) == 0,
            [&] { return text("the record ", in_quotes(name), " is encrypted; write the archive without"); });
    require(method != 0 || size == packed, [&] {
      return text("damaged zip archive: ", in_quotes(name), " is stored in ", packed, " bytes and has ",
                  size);
    });
    require(local < end.start && zip.u32(static_cast<std::size_t>(local)) == 0x04034B50u, [&] {
      return text("damaged zip archive: ", in_quotes(name), " is not where the directory says");
    });
    const std::size_t head = static_cast<std::size_t>(local);
    const std::uint64_t begin = local + 30 + zip.u16(head + 26) + zip.u16(head + 28);
    require(zip.text_at(local + 30, zip.u16(head + 26)) == name,
            [&] { return text("damaged zip archive: ", in_quotes(name), " has two names; copy it again"); });
    require(begin <= end.start && packed <= end.start - begin, [&] {
      return text("damaged or truncated zip archive: ", in_quotes(name), " claims ", packed,
                  " bytes; copy it again");
    });
    records.push_back(
        {name, zip.part(begin, packed), method != 0, static_cast<std::uint32_t>(zip.u32(at + 16))});
    extents.push_back({local, begin + packed});
    at += 46 + length + extra + static_cast<std::size_t>(zip.u16(at + 32));
  }
  require(at == end.start + end.size, "damaged zip archive: its directory has another length than it says");

  std::ranges::sort(extents, {}, &Extent::begin);
  for (std::size_t i = 1; i < extents.size(); ++i)
    require(extents[i - 1].end <= extents[i].begin, "damaged zip archive: records overlap; copy it again");
  std::vector<std::string_view> names;
  for (const ZipRecord& record : records) names.push_back(record.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  require(twice == names.end(), [&] { return text("the zip archive has two records ", in_quotes(*twice)); });
  return records;
}

}  // namespace lumen::io
