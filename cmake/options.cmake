# dunlin_options is what our own targets are compiled with; it is never applied to a dependency.
add_library(dunlin_options INTERFACE)
target_compile_features(dunlin_options INTERFACE cxx_std_20)
target_include_directories(dunlin_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(dunlin_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Werror
  -Wno-missing-field-initializers # a field that is not named is value-initialised, which is what we mean
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives from inside std::string and std::optional when it inlines deeply.
  target_compile_options(dunlin_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(DUNLIN_SANITIZE) # a plain if(): the comma in the value would break a generator expression
  target_compile_options(dunlin_options INTERFACE -fsanitize=${DUNLIN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(dunlin_options INTERFACE -fsanitize=${DUNLIN_SANITIZE})
  target_compile_definitions(dunlin_options INTERFACE DUNLIN_INSTRUMENTED)
  if(DUNLIN_SANITIZE MATCHES "undefined")
    # SOCI's shared libraries are built without type information that vptr checks need.
    target_compile_options(dunlin_options INTERFACE -fno-sanitize=vptr)
  endif()
endif()
if(DUNLIN_COVERAGE)
  # clang's: it counts the conditions of the source. gcov counts jumps, also those that the compiler adds.
  target_compile_options(dunlin_options INTERFACE -fprofile-instr-generate -fcoverage-mapping
    "SHELL:-mllvm -instrprof-atomic-counter-update-all") # -fprofile-update=atomic, in words that ccache knows
  target_compile_definitions(dunlin_options INTERFACE DUNLIN_INSTRUMENTED)
  target_link_options(dunlin_options INTERFACE -fprofile-instr-generate)
endif()
if(DUNLIN_FUZZ)
  target_compile_options(dunlin_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
