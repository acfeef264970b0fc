// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, the npy reader returns an array of exactly the announced size, or throws lumen::Error.
#include <lumen/io/parse_npy.hpp>

#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::span<const std::uint8_t> file(data, size);
    const lumen::io::NpyHeader header = lumen::io::parse_npy(file);
    const auto elements = lumen::io::npy_elements(file, header);
    if (elements.size() != header.count * lumen::io::bytes_of(header.sample)) std::abort();
    if (elements.size() > size) std::abort();
  } catch (const lumen::Error&) {
  }
  return 0;
}
