// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// For lumen/io/stb.hpp alone: puts every macro that steers stb aside, and renames stb's functions, whose C
// names would meet those of a program's own stb in the same file even from inside a namespace. stb_end.hpp
// undoes it.
#ifdef LUMEN_STB_OPEN
#error "lumen/io/stb_begin.hpp is for lumen/io/stb.hpp alone"
#endif
#define LUMEN_STB_OPEN

#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#undef STBI_INCLUDE_STB_IMAGE_H
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#undef STB_IMAGE_IMPLEMENTATION
#pragma push_macro("STB_IMAGE_STATIC")
#undef STB_IMAGE_STATIC
#pragma push_macro("STBIDEF")
#undef STBIDEF
#pragma push_macro("STBI_NO_STDIO")
#undef STBI_NO_STDIO
#pragma push_macro("STBI_NO_SIMD")
#undef STBI_NO_SIMD
#pragma push_macro("STBI_NO_JPEG")
#undef STBI_NO_JPEG
#pragma push_macro("STBI_NO_PNG")
#undef STBI_NO_PNG
#pragma push_macro("STBI_NO_BMP")
#undef STBI_NO_BMP
#pragma push_macro("STBI_NO_PSD")
#undef STBI_NO_PSD
#pragma push_macro("STBI_NO_TGA")
#undef STBI_NO_TGA
#pragma push_macro("STBI_NO_GIF")
#undef STBI_NO_GIF
#pragma push_macro("STBI_NO_HDR")
#undef STBI_NO_HDR
#pragma push_macro("STBI_NO_PIC")
#undef STBI_NO_PIC
#pragma push_macro("STBI_NO_PNM")
#undef STBI_NO_PNM
#pragma push_macro("STBI_NO_LINEAR")
#undef STBI_NO_LINEAR
#pragma push_macro("STBI_NO_ZLIB")
#undef STBI_NO_ZLIB
#pragma push_macro("STBI_ONLY_JPEG")
#undef STBI_ONLY_JPEG
#pragma push_macro("STBI_ONLY_PNG")
#undef STBI_ONLY_PNG
#pragma push_macro("STBI_ONLY_BMP")
#undef STBI_ONLY_BMP
#pragma push_macro("STBI_ONLY_PSD")
#undef STBI_ONLY_PSD
#pragma push_macro("STBI_ONLY_TGA")
#undef STBI_ONLY_TGA
#pragma push_macro("STBI_ONLY_GIF")
#undef STBI_ONLY_GIF
#pragma push_macro("STBI_ONLY_HDR")
#undef STBI_ONLY_HDR
#pragma push_macro("STBI_ONLY_PIC")
#undef STBI_ONLY_PIC
#pragma push_macro("STBI_ONLY_PNM")
#undef STBI_ONLY_PNM
#pragma push_macro("STBI_ONLY_ZLIB")
#undef STBI_ONLY_ZLIB
#pragma push_macro("STBI_NO_FAILURE_STRINGS")
#undef STBI_NO_FAILURE_STRINGS
#pragma push_macro("STBI_FAILURE_USERMSG")
#undef STBI_FAILURE_USERMSG
#pragma push_macro("STBI_MAX_DIMENSIONS")
#undef STBI_MAX_DIMENSIONS
#pragma push_macro("STBI_ASSERT")
#undef STBI_ASSERT
#pragma push_macro("STBI_MALLOC")
#undef STBI_MALLOC
#pragma push_macro("STBI_REALLOC")
#undef STBI_REALLOC
#pragma push_macro("STBI_REALLOC_SIZED")
#undef STBI_REALLOC_SIZED
#pragma push_macro("STBI_FREE")
#undef STBI_FREE
#pragma push_macro("STBI_NEON")
#undef STBI_NEON
#pragma push_macro("STBI_SSE2")
#undef STBI_SSE2
#pragma push_macro("stbi__err")
#undef stbi__err
#pragma push_macro("STBI_SIMD_ALIGN")
#undef STBI_SIMD_ALIGN
#pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#undef INCLUDE_STB_IMAGE_WRITE_H
#pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#pragma push_macro("STB_IMAGE_WRITE_STATIC")
#undef STB_IMAGE_WRITE_STATIC
#pragma push_macro("STBIWDEF")
#undef STBIWDEF
#pragma push_macro("STBI_WRITE_NO_STDIO")
#undef STBI_WRITE_NO_STDIO
#pragma push_macro("STBIW_ASSERT")
#undef STBIW_ASSERT
#pragma push_macro("STBIW_MALLOC")
#undef STBIW_MALLOC
#pragma push_macro("STBIW_REALLOC")
#undef STBIW_REALLOC
#pragma push_macro("STBIW_REALLOC_SIZED")
#undef STBIW_REALLOC_SIZED
#pragma push_macro("STBIW_FREE")
#undef STBIW_FREE
#pragma push_macro("STBIW_MEMMOVE")
#undef STBIW_MEMMOVE
#pragma push_macro("STBIW_ZLIB_COMPRESS")
#undef STBIW_ZLIB_COMPRESS
#pragma push_macro("STBIW_CRC32")
#undef STBIW_CRC32

#define stbi__unpremultiply_on_load_thread lumen_stbi__unpremultiply_on_load_thread
#define stbi_convert_iphone_png_to_rgb lumen_stbi_convert_iphone_png_to_rgb
#define stbi_convert_iphone_png_to_rgb_thread lumen_stbi_convert_iphone_png_to_rgb_thread
#define stbi_convert_wchar_to_utf8 lumen_stbi_convert_wchar_to_utf8
#define stbi_failure_reason lumen_stbi_failure_reason
#define stbi_flip_vertically_on_write lumen_stbi_flip_vertically_on_write
#define stbi_hdr_to_ldr_gamma lumen_stbi_hdr_to_ldr_gamma
#define stbi_hdr_to_ldr_scale lumen_stbi_hdr_to_ldr_scale
#define stbi_image_free lumen_stbi_image_free
#define stbi_info lumen_stbi_info
#define stbi_info_from_callbacks lumen_stbi_info_from_callbacks
#define stbi_info_from_file lumen_stbi_info_from_file
#define stbi_info_from_memory lumen_stbi_info_from_memory
#define stbi_is_16_bit lumen_stbi_is_16_bit
#define stbi_is_16_bit_from_callbacks lumen_stbi_is_16_bit_from_callbacks
#define stbi_is_16_bit_from_file lumen_stbi_is_16_bit_from_file
#define stbi_is_16_bit_from_memory lumen_stbi_is_16_bit_from_memory
#define stbi_is_hdr lumen_stbi_is_hdr
#define stbi_is_hdr_from_callbacks lumen_stbi_is_hdr_from_callbacks
#define stbi_is_hdr_from_file lumen_stbi_is_hdr_from_file
#define stbi_is_hdr_from_memory lumen_stbi_is_hdr_from_memory
#define stbi_ldr_to_hdr_gamma lumen_stbi_ldr_to_hdr_gamma
#define stbi_ldr_to_hdr_scale lumen_stbi_ldr_to_hdr_scale
#define stbi_load lumen_stbi_load
#define stbi_load_16 lumen_stbi_load_16
#define stbi_load_16_from_callbacks lumen_stbi_load_16_from_callbacks
#define stbi_load_16_from_memory lumen_stbi_load_16_from_memory
#define stbi_load_from_callbacks lumen_stbi_load_from_callbacks
#define stbi_load_from_file lumen_stbi_load_from_file
#define stbi_load_from_file_16 lumen_stbi_load_from_file_16
#define stbi_load_from_memory lumen_stbi_load_from_memory
#define stbi_load_gif_from_memory lumen_stbi_load_gif_from_memory
#define stbi_loadf lumen_stbi_loadf
#define stbi_loadf_from_callbacks lumen_stbi_loadf_from_callbacks
#define stbi_loadf_from_file lumen_stbi_loadf_from_file
#define stbi_loadf_from_memory lumen_stbi_loadf_from_memory
#define stbi_set_flip_vertically_on_load lumen_stbi_set_flip_vertically_on_load
#define stbi_set_flip_vertically_on_load_thread lumen_stbi_set_flip_vertically_on_load_thread
#define stbi_set_unpremultiply_on_load lumen_stbi_set_unpremultiply_on_load
#define stbi_set_unpremultiply_on_load_thread lumen_stbi_set_unpremultiply_on_load_thread
#define stbi_write_bmp lumen_stbi_write_bmp
#define stbi_write_bmp_to_func lumen_stbi_write_bmp_to_func
#define stbi_write_force_png_filter lumen_stbi_write_force_png_filter
#define stbi_write_hdr lumen_stbi_write_hdr
#define stbi_write_hdr_to_func lumen_stbi_write_hdr_to_func
#define stbi_write_jpg lumen_stbi_write_jpg
#define stbi_write_jpg_to_func lumen_stbi_write_jpg_to_func
#define stbi_write_png lumen_stbi_write_png
#define stbi_write_png_compression_level lumen_stbi_write_png_compression_level
#define stbi_write_png_to_func lumen_stbi_write_png_to_func
#define stbi_write_png_to_mem lumen_stbi_write_png_to_mem
#define stbi_write_tga lumen_stbi_write_tga
#define stbi_write_tga_to_func lumen_stbi_write_tga_to_func
#define stbi_write_tga_with_rle lumen_stbi_write_tga_with_rle
#define stbi_zlib_compress lumen_stbi_zlib_compress
#define stbi_zlib_decode_buffer lumen_stbi_zlib_decode_buffer
#define stbi_zlib_decode_malloc lumen_stbi_zlib_decode_malloc
#define stbi_zlib_decode_malloc_guesssize lumen_stbi_zlib_decode_malloc_guesssize
#define stbi_zlib_decode_malloc_guesssize_headerflag lumen_stbi_zlib_decode_malloc_guesssize_headerflag
#define stbi_zlib_decode_noheader_buffer lumen_stbi_zlib_decode_noheader_buffer
#define stbi_zlib_decode_noheader_malloc lumen_stbi_zlib_decode_noheader_malloc
#define stbiw_convert_wchar_to_utf8 lumen_stbiw_convert_wchar_to_utf8
