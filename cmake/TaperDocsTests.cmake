# The C++ blocks of README.md and docs/: each is compiled, and run unless marked no-run.
file(GLOB_RECURSE documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/*.md")
list(PREPEND documents "${PROJECT_SOURCE_DIR}/README.md")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${documents} "${PROJECT_SOURCE_DIR}/tools/docs_blocks.py")

set(blocks_dir "${CMAKE_CURRENT_BINARY_DIR}/docs_blocks")
execute_process(
  COMMAND ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/tools/docs_blocks.py"
          --root "${PROJECT_SOURCE_DIR}" --out "${blocks_dir}" ${documents}
  OUTPUT_VARIABLE blocks RESULT_VARIABLE result OUTPUT_STRIP_TRAILING_WHITESPACE)
if(result)
  message(FATAL_ERROR "tools/docs_blocks.py found a wrong block")
endif()
string(REPLACE "\n" ";" blocks "${blocks}")
# Each line is "<run|compile> <file>".
foreach(block IN LISTS blocks)
  string(REGEX MATCH "^([a-z]+) (.*)$" matched "${block}")
  set(mode ${CMAKE_MATCH_1})
  set(source "${CMAKE_MATCH_2}")
  cmake_path(GET source STEM name)
  add_executable(docs_${name} "${source}")
  set_target_properties(docs_${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(docs_${name} PRIVATE Taper::torch Taper::train taper_flags)
  target_compile_options(docs_${name} PRIVATE -Wno-unused)
  if(mode STREQUAL "run")
    taper_add_test(docs.${name} docs $<TARGET_FILE:docs_${name}>)
  endif()
endforeach()
