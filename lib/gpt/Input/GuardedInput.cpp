//===- GuardedInput.cpp - Modules that MLIR's readers can read --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parser of text descends into itself at every bracket, and so do the
// verifier and the printer at every region.
//
//===----------------------------------------------------------------------===//

#include "gpt/Input/GuardedInput.h"

#include "gpt/Input/BytecodeTrial.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;

llvm::Error gpt::checkNesting(llvm::StringRef text) {
  unsigned depth = 0, line = 1;
  for (size_t at = 0; at < text.size(); ++at) {
    switch (text[at]) {
    case '\n':
      ++line;
      break;
    case '"': // A string; it ends with its line at the latest.
      while (++at < text.size() && text[at] != '"' && text[at] != '\n')
        at += text[at] == '\\';
      at -= at < text.size() && text[at] == '\n';
      break;
    case '/': // A comment.
      if (text.substr(at).starts_with("//"))
        at = std::min(text.find('\n', at), text.size()) - 1;
      break;
    case '-': // Arrows and comparisons are no brackets.
    case '<':
    case '>':
      if (text.substr(at).starts_with("->") ||
          text.substr(at).starts_with("<=") ||
          text.substr(at).starts_with(">=")) {
        ++at;
        break;
      }
      if (text[at] == '-')
        break;
      if (text[at] == '>') {
        depth -= depth > 0;
        break;
      }
      [[fallthrough]];
    case '(':
    case '[':
    case '{':
      if (++depth > kMaxNesting)
        return llvm::createStringError(
            "line %u: expected brackets at most %u deep", line, kMaxNesting);
      break;
    case ')':
    case ']':
    case '}':
      depth -= depth > 0;
      break;
    default:
      break;
    }
  }
  return llvm::Error::success();
}

llvm::Error gpt::checkInput(llvm::MemoryBufferRef buffer,
                            const DialectRegistry &registry) {
  if (isBytecode(buffer))
    return tryBytecode(buffer, registry);
  return checkNesting(buffer.getBuffer());
}
