# Every source is compiled once, as position-independent objects with hidden symbols; the shared and
# the static library are made of the same objects, and the tests link the static one to reach
# internal symbols.

# taper_module(<library> <folder> [DEPENDS <dependency>...] [DEFINES ...] [OPTIONS ...])
# Adds taper/<folder>/*.cpp to <library>.
function(taper_module library folder)
  cmake_parse_arguments(arg "" "" "DEPENDS;DEFINES;OPTIONS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/taper/${folder}/*.cpp")
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" name "${folder}")
  set(objects "taper_objects_${name}")
  add_library(${objects} OBJECT ${sources})
  set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
  target_include_directories(${objects} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${objects} PRIVATE taper_library_flags)
  target_compile_definitions(${objects} PRIVATE ${arg_DEFINES})
  target_compile_options(${objects} PRIVATE ${arg_OPTIONS})
  set_property(GLOBAL APPEND PROPERTY ${library}_objects $<TARGET_OBJECTS:${objects}>)
  foreach(dependency IN LISTS arg_DEPENDS)
    if(NOT TAPER_${dependency}_INCLUDE_DIR)
      continue() # an optional one that is switched off
    endif()
    target_include_directories(${objects} SYSTEM PRIVATE "${TAPER_${dependency}_INCLUDE_DIR}")
    target_compile_definitions(${objects} PRIVATE ${TAPER_${dependency}_DEFINES})
    if(TAPER_${dependency}_LIBRARY)
      set_property(GLOBAL APPEND PROPERTY ${library}_links "${TAPER_${dependency}_LIBRARY}")
    endif()
  endforeach()
endfunction()

# taper_library(<name> EXPORT_NAME <name> [LINKS <library>...] [PUBLIC_LIBRARY <taper library>])
# Makes <name> (shared or static, by BUILD_SHARED_LIBS), <name>_static (the same target when that is
# static already), and the alias Taper::<EXPORT_NAME>.
function(taper_library name)
  cmake_parse_arguments(arg "" "EXPORT_NAME;PUBLIC_LIBRARY" "LINKS" ${ARGN})
  add_library(${name})
  add_library(Taper::${arg_EXPORT_NAME} ALIAS ${name})
  set(targets ${name})
  if(BUILD_SHARED_LIBS)
    add_library(${name}_static STATIC)
    list(APPEND targets ${name}_static)
    if(NOT TAPER_BUILD_TESTS AND NOT TAPER_INSTALL_BOTH)
      set_target_properties(${name}_static PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
  else()
    add_library(${name}_static ALIAS ${name})
  endif()

  get_property(objects GLOBAL PROPERTY ${name}_objects)
  get_property(links GLOBAL PROPERTY ${name}_links)
  list(REMOVE_DUPLICATES links)
  if(NOT objects) # a library without sources still has to link
    set(objects "${CMAKE_CURRENT_BINARY_DIR}/${name}_empty.cpp")
    file(CONFIGURE OUTPUT "${objects}" CONTENT "extern const int ${name}_empty = 0;\n")
  endif()
  foreach(target IN LISTS targets)
    target_sources(${target} PRIVATE ${objects})
    set_target_properties(${target} PROPERTIES
      LINKER_LANGUAGE CXX
      OUTPUT_NAME ${name}
      EXPORT_NAME ${arg_EXPORT_NAME}
      VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
      INSTALL_RPATH "$ORIGIN" # libtaper_train.so finds libtaper.so beside it
      INSTALL_RPATH_USE_LINK_PATH ON) # and libtaper.so the OpenMP flavour of OpenBLAS
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_include_directories(${target} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE ${links} ${arg_LINKS} $<BUILD_INTERFACE:taper_flags>)
    if(NOT TAPER_SANITIZE) # a missing kernel body fails the link; calls within need no PLT
      target_link_options(${target} PRIVATE LINKER:--no-undefined LINKER:-Bsymbolic-functions)
    endif()
  endforeach()
  if(arg_PUBLIC_LIBRARY)
    target_link_libraries(${name} PUBLIC ${arg_PUBLIC_LIBRARY})
    if(BUILD_SHARED_LIBS)
      target_link_libraries(${name}_static PUBLIC ${arg_PUBLIC_LIBRARY}_static)
    endif()
  endif()
endfunction()
