# Run by gpt_embed_schedules: FILES and OUTPUT are given with -D. Each file says
# in a comment what it is for: "// Target: ARCHITECTURE FEATURES".
set(content "static constexpr Schedule schedules[] = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  if(name STREQUAL "library")
    string(PREPEND content "static constexpr llvm::StringLiteral library =\n    R\"__gpt__(${text})__gpt__\";\n")
    continue()
  endif()
  if(NOT text MATCHES "// Target: ([a-z0-9_-]+) ([^ \n]+)\n")
    message(FATAL_ERROR "${file} lacks its line '// Target: ARCHITECTURE FEATURES'")
  endif()
  string(APPEND content "    {\"${name}\", \"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\",\n"
    "     R\"__gpt__(${text})__gpt__\"},\n")
endforeach()
string(APPEND content "};\n")
file(WRITE "${OUTPUT}" "${content}")
