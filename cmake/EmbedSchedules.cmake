# gpt_embed_schedules(OUTPUT NAME...): writes the schedules NAME.mlir of the
# current folder into a C++ array, again whenever one of them changes. Target:
# GPTEmbeddedSchedules.
function(gpt_embed_schedules output)
  set(files ${ARGN})
  list(TRANSFORM files PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  list(TRANSFORM files APPEND ".mlir")
  set(result "${CMAKE_CURRENT_BINARY_DIR}/${output}")
  set(script "${PROJECT_SOURCE_DIR}/cmake/EmbedSchedulesScript.cmake")
  add_custom_command(
    OUTPUT "${result}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${result}" "-DFILES=${files}" -P "${script}"
    DEPENDS ${files} "${script}"
    COMMENT "Embedding ${output}"
    VERBATIM)
  add_custom_target(GPTEmbeddedSchedules DEPENDS "${result}")
endfunction()
