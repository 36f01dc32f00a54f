//===- VectorLoops.h - The loops of one op over vectors ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes what a linalg op on memory does as loops, of which the innermost one
// runs over vectors.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_VECTORLOOPS_H
#define GPT_TRANSFORMS_VECTORLOOPS_H

#include "gpt/Transforms/VectorForm.h"

namespace mlir::gpt {

/// Writes the loops of `form.op` in front of it, with vectors of `lanes`
/// elements or several of them. The op stays.
void writeVectorLoops(VectorForm &form, int64_t lanes);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_VECTORLOOPS_H
