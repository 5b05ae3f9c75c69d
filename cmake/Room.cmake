# crank_room(NAME SOURCES a.cpp ... PUBLIC deps PRIVATE deps TESTS x_test.cpp ...)
#
# A room of the house is one static library `crank_NAME` and, where it has unit tests, one test
# program `NAME_test`. The dependency rule of the house is enforced here: a room sees the headers of
# the rooms it names and no others, because `src/` itself is never on the include path of a
# target; each room exports an include directory that holds only itself.
include(CMakeParseArguments)

add_library(crank_flags INTERFACE)
target_compile_options(crank_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror
  -fno-strict-aliasing -fstack-protector-strong -ffunction-sections -fdata-sections
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-field-initializers -Wno-gnu-statement-expression>
  # g++ 12 at -O2 sees overflows in the containers of its own library; clang's analysis and the
  # sanitizers look for the real ones.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-stringop-overflow;-Wno-array-bounds;-Wno-stringop-overread;-Wno-restrict;-Wno-maybe-uninitialized;-Wno-dangling-pointer;-Wno-free-nonheap-object>
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_link_options(crank_flags INTERFACE -Wl,--gc-sections)
if(CRANK_SANITIZE)
  target_compile_options(crank_flags INTERFACE -fsanitize=${CRANK_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(crank_flags INTERFACE -fsanitize=${CRANK_SANITIZE})
endif()
if(CRANK_FUZZ)
  target_compile_options(crank_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(crank_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What nearly every file includes, parsed once: a third of the time that a cold build takes. Only for
# the sanitizers' presets: the others find out where a file leaves out what it needs.
if(CRANK_PCH)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/anchor.cpp "")
  foreach(kind rooms tests)
    add_library(crank_pch_${kind} OBJECT ${CMAKE_BINARY_DIR}/pch/anchor.cpp)
    target_link_libraries(crank_pch_${kind} PRIVATE crank_flags
      $<$<STREQUAL:${kind},tests>:GTest::gmock>)
    target_precompile_headers(crank_pch_${kind} PRIVATE <algorithm> <array> <chrono> <cstdint>
      <expected> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
      <utility> <vector>)
  endforeach()
  # 45 files read it, each for more than a second.
  target_precompile_headers(crank_pch_rooms PRIVATE <nlohmann/json.hpp>)
  target_precompile_headers(crank_pch_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
endif()

function(crank_room NAME)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE;TESTS;TEST_LIBS" ${ARGN})
  set(target crank_${NAME})
  # One include root per room: ${build}/include/NAME/NAME -> src/NAME.
  set(root ${CMAKE_BINARY_DIR}/include/${NAME})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${NAME} SYMBOLIC)
  if(ROOM_SOURCES)
    add_library(${target} STATIC ${ROOM_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PUBLIC ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE} crank_flags)
    if(CRANK_PCH)
      target_precompile_headers(${target} REUSE_FROM crank_pch_rooms)
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
    target_link_libraries(${target} INTERFACE ${ROOM_PUBLIC})
  endif()
  # -iquote, not -I: the room `sys` must not shadow the system's <sys/file.h>.
  target_compile_options(${target} ${scope} "SHELL:-iquote ${root}")
  if(ROOM_TESTS AND CRANK_TESTS)
    add_executable(${NAME}_test ${ROOM_TESTS})
    target_link_libraries(${NAME}_test PRIVATE ${target} ${ROOM_PRIVATE} ${ROOM_TEST_LIBS}
      crank_flags GTest::gmock GTest::gtest_main Threads::Threads)
    target_compile_definitions(${NAME}_test PRIVATE
      CRANK_SOURCE_DIR="${CMAKE_SOURCE_DIR}" CRANK_BINARY_DIR="${CMAKE_BINARY_DIR}")
    if(CRANK_PCH)
      target_precompile_headers(${NAME}_test REUSE_FROM crank_pch_tests)
    endif()
    add_test(NAME ${NAME} COMMAND ${NAME}_test)
  endif()
endfunction()
