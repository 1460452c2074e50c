# Installs the build tree to a scratch prefix, then builds and runs the outside project: against the
# shared and the static library, with the default choice, and with Taper as a subdirectory.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(result)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${result}): ${command}")
  endif()
endfunction()

function(build_outside name)
  set(build "${SCRATCH}/${name}")
  run(${CMAKE_COMMAND} -S "${SOURCE}/tests/package" -B "${build}" -G Ninja -Wno-dev
      -D CMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=${CXX_FLAGS}"
      -D "CMAKE_CXX_COMPILER=${COMPILER}" ${ARGN})
  run(${CMAKE_COMMAND} --build "${build}" --target outside_taper outside_train --parallel 2)
  run("${build}/outside_taper")
  run("${build}/outside_train")
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
set(prefix "${SCRATCH}/prefix")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}")
build_outside(default -D "CMAKE_PREFIX_PATH=${prefix}")
build_outside(shared -D "CMAKE_PREFIX_PATH=${prefix}" -D TAPER_KIND=shared)
build_outside(static -D "CMAKE_PREFIX_PATH=${prefix}" -D TAPER_KIND=static)
# The same flags as the build tree, so that ccache has most of the objects already.
build_outside(subdirectory -D "TAPER_SOURCE=${SOURCE}" -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
