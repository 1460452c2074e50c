# Installs the build tree to a scratch prefix, then builds and runs the outside project: against the
# shared and the static library, with the default choice, and with Taper as a subdirectory.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(result)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${result}): ${command}")
  endif()
endfunction()

# build_outside(<name> [BUILD <folder>] PROGRAMS <program>... OPTIONS <option of CMake>...)
function(build_outside name)
  cmake_parse_arguments(arg "" "BUILD" "PROGRAMS;OPTIONS" ${ARGN})
  set(build "${SCRATCH}/${name}")
  if(arg_BUILD)
    set(build "${arg_BUILD}")
    file(REMOVE_RECURSE "${build}")
  endif()
  run(${CMAKE_COMMAND} -S "${SOURCE}/tests/package" -B "${build}" -G Ninja -Wno-dev
      -D CMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=${CXX_FLAGS}"
      -D "CMAKE_CXX_COMPILER=${COMPILER}" ${arg_OPTIONS})
  run(${CMAKE_COMMAND} --build "${build}" --target ${arg_PROGRAMS} --parallel 2)
  foreach(program IN LISTS arg_PROGRAMS)
    run("${build}/${program}")
  endforeach()
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
set(prefix "${SCRATCH}/prefix")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}")
set(programs outside_taper outside_train)
build_outside(default PROGRAMS ${programs} OPTIONS -D "CMAKE_PREFIX_PATH=${prefix}")
build_outside(shared PROGRAMS ${programs}
              OPTIONS -D "CMAKE_PREFIX_PATH=${prefix}" -D TAPER_KIND=shared)
build_outside(static PROGRAMS ${programs}
              OPTIONS -D "CMAKE_PREFIX_PATH=${prefix}" -D TAPER_KIND=static)
file(GLOB torch_dir "${prefix}/lib*/cmake/Taper/compat" "${prefix}/lib/*/cmake/Taper/compat")
build_outside(torch PROGRAMS outside_torch OPTIONS -D AS_TORCH=ON -D "Torch_DIR=${torch_dir}")
# Built beside the build tree with its flags, so that ccache, which knows paths relative to the
# working directory, has most of the objects already.
build_outside(subdirectory BUILD "${BUILD}-subdirectory" PROGRAMS ${programs}
              OPTIONS -D "TAPER_SOURCE=${SOURCE}" -D "TAPER_WERROR=${WERROR}"
              -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
