//===- BytecodeMutator.h - Damages bytecode ---------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs follow from a seed and their number alone, so that any process can
// make any of them.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TEST_FUZZERS_BYTECODEMUTATOR_H
#define GPT_TEST_FUZZERS_BYTECODEMUTATOR_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mlir::gpt::fuzz {

class BytecodeMutator {
public:
  /// `corpus`: sound files to start from, at least one and none empty.
  BytecodeMutator(std::vector<std::string> corpus, uint64_t seed)
      : corpus(std::move(corpus)), seed(seed) {}

  /// Returns the damaged file of a number.
  std::string make(uint64_t number) const;

private:
  std::vector<std::string> corpus;
  uint64_t seed;
};

} // namespace mlir::gpt::fuzz

#endif // GPT_TEST_FUZZERS_BYTECODEMUTATOR_H
