# Declares the part of MLIR's Python package that ours embeds.
#
# The groups have the names that an MLIR installation with Python sources
# exports, so python/CMakeLists.txt lists them in the same way in both cases.
# Only what a compiler of tensor programs needs is taken: every extension module
# costs compile time. Upstream's mlir/python/CMakeLists.txt is the model for the
# file lists; its common C-API library cannot be built outside of LLVM's tree.

set(_python "${GPT_UPSTREAM_MLIR}/python/mlir")
set(_cpp "${GPT_UPSTREAM_MLIR}/lib/Bindings/Python")

# The linalg ops' generator runs inside LLVM's build; the name must exist.
if(NOT TARGET LinalgOdsGen)
  add_custom_target(LinalgOdsGen)
endif()

declare_mlir_python_sources(MLIRPythonSources.Core)
declare_mlir_python_sources(MLIRPythonSources.Core.Python
  ROOT_DIR "${_python}"
  ADD_TO_PARENT MLIRPythonSources.Core
  SOURCES
    _mlir_libs/__init__.py
    _mlir_libs/_mlir/py.typed
    ir.py
    passmanager.py
    rewrite.py
    dialects/_ods_common.py
    extras/types.py
    extras/meta.py)
declare_mlir_python_extension(MLIRPythonExtension.Core
  MODULE_NAME _mlir
  ADD_TO_PARENT MLIRPythonSources.Core
  ROOT_DIR "${_cpp}"
  SOURCES MainModule.cpp IRAffine.cpp IRInterfaces.cpp Pass.cpp Rewrite.cpp)
declare_mlir_python_extension(MLIRPythonExtension.MLIRPythonSupport
  _PRIVATE_SUPPORT_LIB
  MODULE_NAME MLIRPythonSupport
  ADD_TO_PARENT MLIRPythonSources.Core
  ROOT_DIR "${_cpp}"
  SOURCES Globals.cpp IRAttributes.cpp IRCore.cpp IRTypes.cpp)

declare_mlir_python_sources(MLIRPythonSources.Dialects)

# gpt_upstream_dialect(<name> <td> [ENUMS | ENUMS_TD <td>] SOURCES <files>...)
# One dialect; paths are relative to mlir/python/mlir/dialects.
function(gpt_upstream_dialect name td)
  cmake_parse_arguments(ARG "ENUMS" "ENUMS_TD" "SOURCES" ${ARGN})
  set(_enums)
  if(ARG_ENUMS)
    set(_enums GEN_ENUM_BINDINGS)
  elseif(ARG_ENUMS_TD)
    set(_enums GEN_ENUM_BINDINGS_TD_FILE ${ARG_ENUMS_TD})
  endif()
  list(TRANSFORM ARG_SOURCES PREPEND dialects/)
  declare_mlir_dialect_python_bindings(
    ADD_TO_PARENT MLIRPythonSources.Dialects
    ROOT_DIR "${_python}"
    TD_FILE dialects/${td}
    SOURCES ${ARG_SOURCES}
    DIALECT_NAME ${name}
    ${_enums})
endfunction()

# gpt_upstream_transform_extension(<name> <td> <python file> [<enums td>])
# Ops that extend the transform dialect.
function(gpt_upstream_transform_extension name td source)
  set(_enums)
  if(ARGN)
    set(_enums GEN_ENUM_BINDINGS_TD_FILE ${ARGN})
  endif()
  declare_mlir_dialect_extension_python_bindings(
    ADD_TO_PARENT MLIRPythonSources.Dialects
    ROOT_DIR "${_python}"
    TD_FILE dialects/${td}
    SOURCES dialects/transform/${source}
    DIALECT_NAME transform
    EXTENSION_NAME ${name}
    ${_enums})
endfunction()

set(_dialect_td "../../include/mlir/Dialect")
gpt_upstream_dialect(affine AffineOps.td ENUMS SOURCES affine.py)
gpt_upstream_dialect(arith ArithOps.td ENUMS SOURCES arith.py)
gpt_upstream_dialect(bufferization BufferizationOps.td
  ENUMS_TD "${_dialect_td}/Bufferization/IR/BufferizationEnums.td"
  SOURCES bufferization.py)
gpt_upstream_dialect(builtin BuiltinOps.td SOURCES builtin.py)
gpt_upstream_dialect(cf ControlFlowOps.td SOURCES cf.py)
gpt_upstream_dialect(complex ComplexOps.td SOURCES complex.py)
gpt_upstream_dialect(func FuncOps.td SOURCES func.py)
gpt_upstream_dialect(index IndexOps.td ENUMS SOURCES index.py)
file(GLOB_RECURSE _linalg RELATIVE "${_python}/dialects"
  "${_python}/dialects/linalg/*.py")
gpt_upstream_dialect(linalg LinalgOps.td ENUMS SOURCES ${_linalg})
gpt_upstream_dialect(llvm LLVMOps.td ENUMS SOURCES llvm.py)
gpt_upstream_dialect(math MathOps.td SOURCES math.py)
gpt_upstream_dialect(memref MemRefOps.td SOURCES memref.py)
gpt_upstream_dialect(pdl PDLOps.td SOURCES pdl.py)
gpt_upstream_dialect(scf SCFOps.td SOURCES scf.py)
gpt_upstream_dialect(shape ShapeOps.td SOURCES shape.py)
gpt_upstream_dialect(tensor TensorOps.td SOURCES tensor.py)
gpt_upstream_dialect(transform TransformOps.td
  ENUMS_TD "${_dialect_td}/Transform/IR/TransformAttrs.td"
  SOURCES transform/__init__.py transform/extras/__init__.py
          transform/interpreter/__init__.py)
gpt_upstream_dialect(ub UBOps.td SOURCES ub.py)
gpt_upstream_dialect(vector VectorOps.td ENUMS_TD dialects/VectorAttributes.td
  SOURCES vector.py)

gpt_upstream_transform_extension(bufferization_transform
  BufferizationTransformOps.td bufferization.py)
gpt_upstream_transform_extension(loop_transform SCFLoopTransformOps.td loop.py)
gpt_upstream_transform_extension(memref_transform MemRefTransformOps.td memref.py)
gpt_upstream_transform_extension(structured_transform
  LinalgStructuredTransformOps.td structured.py
  "${_dialect_td}/Linalg/TransformOps/LinalgTransformEnums.td")
gpt_upstream_transform_extension(tensor_transform TensorTransformOps.td tensor.py)
gpt_upstream_transform_extension(transform_pdl_extension
  TransformPDLExtensionOps.td pdl.py)
gpt_upstream_transform_extension(transform_tune_extension
  TransformTuneExtensionOps.td tune.py)
gpt_upstream_transform_extension(vector_transform VectorTransformOps.td vector.py
  "${_dialect_td}/Vector/Transforms/VectorTransformsBase.td")

# gpt_upstream_extension(<dialect> <module> <source>)
# The C++ part of a dialect's bindings: types and attributes with parameters.
function(gpt_upstream_extension dialect module source)
  declare_mlir_python_extension(MLIRPythonExtension.${module}
    MODULE_NAME ${module}
    ADD_TO_PARENT MLIRPythonSources.Dialects.${dialect}
    ROOT_DIR "${_cpp}"
    SOURCES ${source})
endfunction()

gpt_upstream_extension(linalg _mlirDialectsLinalg DialectLinalg.cpp)
gpt_upstream_extension(linalg _mlirLinalgPasses LinalgPasses.cpp)
gpt_upstream_extension(llvm _mlirDialectsLLVM DialectLLVM.cpp)
gpt_upstream_extension(pdl _mlirDialectsPDL DialectPDL.cpp)
gpt_upstream_extension(transform _mlirDialectsTransform DialectTransform.cpp)
gpt_upstream_extension(transform _mlirTransformInterpreter TransformInterpreter.cpp)
