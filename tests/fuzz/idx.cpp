// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, packed by gzip or not, the IDX reader returns an array of exactly the announced size,
// or throws lumen::Error.
#include <lumen/io/gzip.hpp>
#include <lumen/io/parse_idx.hpp>

#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    std::vector<std::uint8_t> file(data, data + size);
    if (lumen::io::is_gzip(file)) file = lumen::io::gunzip(file);
    const auto array = lumen::io::parse_idx(file);
    std::size_t count = 1;
    for (const std::int64_t side : array.shape) count *= static_cast<std::size_t>(side);
    if (count != array.elements.size() || count >= file.size()) std::abort();
  } catch (const lumen::Error&) {
  }
  return 0;
}
