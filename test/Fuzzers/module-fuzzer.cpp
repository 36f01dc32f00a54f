//===- module-fuzzer.cpp - Damaged modules through gpt-opt ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A libFuzzer target: does with text what gpt-opt does (see ModuleInput.h).
// Text is mutated by tokens, so that much of it is still accepted: by the
// parser, and by verifiers that see extents, types and operands that do not
// fit. Bytecode is read as well; bytecode-fuzzer does it in a tenth of the
// time.
//
//===----------------------------------------------------------------------===//

#include "ModuleInput.h"

#include "gpt/Input/GuardedInput.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"

#include <random>

using namespace mlir;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

//===----------------------------------------------------------------------===//
// Running one input
//===----------------------------------------------------------------------===//

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static gpt::fuzz::ContextSource contexts;
  MLIRContext &context = contexts.next();
  StringRef text(reinterpret_cast<const char *>(data), size);
  if (llvm::Error error = gpt::checkInput(llvm::MemoryBufferRef(text, "input"),
                                          gpt::fuzz::getRegistry())) {
    llvm::consumeError(std::move(error));
    return 0;
  }
  if (OwningOpRef<ModuleOp> module = gpt::fuzz::read(text, context))
    gpt::fuzz::runPasses(text, *module);
  return 0;
}

//===----------------------------------------------------------------------===//
// Mutating text
//===----------------------------------------------------------------------===//

/// What tokens are replaced by, besides those of the input.
static constexpr StringLiteral kWords[] = {
    "?",
    "0",
    "1",
    "2",
    "3",
    "7",
    "64",
    "-1",
    "9223372036854775807",
    "x",
    "f32",
    "bf16",
    "f16",
    "i1",
    "i32",
    "i64",
    "index",
    "f64",
    "tensor",
    "vector",
    "memref",
    "*",
    "true",
    "1.0",
    "0.0",
    "-1.0e300",
    ": i64",
    ": f64",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "->",
    ",",
    "unit",
    "dense<0>",
    "affine_map<(d0) -> (d0)>",
    "gpt.dims",
    "gpt.weight",
    "gpt.cache",
    "gpt.positions",
    "gpt.name",
    "causal",
    "window",
    "scale",
    "epsilon",
    "num_heads",
    "num_kv_heads",
    "num_parts",
    "num_groups",
    "rotary_dims",
    "theta",
    "factor",
    "permutation",
    "gpt.add",
    "gpt.mul",
    "gpt.linear",
    "gpt.matmul",
    "gpt.attention",
    "gpt.cached_attention",
    "gpt.rope",
    "gpt.softmax",
    "gpt.masked_softmax",
    "gpt.causal_mask",
    "gpt.rms_norm",
    "gpt.layer_norm",
    "gpt.gelu",
    "gpt.silu",
    "gpt.scale",
    "gpt.cast",
    "gpt.transpose",
    "gpt.split",
    "gpt.last_token",
    "gpt.embedding",
    "gpt.position_ids",
    "gpt.argmax",
    "gpt.sample",
    "func.call",
    "func.return",
    "scf.if",
    "tensor.cast",
    "tensor.empty",
    "arith.constant",
};

/// Cuts text into words, numbers and single other characters.
static SmallVector<StringRef> tokenize(StringRef text) {
  SmallVector<StringRef> tokens;
  auto isWord = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '.' || c == '%' || c == '#' ||
           c == '@' || c == '$';
  };
  while (!text.empty()) {
    // The extents of a shape are tokens of their own.
    size_t length = llvm::isDigit(text[0])
                        ? text.take_while(llvm::isDigit).size()
                        : text.take_while(isWord).size();
    tokens.push_back(text.take_front(std::max<size_t>(length, 1)));
    text = text.drop_front(tokens.back().size());
  }
  return tokens;
}

/// Whether one may stand for the other more likely than not.
static bool areAlike(StringRef one, StringRef other) {
  auto kind = [](StringRef token) {
    return llvm::isDigit(token[0])   ? 'd'
           : llvm::isAlpha(token[0]) ? 'a'
                                     : token[0];
  };
  return kind(one) == kind(other);
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  std::mt19937 random(seed);
  StringRef text(reinterpret_cast<const char *>(data), size);
  bool isBytecode = text.starts_with("ML\xefR");
  if (size == 0 || isBytecode || random() % 8 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  SmallVector<StringRef> tokens = tokenize(text);
  auto pick = [&] { return random() % tokens.size(); };
  for (unsigned change = 0, count = 1 + random() % 3; change < count;
       ++change) {
    size_t at = pick(), other = pick();
    switch (random() % 6) {
    case 0:
      tokens[at] = kWords[random() % std::size(kWords)];
      break;
    case 1:
      tokens.erase(tokens.begin() + at);
      break;
    case 2:
      tokens.insert(tokens.begin() + at, tokens[other]);
      break;
    case 3:
      std::swap(tokens[at], tokens[other]);
      break;
    default:
      // Tokens of a kind: operands, extents, names of ops and types.
      for (unsigned tries = 0; tries < 50; ++tries, other = pick())
        if (areAlike(tokens[at], tokens[other]) && tokens[at] != tokens[other])
          break;
      tokens[at] = tokens[other];
    }
    if (tokens.empty())
      break;
  }
  std::string result = llvm::join(tokens, "");
  result.resize(std::min(result.size(), maxSize));
  std::copy(result.begin(), result.end(), data);
  return result.size();
}
