# SPDX-License-Identifier: BSD-3-Clause
# find_package(Torch), all of it from one place: given Torch_DIR alone, Torch's own files would take the
# rest of LibTorch (Caffe2, libc10) from the system when that has one too.
if(NOT Torch_DIR AND DEFINED ENV{Torch_DIR})
  set(Torch_DIR "$ENV{Torch_DIR}")
endif()
set(lumen_prefix_path "${CMAKE_PREFIX_PATH}")
if(Torch_DIR)
  cmake_path(SET lumen_torch NORMALIZE "${Torch_DIR}/..")
  list(PREPEND CMAKE_PREFIX_PATH "${lumen_torch}")
  cmake_path(SET lumen_torch NORMALIZE "${Torch_DIR}/../../..")
  list(PREPEND CMAKE_PREFIX_PATH "${lumen_torch}")
endif()
find_package(Torch 1.13 QUIET)
set(CMAKE_PREFIX_PATH "${lumen_prefix_path}")
