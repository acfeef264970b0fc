# SPDX-License-Identifier: BSD-3-Clause
# The files of a folder as one C++ source: cmake -DFROM=<folder> -DTO=<file.cpp> -P embed.cmake
cmake_minimum_required(VERSION 3.25)
file(GLOB files LIST_DIRECTORIES false "${FROM}/*")
list(SORT files)
set(bytes "")
set(entries "")
set(number 0)
foreach(file IN LISTS files)
  cmake_path(GET file FILENAME name)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" hex "${hex}")
  string(APPEND bytes "constexpr unsigned char file${number}[] = {${hex}0};\n")
  string(APPEND entries "      {\"${name}\", {reinterpret_cast<const char*>(file${number}), sizeof(file${number}) - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${TO}.new" "// Made from ${number} files by embed.cmake.
#include \"page.hpp\"

namespace explorer {

namespace {

${bytes}
}  // namespace

const std::map<std::string, std::string_view, std::less<>>& page_files() {
  static const std::map<std::string, std::string_view, std::less<>> all{
${entries}  };
  return all;
}

}  // namespace explorer
")
file(RENAME "${TO}.new" "${TO}")
