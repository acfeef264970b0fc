# SPDX-License-Identifier: BSD-3-Clause
# Compiles through ccache when it is there; the sloppiness is what precompiled headers need to be cached, the
# base folder lets one clone use what another compiled.
find_program(LUMEN_CCACHE ccache)
mark_as_advanced(LUMEN_CCACHE)
if(LUMEN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1;${LUMEN_CCACHE}")
endif()
