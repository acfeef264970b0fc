// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/stb.hpp>

// A program's own stb, after ours and in the same file, with its own settings.
#if defined(STBI_INCLUDE_STB_IMAGE_H) || defined(STB_IMAGE_IMPLEMENTATION) || defined(STBI_MALLOC) || \
    defined(STBI_NO_GIF) || defined(STBIDEF) || defined(STBI_WRITE_NO_STDIO)
#error "lumen/io/stb.hpp leaves a macro of stb behind"
#endif
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#if __has_include(<stb_image.h>)
#include <stb_image.h>
#else
#include <stb/stb_image.h>
#endif

#include <doctest/doctest.h>

#include <type_traits>

int second_file_decodes();

DOCTEST_TEST_CASE("lumen's stb and a program's own are different functions") {
  static_assert(std::is_same_v<stbi_uc, unsigned char>);
  static_assert(!std::is_same_v<stbi_io_callbacks, lumen::io::stb::stbi_io_callbacks>);
#if !defined(STBI_ONLY_PNG) || !defined(STB_IMAGE_STATIC)
  DOCTEST_FAIL("the program's own settings are gone");
#endif
}

DOCTEST_TEST_CASE("two files of one program include it") {
  DOCTEST_CHECK(second_file_decodes() == 0);
  int width = 0, height = 0, channels = 0;
  const unsigned char nothing[] = {1, 2, 3};
  DOCTEST_CHECK(lumen::io::stb::lumen_stbi_info_from_memory(nothing, 3, &width, &height, &channels) == 0);
}

DOCTEST_TEST_CASE("blocks above the limit of this thread are not allocated") {
  lumen::io::stb::allocation_limit = 16;
  void* small = lumen::io::stb::allocate(16);
  DOCTEST_CHECK(small != nullptr);
  DOCTEST_CHECK(lumen::io::stb::reallocate(small, 17) == nullptr);
  DOCTEST_CHECK(lumen::io::stb::allocate(17) == nullptr);
  std::free(small);
}
