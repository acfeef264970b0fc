// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, the TIFF reader returns an image of its stated size, or throws lumen::Error.
#include <lumen/io/decode_tiff.hpp>

#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lumen::io::Raster image = lumen::io::decode_tiff({data, size});
    const std::int64_t samples = image.channels * image.height * image.width;
    if (image.bytes.size() != static_cast<std::size_t>(samples) * lumen::io::bytes_of(image.sample))
      std::abort();
  } catch (const lumen::Error&) {
  }
  return 0;
}
