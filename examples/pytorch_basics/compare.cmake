# cmake -D PROGRAM=<path> -D EXPECTED=<file> -P compare.cmake: the program must succeed and print
# the file's text, else the differences are shown.
execute_process(COMMAND "${PROGRAM}" OUTPUT_VARIABLE got RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} failed (${result}) after printing:\n${got}")
endif()
file(READ "${EXPECTED}" expected)
if(NOT got STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed:\n${got}\nexpected (${EXPECTED}):\n${expected}")
endif()
