# SPDX-License-Identifier: BSD-3-Clause
# The targets: lumen::lumen, and lumen::<component> wherever another dependency begins.
include(cmake/components.cmake)
set(components ${LUMEN_COMPONENTS})
if(PROJECT_IS_TOP_LEVEL AND NOT components)
  set(components ${lumen_components})
endif()
set(wanted core)
foreach(component IN LISTS components)
  if(NOT component IN_LIST lumen_components)
    message(FATAL_ERROR "LUMEN_COMPONENTS: lumen has no component '${component}', only: ${lumen_components}")
  endif()
  list(APPEND wanted ${component} ${lumen_uses_${component}})
endforeach()
list(REMOVE_DUPLICATES wanted)

lumen_need(xtensor)
if("image" IN_LIST wanted)
  lumen_need(stb)
endif()
if("tiff" IN_LIST wanted)
  lumen_need(tiff)
endif()

set(include "${PROJECT_SOURCE_DIR}/include")
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${include}/lumen" "${include}/lumen/*.hpp")
foreach(header IN LISTS headers)
  lumen_component_of(${header} component)
  list(APPEND files_${component} "${include}/lumen/${header}")
endforeach()

foreach(component IN LISTS wanted)
  if(component STREQUAL "core")
    set(target lumen)
    set(name lumen)
  else()
    set(target lumen_${component})
    set(name ${component})
  endif()
  add_library(${target} INTERFACE)
  add_library(lumen::${name} ALIAS ${target})
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${include}" FILES ${files_${component}})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_link_libraries(${target} INTERFACE ${lumen_links_${component}})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS ${LUMEN_DEV})
endforeach()

# clang 19 reads the templates of xtensor before 0.26 as ambiguous.
if(DEFINED xtensor_VERSION AND xtensor_VERSION VERSION_LESS 0.26)
  set(is_clang_19 "$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,19>>")
  target_compile_options(lumen INTERFACE
    "$<${is_clang_19}:-fno-relaxed-template-template-args;-Wno-deprecated-no-relaxed-template-template-args>")
endif()

if(LUMEN_DEV)
  add_library(lumen_dev INTERFACE)
  target_compile_options(lumen_dev INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
                         # GCC 12 with optimisation sees uses of std::optional's value that are not there
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized>
                         $<$<CXX_COMPILER_ID:GNU>:-fconcepts-diagnostics-depth=2>)
  target_link_libraries(lumen INTERFACE $<BUILD_INTERFACE:lumen_dev>)
endif()
