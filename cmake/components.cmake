# SPDX-License-Identifier: BSD-3-Clause
# The components, one wherever another dependency begins. A header belongs to the first component whose
# pattern it matches, and may include headers of that component and of the ones that it uses.
set(lumen_components data tiff image script core)

set(lumen_headers_data "^(data|train)/")
set(lumen_uses_data tiff image core)
set(lumen_links_data lumen_tiff)

set(lumen_headers_tiff "^io/(.*tiff.*|read)\\.hpp$")
set(lumen_uses_tiff image core)
set(lumen_links_tiff lumen_image TIFF::TIFF)

set(lumen_headers_image "^(io/(.*image.*|png|stb|gzip)\\.hpp$|view/)")
set(lumen_uses_image core)
set(lumen_links_image lumen lumen_stb::stb)

set(lumen_headers_script "^script/")
set(lumen_uses_script core)
set(lumen_links_script lumen)

set(lumen_headers_core "")
set(lumen_uses_core "")
set(lumen_links_core torch xtensor)

# lumen_component_of(header out): the component of a header, given as folder/name.hpp.
function(lumen_component_of header out)
  foreach(component IN LISTS lumen_components)
    if(header MATCHES "${lumen_headers_${component}}")
      set(${out} ${component} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()
