// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, every tensor that the safetensors reader returns lies inside the file, or it
// throw lumen::Error.
#include <lumen/io/parse_safetensors.hpp>

#include "fuzz/inside.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lumen::testing::check_inside(lumen::io::parse_safetensors({data, size}), {data, size});
  } catch (const lumen::Error&) {
  }
  return 0;
}
