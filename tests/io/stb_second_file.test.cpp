// SPDX-License-Identifier: BSD-3-Clause
// A program's own stb with its implementation, before ours and in the same file: the other order than
// stb.test.cpp.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#if __has_include(<stb_image.h>)
#include <stb_image.h>
#else
#include <stb/stb_image.h>
#endif

#include <lumen/io/stb.hpp>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <doctest/doctest.h>

int second_file_decodes();

int second_file_decodes() {
  int width = 0, height = 0, channels = 0;
  const unsigned char nothing[] = {1, 2, 3};
  return lumen::io::stb::lumen_stbi_info_from_memory(nothing, 3, &width, &height, &channels);
}

DOCTEST_TEST_CASE("the program's own stb still reads what lumen's leaves out") {
  // GIF: 1 x 1, which lumen's stb does not decode.
  const unsigned char gif[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
  const int size = static_cast<int>(sizeof(gif)) - 1;
  int width = 0, height = 0, channels = 0;
  DOCTEST_CHECK(stbi_info_from_memory(gif, size, &width, &height, &channels) == 1);
  DOCTEST_CHECK(width == 1);
  DOCTEST_CHECK(lumen::io::stb::lumen_stbi_info_from_memory(gif, size, &width, &height, &channels) == 0);
}
