// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>

namespace lumen::io {

/// The largest file that `read_file` loads, 2 GiB.
inline constexpr std::uintmax_t max_file_bytes = std::uintmax_t{1} << 31;

/// The whole file in memory.
/// @throws Error when the path is missing, no regular file (a folder, a device), empty, above
///         `max_file_bytes` or unreadable; the message names the path
[[nodiscard]] inline std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  require(std::filesystem::exists(status), [&] {
    return text("cannot read ", path, ": no such file (looked from ", std::filesystem::current_path(failed),
                "); check the path");
  });
  require(!std::filesystem::is_directory(status),
          [&] { return text("cannot read ", path, ": it is a folder; name a file inside it"); });
  require(std::filesystem::is_regular_file(status),
          [&] { return text("cannot read ", path, ": it is not a regular file; copy its contents to one"); });
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  require(!failed, [&] { return text("cannot read ", path, ": ", failed.message()); });
  require(size > 0,
          [&] { return text("cannot read ", path, ": the file is empty; write or download it again"); });
  require(size <= max_file_bytes, [&] {
    return text("cannot read ", path, ": ", size,
                " bytes is over the limit of 2 GiB; split or shrink the file");
  });
  std::ifstream in(path, std::ios::binary);
  require(in.good(), [&] { return text("cannot open ", path, " for reading; check its permissions"); });
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  require(in.gcount() == static_cast<std::streamsize>(size), [&] {
    return text("cannot read ", path, ": got ", in.gcount(), " of ", size,
                " bytes; is it still being written?");
  });
  return bytes;
}

/// Writes `bytes` to `path`, replacing what was there. The folder must exist.
/// @throws Error naming the path when it cannot be opened or the disk is full
inline void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  require(out.good(), [&] {
    return text("cannot open ", path, " for writing; does its folder exist, and may you write there?");
  });
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  require(!out.fail(),
          [&] { return text("cannot write ", bytes.size(), " bytes to ", path, "; is the disk full?"); });
}

/// The extension in lower case, with its dot: ".png".
[[nodiscard]] inline std::string extension(const std::filesystem::path& path) {
  std::string dotted = path.extension().string();
  for (char& c : dotted)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return dotted;
}

/// Runs `body`, and puts `path` in front of the message of an Error that it throws, once.
template <class Body>
decltype(auto) naming(const std::filesystem::path& path, const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    const std::string front = text(path, ": "), said = error.what();
    throw Error(said.starts_with(front) ? said : front + said, error.where());
  }
}

}  // namespace lumen::io
