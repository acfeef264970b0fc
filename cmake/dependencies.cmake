# SPDX-License-Identifier: BSD-3-Clause
# What lumen stands on. LibTorch must be there; of the rest, find_package comes first, and what it does
# not find is downloaded at a pinned version, unless LUMEN_FETCH is off.
include(FetchContent)
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
# Who adds lumen as a subfolder links these too, from a folder above.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

if(NOT TARGET torch)
  include(cmake/find-torch.cmake)
  if(NOT Torch_FOUND)
    message(FATAL_ERROR
      "lumen needs LibTorch 1.13 or later, and CMake does not find it.\n"
      "  Debian, Ubuntu:  apt-get install libtorch-dev libopenblas0-pthread\n"
      "  pip:             pip install torch, then configure with\n"
      "                   -DCMAKE_PREFIX_PATH=\"$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)')\"\n"
      "  elsewhere:       unpack LibTorch from https://pytorch.org, -DCMAKE_PREFIX_PATH=<its folder>\n"
      "${Torch_NOT_FOUND_MESSAGE}")
  endif()
endif()

# lumen_fetch(name target FetchContent_Declare's arguments ...): the sources of what was not found.
macro(lumen_fetch name target)
  if(NOT TARGET ${target})
    if(NOT LUMEN_FETCH)
      message(FATAL_ERROR "lumen needs ${name}: install it, or let it be downloaded by -DLUMEN_FETCH=ON")
    endif()
    message(STATUS "lumen: ${name} is not installed, fetching its sources")
    FetchContent_Declare(${name} ${ARGN} SYSTEM)
    FetchContent_MakeAvailable(${name})
  endif()
endmacro()

# lumen_need(name): makes the target of that dependency exist.
macro(lumen_need name)
  cmake_language(CALL lumen_need_${name})
endmacro()

# xtensor: the installed lumen needs it too, so its own install rules stay on.
macro(lumen_need_xtensor)
  if(NOT TARGET xtensor)
    find_package(xtensor 0.24 QUIET)
  endif()
  if(NOT TARGET xtensor)
    lumen_fetch(xtl xtl GIT_REPOSITORY https://github.com/xtensor-stack/xtl.git GIT_TAG 0.8.1)
    lumen_fetch(xtensor xtensor GIT_REPOSITORY https://github.com/xtensor-stack/xtensor.git GIT_TAG 0.27.1)
  endif()
endmacro()

# stb has neither releases nor CMake files: FindStb looks in the fetched folder last.
macro(lumen_need_stb)
  if(NOT TARGET lumen_stb::stb)
    find_package(LumenStb QUIET)
    if(NOT LumenStb_FOUND)
      if(NOT LUMEN_FETCH)
        message(FATAL_ERROR "lumen needs stb: install libstb-dev, or let it be downloaded by -DLUMEN_FETCH=ON")
      endif()
      message(STATUS "lumen: stb is not installed, fetching its sources")
      FetchContent_Declare(stb GIT_REPOSITORY https://github.com/nothings/stb.git
                               GIT_TAG 31c1ad37456438565541f4919958214b6e762fb4)
      FetchContent_MakeAvailable(stb)
      set(LUMEN_STB_FETCHED "${stb_SOURCE_DIR}" CACHE INTERNAL "Where the sources of stb are")
      find_package(LumenStb REQUIRED)
    endif()
  endif()
endmacro()

macro(lumen_need_tiff)
  if(NOT TARGET TIFF::TIFF)
    find_package(TIFF QUIET)
  endif()
  if(NOT TARGET TIFF::TIFF)
    enable_language(C)
    foreach(part IN ITEMS tools tests contrib docs opengl)
      set(tiff-${part} OFF CACHE BOOL "lumen needs the library only")
    endforeach()
    set(cxx OFF CACHE BOOL "libtiff's C++ streams")
    set(tiff-install OFF CACHE BOOL "lumen needs the library only")
    set(LUMEN_TIFF_FETCHED ON)
    lumen_fetch(tiff TIFF::TIFF GIT_REPOSITORY https://gitlab.com/libtiff/libtiff.git GIT_TAG v4.7.0)
    if(NOT TARGET TIFF::TIFF)
      add_library(TIFF::TIFF ALIAS tiff)
    endif()
  endif()
endmacro()

# The rest serves tests and examples only, and is never installed with lumen.
macro(lumen_need_doctest)
  if(NOT TARGET doctest::doctest)
    find_package(doctest QUIET)
  endif()
  set(DOCTEST_WITH_TESTS OFF CACHE BOOL "lumen needs the header only")
  set(DOCTEST_NO_INSTALL ON CACHE BOOL "lumen needs the header only")
  lumen_fetch(doctest doctest::doctest GIT_REPOSITORY https://github.com/doctest/doctest.git GIT_TAG v2.4.11)
endmacro()

macro(lumen_need_json)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json 3.11 QUIET)
  endif()
  lumen_fetch(json nlohmann_json::nlohmann_json
              URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
              URL_HASH SHA256=d6c65aca6b1ed68e7a182f4757257b107ae403032760ed6ef121c9d55e81757d)
endmacro()

macro(lumen_need_cli11)
  if(NOT TARGET CLI11::CLI11)
    find_package(CLI11 2.1 QUIET)
  endif()
  lumen_fetch(CLI11 CLI11::CLI11 GIT_REPOSITORY https://github.com/CLIUtils/CLI11.git GIT_TAG v2.4.2)
endmacro()

# Debian's package has no CMake files, and is a header with a library beside it.
macro(lumen_need_httplib)
  if(NOT TARGET httplib::httplib)
    find_package(httplib QUIET)
  endif()
  if(NOT TARGET httplib::httplib)
    find_path(LUMEN_HTTPLIB_INCLUDE httplib.h)
    find_library(LUMEN_HTTPLIB_LIBRARY cpp-httplib)
    mark_as_advanced(LUMEN_HTTPLIB_INCLUDE LUMEN_HTTPLIB_LIBRARY)
    if(LUMEN_HTTPLIB_INCLUDE)
      find_package(Threads REQUIRED)
      add_library(httplib::httplib INTERFACE IMPORTED)
      set_target_properties(httplib::httplib PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${LUMEN_HTTPLIB_INCLUDE}")
      target_link_libraries(httplib::httplib INTERFACE Threads::Threads)
      if(LUMEN_HTTPLIB_LIBRARY)
        target_link_libraries(httplib::httplib INTERFACE "${LUMEN_HTTPLIB_LIBRARY}")
      endif()
    endif()
  endif()
  set(HTTPLIB_REQUIRE_OPENSSL OFF CACHE BOOL "lumen needs no TLS")
  set(HTTPLIB_USE_OPENSSL_IF_AVAILABLE OFF CACHE BOOL "lumen needs no TLS")
  set(HTTPLIB_USE_ZLIB_IF_AVAILABLE OFF CACHE BOOL "lumen needs no compression")
  set(HTTPLIB_USE_BROTLI_IF_AVAILABLE OFF CACHE BOOL "lumen needs no compression")
  lumen_fetch(httplib httplib::httplib GIT_REPOSITORY https://github.com/yhirose/cpp-httplib.git GIT_TAG v0.18.3)
endmacro()
