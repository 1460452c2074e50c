# System libraries, each as TAPER_<name>_INCLUDE_DIR and TAPER_<name>_LIBRARY. Plain paths instead
# of find_package: Debian's oneDNN config asks for OpenCL's headers, and a static Taper can then be
# used without finding each of these again.

# taper_find_dependency(<name> HEADER <file> [LIBRARY <name>] [PACKAGE <Debian package>]
#                       [INCLUDE_IN <dir>...] [LIBRARY_IN <dir>...])
# INCLUDE_IN and LIBRARY_IN are searched instead of the default paths.
function(taper_find_dependency name)
  cmake_parse_arguments(arg "" "HEADER;LIBRARY;PACKAGE" "INCLUDE_IN;LIBRARY_IN" ${ARGN})
  set(include_where)
  set(library_where)
  if(arg_INCLUDE_IN)
    set(include_where PATHS ${arg_INCLUDE_IN} NO_DEFAULT_PATH)
  endif()
  if(arg_LIBRARY_IN)
    set(library_where PATHS ${arg_LIBRARY_IN} NO_DEFAULT_PATH)
  endif()
  find_path(TAPER_${name}_INCLUDE_DIR ${arg_HEADER} ${include_where})
  set(found "${TAPER_${name}_INCLUDE_DIR}")
  if(arg_LIBRARY)
    find_library(TAPER_${name}_LIBRARY ${arg_LIBRARY} ${library_where})
    mark_as_advanced(TAPER_${name}_LIBRARY)
    if(NOT TAPER_${name}_LIBRARY)
      set(found "")
    endif()
  endif()
  mark_as_advanced(TAPER_${name}_INCLUDE_DIR)
  if(NOT found)
    message(FATAL_ERROR "Taper needs ${name} (Debian package ${arg_PACKAGE}); "
                        "tools/setup build installs all that a build needs")
  endif()
endfunction()

taper_find_dependency(hwy HEADER hwy/highway.h LIBRARY hwy PACKAGE libhwy-dev)
taper_find_dependency(hwy_contrib HEADER hwy/contrib/sort/vqsort.h LIBRARY hwy_contrib
                      PACKAGE libhwy-dev)
taper_find_dependency(zlib HEADER zlib.h LIBRARY z PACKAGE zlib1g-dev)
taper_find_dependency(png HEADER png.h LIBRARY png PACKAGE libpng-dev)
taper_find_dependency(turbojpeg HEADER turbojpeg.h LIBRARY turbojpeg PACKAGE libturbojpeg0-dev)
taper_find_dependency(xxhash HEADER xxhash.h PACKAGE libxxhash-dev)
taper_find_dependency(nlohmann_json HEADER nlohmann/json.hpp PACKAGE nlohmann-json3-dev)
taper_find_dependency(fmt HEADER fmt/format.h LIBRARY fmt PACKAGE libfmt-dev)

# libhwy is a shared library: its declarations need default visibility.
set(TAPER_hwy_DEFINES HWY_SHARED_DEFINE)

# Only the OpenMP flavour shares Taper's thread pool; -lopenblas would pick the pthread flavour where
# both are installed, so nothing but its own folder is searched.
if(TAPER_WITH_OPENBLAS)
  if(NOT TAPER_OPENBLAS_ROOT)
    set(openblas_include /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp
                         /usr/include/openblas)
    set(openblas_library /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp)
  else()
    set(openblas_include ${TAPER_OPENBLAS_ROOT}/include)
    set(openblas_library ${TAPER_OPENBLAS_ROOT}/lib)
  endif()
  taper_find_dependency(openblas HEADER cblas.h LIBRARY openblas PACKAGE libopenblas-openmp-dev
                        INCLUDE_IN ${openblas_include} LIBRARY_IN ${openblas_library})
endif()
if(TAPER_WITH_ONEDNN)
  taper_find_dependency(dnnl HEADER oneapi/dnnl/dnnl.hpp LIBRARY dnnl PACKAGE libdnnl-dev)
endif()
