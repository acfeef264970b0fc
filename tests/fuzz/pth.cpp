// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come, every tensor that the .pth reader returns lies inside the file, or it
// throw lumen::Error.
#include <lumen/io/parse_pth.hpp>

#include "fuzz/inside.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lumen::testing::check_inside(lumen::io::parse_pth({data, size}), {data, size});
  } catch (const lumen::Error&) {
  }
  return 0;
}
