// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <caffe2/serialize/inline_container.h>

#include <lumen/core/error.hpp>
#include <lumen/io/crc32.hpp>

/// What is checked of a TorchScript file before LibTorch gets it: LibTorch compares no checksums, and its readers
/// trust what they find.
namespace lumen::script::detail {

/// What went wrong in LibTorch: its first line, without the place in its sources.
inline std::string in_short(const std::exception& failure) {
  const std::string all = failure.what();
  const std::size_t start = std::min(all.find_first_not_of('\n'), all.size());
  return all.substr(start, all.find('\n', start) - start);
}

/// What the directory of a zip archive says of a record.
struct ArchiveRecord {
  std::string name{};
  std::uint32_t checksum = 0;  ///< CRC-32 of the content; 0 if the writer computed none
  std::uint64_t packed = 0, size = 0;
};

/// The directory of an archive; format: PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16.
/// @throws Error if it is not at the end of the file, or damaged
inline std::vector<ArchiveRecord> read_directory(std::ifstream& file, std::uint64_t length) {
  const auto damaged = [] { return Error("its directory is damaged or cut off"); };
  const auto read = [&](std::uint64_t at, std::uint64_t size) {
    if (at > length || size > length - at) throw damaged();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
    file.seekg(static_cast<std::streamoff>(at));
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!file) throw damaged();
    return bytes;
  };
  const auto number = [&](const std::vector<std::uint8_t>& bytes, std::size_t at, std::size_t width) {
    if (at > bytes.size() || width > bytes.size() - at) throw damaged();
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = (value << 8) | bytes[at + i];
    return value;
  };
  constexpr std::uint64_t plain = 22, locator = 20, large = 56, wide = 0xFFFFFFFF;
  if (length < plain) throw damaged();
  const auto end = read(length - plain, plain);
  if (number(end, 0, 4) != 0x06054B50) throw damaged();
  std::uint64_t size = number(end, 12, 4), start = number(end, 16, 4);
  if (length >= plain + locator + large) {
    const auto far = read(length - plain - locator - large, large);
    if (number(far, 0, 4) == 0x06064B50) size = number(far, 40, 8), start = number(far, 48, 8);
  }
  const auto directory = read(start, size);
  std::vector<ArchiveRecord> records;
  for (std::size_t at = 0; at < directory.size();) {
    if (number(directory, at, 4) != 0x02014B50) throw damaged();
    ArchiveRecord record{.checksum = static_cast<std::uint32_t>(number(directory, at + 16, 4)),
                         .packed = number(directory, at + 20, 4),
                         .size = number(directory, at + 24, 4)};
    const auto name = static_cast<std::size_t>(number(directory, at + 28, 2));
    const auto extra = static_cast<std::size_t>(number(directory, at + 30, 2));
    const auto comment = static_cast<std::size_t>(number(directory, at + 32, 2));
    at += 46;
    for (std::size_t i = 0; i < name; ++i) record.name += static_cast<char>(number(directory, at + i, 1));
    if ((record.size == wide || record.packed == wide) && number(directory, at + name, 2) == 1) {
      std::size_t from = at + name + 4;  // the zip64 field comes first
      if (record.size == wide) record.size = number(directory, from, 8), from += 8;
      if (record.packed == wide) record.packed = number(directory, from, 8);
    }
    if (record.packed > length || record.size / 1100 > record.packed)
      throw damaged();  // no deflate packs so well
    const bool stored = number(directory, at - 46 + 10, 2) == 0;
    const std::uint64_t place = number(directory, at - 46 + 42, 4);
    if (record.name.ends_with("/version") && stored && record.checksum != 0 && place != wide) {
      const auto head = read(place, 30);
      const auto content = read(place + 30 + number(head, 26, 2) + number(head, 28, 2), record.size);
      if (io::crc32(content) != record.checksum) throw damaged();
    }
    records.push_back(record);
    at += name + extra + comment;
  }
  return records;
}

/// Whether an archive says where LibTorch's reader looks first of which version it is. Where it finds none that reader throws
/// before it owns the memory that it has taken.
inline bool has_version(const std::vector<ArchiveRecord>& records) {
  if (records.empty()) return false;
  const std::string folder = records.front().name.substr(0, records.front().name.find('/') + 1);
  return std::any_of(records.begin(), records.end(), [&](const ArchiveRecord& each) {
    return each.name == folder + "version" || each.name == folder + ".data/version";
  });
}

/// @throws Error unless the file is an undamaged archive that holds a TorchScript program
inline void check_archive(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code none;
  require(std::filesystem::is_regular_file(path, none),
          [&] { return text("there is no file '", name, "'"); });
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  require(file.good(),
          [&] { return text(name, " cannot be read, or is shorter than any TorchScript file"); });
  const char* const wanted = "; write one with torch.jit.script(net.eval()).save(...), or torch.jit.trace";
  require(magic == std::array<char, 4>{'P', 'K', 3, 4}, [&] {
    return text(name, " is no TorchScript file", magic[0] == '\x80' ? " but a Python pickle" : "", wanted);
  });
  try {
    const auto directory = read_directory(file, std::filesystem::file_size(path));
    for (const ArchiveRecord& record : directory) {
      require(!record.name.ends_with(".npy"), [&] {
        return text("it is an npz of arrays ('", record.name, "'), which holds no program", wanted);
      });
    }
    require(has_version(directory), [&] {
      return text("it holds no TorchScript program, or the names of its parts are damaged", wanted);
    });
    caffe2::serialize::PyTorchStreamReader archive(name);
    require(archive.hasRecord("constants.pkl"), [&] {
      return text("it holds no TorchScript program",
                  archive.hasRecord("data.pkl") ? " but weights of torch.save" : "", wanted);
    });
    for (const ArchiveRecord& record : directory) {
      if (record.checksum == 0) continue;
      const auto [bytes, size] = archive.getRecord(record.name.substr(record.name.find('/') + 1));
      const std::span content(static_cast<const std::uint8_t*>(bytes.get()), size);
      require(io::crc32(content) == record.checksum,
              [&] { return text("its part '", record.name, "' is damaged; copy the file again"); });
    }
  } catch (const Error& failure) {
    throw Error(text(name, " is no complete TorchScript file: ", failure.what()));
  } catch (const std::exception& failure) {
    throw Error(text(name, " is damaged or truncated, copy it again: ", in_short(failure)));
  }
}

}  // namespace lumen::script::detail
