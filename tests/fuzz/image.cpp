// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, the PNG, JPEG and BMP reader returns a picture of its stated size, or throws
// lumen::Error. The checksums of a PNG are put right in a second try, or they would keep every change away
// from the decoder.
#include <lumen/io/decode_image.hpp>

#include <cstdlib>
#include <vector>

namespace {

void decode(std::span<const std::uint8_t> file) {
  try {
    const lumen::io::Raster image = lumen::io::decode_image(file);
    const std::int64_t samples = image.channels * image.height * image.width;
    if (image.bytes.size() != static_cast<std::size_t>(samples) * lumen::io::bytes_of(image.sample))
      std::abort();
  } catch (const lumen::Error&) {
  }
}

std::vector<std::uint8_t> mended(std::span<const std::uint8_t> file) {
  std::vector<std::uint8_t> out(file.begin(), file.end());
  for (std::size_t at = 8; at + 12 <= out.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = (length << 8) | out[at + i];
    if (length > out.size() - at - 12) break;
    const std::uint32_t sum = lumen::io::crc32(std::span(out).subspan(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i)
      out[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += length + 12;
  }
  return out;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decode({data, size});
  if (size > 8 && data[0] == 0x89) decode(mended({data, size}));
  return 0;
}
