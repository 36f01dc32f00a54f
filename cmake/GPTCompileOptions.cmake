# Compile and link options shared by every target of the project.
#
# RTTI stays on because the installed LLVM has it on: classes derived from its
# own need their base's type information.

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_BUILD_RPATH "${GPT_LLVM_LIBRARY_DIR}")
set(CMAKE_INSTALL_RPATH "${GPT_LLVM_LIBRARY_DIR}")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

separate_arguments(_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${_definitions})
add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-comment)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
if(GPT_ENABLE_WARNINGS_AS_ERRORS)
  add_compile_options(-Werror)
endif()
if(NOT LLVM_ENABLE_RTTI)
  message(FATAL_ERROR "An LLVM built with RTTI is needed (LLVM_ENABLE_RTTI=ON).")
endif()
if(GPT_SANITIZERS)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS "-fsanitize=${GPT_SANITIZERS}")
  check_cxx_source_compiles("int main() { return 0; }" GPT_HAVE_SANITIZERS)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT GPT_HAVE_SANITIZERS)
    unset(GPT_HAVE_SANITIZERS CACHE) # look again once it is installed
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} cannot link with "
      "-fsanitize=${GPT_SANITIZERS}: its runtime is missing "
      "(Debian: libclang-rt-${LLVM_VERSION_MAJOR}-dev).")
  endif()
  add_compile_options(-fsanitize=${GPT_SANITIZERS} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GPT_SANITIZERS})
endif()

# A compiler cache and a quick linker, when the machine has them.
find_program(GPT_CCACHE ccache)
if(GPT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # A precompiled header is looked through by its content, not its time.
  set(_launcher ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${GPT_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
endif()
find_program(GPT_LLD NAMES ld.lld-${LLVM_VERSION_MAJOR} ld.lld
  HINTS ${GPT_LLVM_TOOLS_DIR})
if(GPT_LLD AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(--ld-path=${GPT_LLD})
endif()
