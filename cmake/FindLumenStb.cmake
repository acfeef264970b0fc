# SPDX-License-Identifier: BSD-3-Clause
# lumen_stb::stb: the folders from which <stb/stb_image.h> or <stb_image.h> can be included.
find_path(LUMEN_STB_DIR stb_image.h PATH_SUFFIXES stb HINTS ${LUMEN_STB_FETCHED})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LumenStb REQUIRED_VARS LUMEN_STB_DIR)
mark_as_advanced(LUMEN_STB_DIR)
if(LumenStb_FOUND AND NOT TARGET lumen_stb::stb)
  add_library(lumen_stb::stb INTERFACE IMPORTED)
  cmake_path(GET LUMEN_STB_DIR PARENT_PATH parent)
  if(EXISTS "${parent}/stb/stb_image.h")
    target_include_directories(lumen_stb::stb INTERFACE "${parent}")
  endif()
  target_include_directories(lumen_stb::stb INTERFACE "${LUMEN_STB_DIR}")
endif()
