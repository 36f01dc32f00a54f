# Python for the bindings: the interpreter, nanobind, and MLIR's own binding
# sources.
#
# The developer's `.venv` is preferred over whatever Python comes first in PATH;
# a caller that names an interpreter (pip does) wins. The binding sources come
# with some MLIR installations (src/python, exported as CMake targets). Debian's
# has none, so cmake/fetch-upstream gets those of the same release.

if(NOT Python3_EXECUTABLE AND Python_EXECUTABLE)
  set(Python3_EXECUTABLE "${Python_EXECUTABLE}")
elseif(NOT Python3_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  set(Python3_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python")
endif()
if(Python3_EXECUTABLE)
  set(Python_EXECUTABLE "${Python3_EXECUTABLE}")
endif()
if(NOT GPT_ENABLE_PYTHON)
  find_package(Python3 3.11 COMPONENTS Interpreter REQUIRED) # lit needs it
  return()
endif()
include(MLIRDetectPythonEnv)
mlir_configure_python_dev_packages()

set(GPT_UPSTREAM_DIR "${PROJECT_SOURCE_DIR}/build/upstream" CACHE PATH
  "Where MLIR's own sources are kept when the installed MLIR has no Python sources")

if(TARGET MLIRPythonSources.Core)
  set(GPT_MLIR_HAS_PYTHON_SOURCES ON)
  message(STATUS "Python binding sources: of the installed MLIR")
else()
  set(GPT_MLIR_HAS_PYTHON_SOURCES OFF)
  set(GPT_UPSTREAM_MLIR "${GPT_UPSTREAM_DIR}/mlir-${LLVM_PACKAGE_VERSION}")
  if(NOT EXISTS "${GPT_UPSTREAM_MLIR}")
    message(STATUS "Python binding sources: fetching MLIR ${LLVM_PACKAGE_VERSION}")
    execute_process(
      COMMAND "${PROJECT_SOURCE_DIR}/cmake/fetch-upstream"
              "${LLVM_PACKAGE_VERSION}" "${GPT_UPSTREAM_DIR}"
      COMMAND_ERROR_IS_FATAL ANY)
  endif()
  message(STATUS "Python binding sources: ${GPT_UPSTREAM_MLIR}")
endif()
