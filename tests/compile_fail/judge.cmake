# SPDX-License-Identifier: BSD-3-Clause
# expect_error.cmake on cases whose verdict is known: cmake -DFLAGS=<file> -DWORK=<folder> -P judge.cmake
cmake_minimum_required(VERSION 3.25)

function(judge twin verdict text)
  file(WRITE "${WORK}/judged.cpp" "${text}")
  execute_process(COMMAND "${CMAKE_COMMAND}" "-DFLAGS=${FLAGS}" "-DCASE=${WORK}/judged.cpp" "-DTWIN=${twin}" -DPLAIN=ON
                          -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/expect_error.cmake"
                  RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  if(verdict STREQUAL "pass" AND NOT status EQUAL 0)
    message(SEND_ERROR "refused a sound case: ${said}")
  elseif(NOT verdict STREQUAL "pass" AND (status EQUAL 0 OR NOT said MATCHES "${verdict}"))
    message(SEND_ERROR "wanted '${verdict}', got status ${status} and: ${said}")
  endif()
endfunction()

set(fails "template <class T>\nconcept Small = sizeof(T) == 1;\nvoid f(Small auto) {}\n#ifdef LUMEN_POSITIVE\nvoid g() { f('a'); }\n#else\nvoid g() { f(1.0); }\n#endif\n")
judge(negative pass "// expect: Small\n${fails}")
judge(positive pass "// expect: Small\n${fails}")
judge(negative "no message matches 'Large'" "// expect: Large\n${fails}")
judge(negative "has no line" "${fails}")
judge(negative "this compiles" "// expect: Small\nint f();\n")
judge(positive "positive twin does not compile" "// expect: Small\nint f() { return nothing; }\n")
