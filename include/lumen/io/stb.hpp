// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// The one header that includes stb. All of stb lies in lumen::io::stb with internal linkage, and every macro
// that steers it is put back afterwards, so a program may use its own stb beside this one, before or after,
// in any file.

#include <cassert>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace lumen::io::stb {

/// The largest block that stb may allocate on this thread; set by the decoder from the image's stated size,
/// so that a few bytes that claim or expand to gigabytes are refused.
inline thread_local std::size_t allocation_limit = 0;

inline void* allocate(std::size_t size) { return size <= allocation_limit ? std::malloc(size) : nullptr; }
inline void* reallocate(void* block, std::size_t size) {
  return size <= allocation_limit ? std::realloc(block, size) : nullptr;
}

}  // namespace lumen::io::stb

#if defined(__GNUC__)
#pragma GCC system_header  // third-party code from here on: its warnings are not ours to mend
#elif defined(_MSC_VER)
#pragma warning(push, 0)
#endif

#include <lumen/io/stb_begin.hpp>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_SIMD
#define STBI_NO_PSD
#define STBI_NO_TGA
#define STBI_NO_GIF
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_PNM
#define STBI_NO_LINEAR
#define STBI_ASSERT(condition) assert(condition)
#define STBI_MALLOC(size) ::lumen::io::stb::allocate(size)
#define STBI_REALLOC(block, size) ::lumen::io::stb::reallocate(block, size)
#define STBI_FREE(block) ::std::free(block)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(condition) assert(condition)
#define STBIW_MALLOC(size) ::std::malloc(size)
#define STBIW_REALLOC(block, size) ::std::realloc(block, size)
#define STBIW_FREE(block) ::std::free(block)
#define STBIW_MEMMOVE(to, from, size) ::std::memmove(to, from, size)

namespace lumen::io::stb {
#if __has_include(<stb_image.h>)
#include <stb_image.h>
#include <stb_image_write.h>
#elif __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#else
#error \
    "lumen/io/image.hpp needs stb: install libstb-dev, or put stb_image.h and stb_image_write.h on the include path"
#endif
}  // namespace lumen::io::stb

#include <lumen/io/stb_end.hpp>

#if defined(_MSC_VER)
#pragma warning(pop)
#endif
