# SPDX-License-Identifier: BSD-3-Clause
# Install rules: headers, one export a component, and the package that find_package(lumen COMPONENTS ...) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(destination "${CMAKE_INSTALL_DATADIR}/cmake/lumen")
set(installed ${wanted})
if(LUMEN_TIFF_FETCHED)
  message(STATUS "lumen: libtiff is not installed, so the components tiff and data are not either")
  list(REMOVE_ITEM installed tiff data)
endif()
foreach(component IN LISTS installed)
  set(target lumen_${component})
  if(component STREQUAL "core")
    set(target lumen)
  endif()
  install(TARGETS ${target} EXPORT lumen-${component} FILE_SET HEADERS)
  install(EXPORT lumen-${component} NAMESPACE lumen:: DESTINATION "${destination}")
endforeach()

configure_package_config_file(cmake/lumen-config.cmake.in "${PROJECT_BINARY_DIR}/lumen-config.cmake"
                              INSTALL_DESTINATION "${destination}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/lumen-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/lumen-config.cmake" "${PROJECT_BINARY_DIR}/lumen-config-version.cmake"
              cmake/FindLumenStb.cmake cmake/components.cmake cmake/find-torch.cmake
        DESTINATION "${destination}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/lumen")

# A fetched xtensor installs itself beside lumen; stb has no rules of its own.
if(LUMEN_STB_FETCHED)
  file(GLOB stb "${LUMEN_STB_FETCHED}/stb_*.h")
  install(FILES ${stb} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/stb")
endif()
