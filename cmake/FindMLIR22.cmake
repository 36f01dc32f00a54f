# Finds MLIR >= 22.1 and loads upstream's CMake functions.
#
# `find_package(MLIR 22.1)` is not used: MLIR's version file accepts only the
# exact minor version, while any later release may work. MLIR_DIR (variable or
# environment) wins; otherwise Debian's versioned prefixes are searched, the
# supported release first.

foreach(_version 22 23 24)
  list(APPEND _gpt_mlir_hints /usr/lib/llvm-${_version})
endforeach()
find_package(MLIR CONFIG HINTS ${_gpt_mlir_hints})
if(NOT MLIR_FOUND)
  message(FATAL_ERROR
    "MLIR was not found. Install libmlir-22-dev and mlir-22-tools, or set "
    "MLIR_DIR to the folder of an MLIRConfig.cmake (MLIR 22.1 or later).")
endif()
if(LLVM_PACKAGE_VERSION VERSION_LESS 22.1)
  message(FATAL_ERROR
    "MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR} is too old: 22.1 or later is "
    "needed.")
endif()
if(NOT TARGET MLIR OR NOT TARGET LLVM)
  message(FATAL_ERROR
    "The MLIR in ${MLIR_DIR} has no shared library libMLIR.so; build it with "
    "LLVM_BUILD_LLVM_DYLIB and MLIR_LINK_MLIR_DYLIB.")
endif()
message(STATUS "MLIR ${LLVM_PACKAGE_VERSION} from ${MLIR_DIR}")

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# Where libMLIR.so and libLLVM.so lie: the run path of everything we build.
set(GPT_LLVM_LIBRARY_DIR "${LLVM_LIBRARY_DIR}")
set(GPT_LLVM_TOOLS_DIR "${LLVM_TOOLS_BINARY_DIR}")
