# Installs the public headers: those that mention TAPER_API (taper/backend and taper/kernel never
# do), taper/taper.h, taper/train/train.h, and whatever of ours these include. tools/sources.py uses
# the same rule. Reads `source` and `include_dir`.
cmake_policy(VERSION 3.25)
file(GLOB_RECURSE queue RELATIVE "${source}" "${source}/taper/*.h")
foreach(header IN LISTS queue)
  file(STRINGS "${source}/${header}" marked REGEX "TAPER_API" LIMIT_COUNT 1)
  if(NOT marked AND NOT header MATCHES "^taper/(taper|train/train)\\.h$")
    list(REMOVE_ITEM queue "${header}")
  endif()
endforeach()

set(public)
while(queue)
  list(POP_FRONT queue header)
  if(header IN_LIST public)
    continue()
  endif()
  list(APPEND public "${header}")
  file(STRINGS "${source}/${header}" includes REGEX "^#include \"taper/")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" included "${line}")
    list(APPEND queue "${included}")
  endforeach()
endwhile()

foreach(header IN LISTS public)
  cmake_path(GET header PARENT_PATH folder)
  file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/${include_dir}/${folder}"
       TYPE FILE FILES "${source}/${header}")
endforeach()
