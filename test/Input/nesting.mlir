// Brackets in strings and comments, arrows and comparisons are none.
//
// RUN: printf '%%1001s' | tr ' ' '[' | not gpt-opt 2>&1 | FileCheck %s --check-prefix=DEEP
// RUN: printf '\n%%500s%%501s' | tr ' ' '(' | not gpt-opt 2>&1 | FileCheck %s --check-prefix=LINE
// RUN: printf '%%1000s' | tr ' ' '[' | not gpt-opt 2>&1 | FileCheck %s --check-prefix=PARSER
// RUN: printf '//%%2000s\n' | tr ' ' '[' | gpt-opt | FileCheck %s --check-prefix=MODULE
// RUN: printf 'module attributes {a = "%%2000s\\\\""} {}' | tr ' ' '<' | not gpt-opt 2>&1 | FileCheck %s --check-prefix=PARSER

// DEEP: -: error: line 1: expected brackets at most 1000 deep
// LINE: -: error: line 2: expected brackets at most 1000 deep
// PARSER-NOT: brackets at most
// MODULE: module {
