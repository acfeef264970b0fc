// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <lumen/core/error.hpp>
#include <lumen/io/file.hpp>

namespace lumen::io {

/// A file in memory without being read: pages come as they are touched. What is written to the memory stays in this
/// process, never in the file. Where the system has no such thing the file is read.
class Mapping {
 public:
  /// @throws Error naming the path when it is missing, no regular file, empty or unreadable
  explicit Mapping(const std::filesystem::path& path) {
#if defined(_WIN32)
    copy_ = read_file(path);
    bytes_ = copy_;
#else
    std::error_code failed;
    require(std::filesystem::is_regular_file(path, failed),
            [&] { return text("cannot read ", path, ": there is no such file; check the path"); });
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    require(file >= 0, [&] { return text("cannot open ", path, " for reading; check its permissions"); });
    struct stat about{};
    const bool known = ::fstat(file, &about) == 0;
    void* memory = MAP_FAILED;
    if (known && about.st_size > 0) {
      memory = ::mmap(nullptr, static_cast<std::size_t>(about.st_size), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_NORESERVE, file, 0);
    }
    ::close(file);
    require(known && about.st_size > 0, [&] { return text("cannot read ", path, ": the file is empty"); });
    require(memory != MAP_FAILED,
            [&] { return text("cannot map ", path, " of ", about.st_size, " bytes into memory"); });
    bytes_ = {static_cast<std::uint8_t*>(memory), static_cast<std::size_t>(about.st_size)};
#endif
  }
  ~Mapping() {
#if !defined(_WIN32)
    ::munmap(bytes_.data(), bytes_.size());
#endif
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] std::span<std::uint8_t> bytes() const { return bytes_; }

 private:
  std::span<std::uint8_t> bytes_{};
#if defined(_WIN32)
  std::vector<std::uint8_t> copy_{};
#endif
};

}  // namespace lumen::io
