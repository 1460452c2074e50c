# find_package(Torch) for programs that compile with Taper in LibTorch's place; chosen with
# -D Torch_DIR=<prefix>/lib/cmake/Taper/compat, never by accident.
include(CMakeFindDependencyMacro)
find_dependency(Taper CONFIG PATHS "${CMAKE_CURRENT_LIST_DIR}/.." NO_DEFAULT_PATH)

foreach(name torch torch_cpu c10)
  if(NOT TARGET ${name})
    add_library(${name} INTERFACE IMPORTED)
    target_link_libraries(${name} INTERFACE Taper::torch)
  endif()
endforeach()
set(TORCH_FOUND TRUE)
set(TORCH_LIBRARIES torch)
set(TORCH_LIBRARY torch)
get_target_property(TORCH_INCLUDE_DIRS Taper::torch INTERFACE_INCLUDE_DIRECTORIES)
set(TORCH_CXX_FLAGS "")
