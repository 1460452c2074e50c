# Makes a project from a template with the installed tool; builds, trains, resumes and tests it.
file(REMOVE_RECURSE "${SCRATCH}")
file(MAKE_DIRECTORY "${SCRATCH}")
execute_process(COMMAND "${PREFIX}/bin/taper" new project1 --template "${TEMPLATE}" --check
                WORKING_DIRECTORY "${SCRATCH}" RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "the template ${TEMPLATE} failed (${result})")
endif()
# A second one of the name is refused, and the first one is left alone.
execute_process(COMMAND "${PREFIX}/bin/taper" new project1 WORKING_DIRECTORY "${SCRATCH}"
                RESULT_VARIABLE result ERROR_VARIABLE error)
if(NOT result EQUAL 64 OR NOT error MATCHES "there already" OR
   NOT EXISTS "${SCRATCH}/project1/build/project1")
  message(FATAL_ERROR "a second project of the same name: ${result} ${error}")
endif()
