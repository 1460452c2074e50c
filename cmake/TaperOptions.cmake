# Options, and the flags that every Taper target is compiled with.
option(BUILD_SHARED_LIBS "Build Taper::taper and Taper::train as shared libraries" OFF)
option(TAPER_WITH_OPENBLAS "GEMM and LAPACK through OpenBLAS (OpenMP flavour)" ON)
option(TAPER_WITH_ONEDNN "Convolution and bf16 matmul through oneDNN" ON)
option(TAPER_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(TAPER_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(TAPER_BUILD_APPS "Build the `taper` tool" ${PROJECT_IS_TOP_LEVEL})
option(TAPER_BUILD_BENCH "Add the benchmarks; the target bench_programs builds them" OFF)
option(TAPER_INSTALL "Add the install rules" ${PROJECT_IS_TOP_LEVEL})
option(TAPER_INSTALL_BOTH "With BUILD_SHARED_LIBS: install the static libraries too"
       ${TAPER_BUILD_TESTS})
option(TAPER_WERROR "Warnings are errors" OFF)
set(TAPER_SANITIZE "" CACHE STRING "Sanitizers for everything, e.g. address,undefined or thread")
set(TAPER_TEST_LABELS "" CACHE STRING "Build only the test files with a label that matches")
set(TAPER_KERNEL_FLAGS "$<$<NOT:$<CONFIG:Debug>>:-O3>" CACHE STRING
    "Extra compiler flags of the kernel bodies in taper/backend")

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

find_program(TAPER_CCACHE ccache)
mark_as_advanced(TAPER_CCACHE)
if(TAPER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TAPER_CCACHE}")
endif()

# What every source of the project is compiled with; what users get is only the C++20 feature.
add_library(taper_flags INTERFACE)
target_compile_features(taper_flags INTERFACE cxx_std_20)
target_compile_options(taper_flags INTERFACE -Wall -Wextra -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(taper_flags INTERFACE -Wno-restrict) # GCC bug 105651: std::string's operator+
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(taper_flags INTERFACE -Wno-pass-failed) # unroll pragmas at -O1
endif()
if(TAPER_WERROR)
  target_compile_options(taper_flags INTERFACE -Werror)
endif()
if(TAPER_SANITIZE)
  target_compile_options(taper_flags INTERFACE
    "-fsanitize=${TAPER_SANITIZE}" -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(taper_flags INTERFACE "-fsanitize=${TAPER_SANITIZE}")
endif()

# The library itself: hidden symbols, calls within it bound directly, thread-local reads without a
# call (the per-thread state is read on every op).
add_library(taper_library_flags INTERFACE)
target_link_libraries(taper_library_flags INTERFACE taper_flags)
target_compile_options(taper_library_flags INTERFACE
  -fvisibility=hidden -fvisibility-inlines-hidden -fno-semantic-interposition
  -ftls-model=initial-exec)
