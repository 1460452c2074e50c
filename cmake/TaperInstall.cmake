# cmake --install: headers, libraries, and lib/cmake/Taper. The shared and the static libraries are
# two export sets with the same target names; TaperConfig.cmake includes one of them.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Taper")
if(BUILD_SHARED_LIBS)
  set(shared_targets taper taper_train)
  set(static_targets)
  if(TAPER_INSTALL_BOTH)
    set(static_targets taper_static taper_train_static)
  endif()
else()
  set(shared_targets)
  set(static_targets taper taper_train)
endif()
foreach(kind shared static)
  if(${kind}_targets)
    install(TARGETS ${${kind}_targets} EXPORT taper_${kind})
    install(EXPORT taper_${kind} NAMESPACE Taper:: DESTINATION "${package_dir}"
            FILE "Taper-${kind}.cmake")
  endif()
endforeach()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/TaperConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/TaperConfig.cmake" INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/TaperConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/TaperConfig.cmake"
              "${PROJECT_BINARY_DIR}/TaperConfigVersion.cmake" DESTINATION "${package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# The public headers are found when installing: their includes may change without a new configure.
install(CODE "set(source \"${PROJECT_SOURCE_DIR}\")
set(include_dir \"${CMAKE_INSTALL_INCLUDEDIR}\")")
install(SCRIPT "${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake")
