# The CMake vocabulary of the project: libraries and executables of ours.
#
# Our libraries are plain static archives that link only the dylibs MLIR and
# LLVM. They share one precompiled header (target GPTPrecompiled): MLIR's
# headers take four fifths of a file's compile time. Only Clang gets it: GCC's
# would be one gigabyte.

# Headers that most of our files include. None of them is generated here, so
# that the header can be compiled before tblgen has run.
set(GPT_PRECOMPILED_HEADERS
  <mlir/Dialect/Affine/IR/AffineOps.h>
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Bufferization/IR/Bufferization.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/LLVMIR/LLVMDialect.h>
  <mlir/Dialect/Linalg/IR/Linalg.h>
  <mlir/Dialect/Linalg/Transforms/Transforms.h>
  <mlir/Dialect/Math/IR/Math.h>
  <mlir/Dialect/MemRef/IR/MemRef.h>
  <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/Dialect/Utils/StructuredOpsUtils.h>
  <mlir/IR/PatternMatch.h>
  <mlir/Interfaces/SideEffectInterfaces.h>
  <mlir/Pass/Pass.h>
  <mlir/Pass/PassManager.h>
  <mlir/Transforms/DialectConversion.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h>
  <mlir/Transforms/WalkPatternRewriteDriver.h>)

file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/cmake/GPTPrecompiled.cpp" CONTENT
  "// Carries the precompiled header shared by all libraries.\n")
add_library(GPTPrecompiled OBJECT "${PROJECT_BINARY_DIR}/cmake/GPTPrecompiled.cpp")
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_precompile_headers(GPTPrecompiled PRIVATE ${GPT_PRECOMPILED_HEADERS})
endif()
target_include_directories(GPTPrecompiled SYSTEM PRIVATE
  ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
target_compile_options(GPTPrecompiled PRIVATE
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)

# add_gpt_library(<name> <sources>... [DEPENDS <targets>...] [LINK_LIBS <libs>...])
#
# Adds a static library; DEPENDS names tblgen targets and the like.
function(add_gpt_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_precompile_headers(${name} REUSE_FROM GPTPrecompiled)
  endif()
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# add_gpt_tool(<name> <sources>... [LINK_LIBS <libs>...])
#
# Adds an executable to <build>/bin.
function(add_gpt_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} MLIR LLVM)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()
