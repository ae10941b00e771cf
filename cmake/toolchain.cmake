# How every target is compiled: C++20, warnings as errors, ccache and mold when present, sanitizers on request.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_library(matriarch_warnings INTERFACE)
target_compile_options(matriarch_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Werror
  # Designated initializers that leave out defaulted members are the house style.
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives of these inside libstdc++ and Boost at -O2 (GCC bug 105329 and kin).
  target_compile_options(matriarch_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer
    # Asio allocates coroutine frames from its own recycler; inlined, the pair looks mismatched (GCC 12).
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-mismatched-new-delete>)
endif()

set(MATRIARCH_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=")
if(MATRIARCH_SANITIZE)
  add_compile_options(-fsanitize=${MATRIARCH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MATRIARCH_SANITIZE})
  if(MATRIARCH_SANITIZE MATCHES "thread")
    # ThreadSanitizer does not model std::atomic_thread_fence, which Asio uses; it says so with this warning.
    add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-tsan>)
  endif()
endif()

if(MATRIARCH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # so that fuzzers see which branches of the rooms they reach
endif()
