# The target gpt-docs: the reference of ops and passes, written by mlir-tblgen
# from the same definitions that the compiler is generated from.

set(_docs "${PROJECT_SOURCE_DIR}/docs/reference")
set(_tblgen "$<TARGET_FILE:mlir-tblgen>"
  -I "${PROJECT_SOURCE_DIR}/dialect" -I "${PROJECT_SOURCE_DIR}/lib"
  -I "${MLIR_INCLUDE_DIRS}")

add_custom_target(gpt-docs
  COMMAND ${CMAKE_COMMAND} -E make_directory "${_docs}"
  COMMAND ${_tblgen} -gen-dialect-doc -dialect=gpt
          "${PROJECT_SOURCE_DIR}/dialect/gpt/GptOps.td" -o "${_docs}/GptDialect.md"
  COMMAND ${_tblgen} -gen-pass-doc
          "${PROJECT_SOURCE_DIR}/lib/gpt/Input/Passes.td"
          -o "${_docs}/InputPasses.md"
  COMMAND ${_tblgen} -gen-pass-doc
          "${PROJECT_SOURCE_DIR}/lib/gpt/Conversion/Passes.td"
          -o "${_docs}/ConversionPasses.md"
  COMMAND ${_tblgen} -gen-pass-doc
          "${PROJECT_SOURCE_DIR}/lib/gpt/Transforms/Passes.td"
          -o "${_docs}/TransformPasses.md"
  COMMENT "Writing docs/reference")
