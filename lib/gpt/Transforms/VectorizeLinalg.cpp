//===- VectorizeLinalg.cpp - Loops over vectors -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What no tile of a product or of an attention has taken in: norms,
// activations, rotations, looked-up rows, copies, sums. On memory each of them
// is a nest of loops whose innermost one runs over contiguous elements. Here
// that loop is written with vectors: nothing is left to the judgement of a
// later vectoriser, which gives up on calls, on possible aliases and on loops
// it takes for short.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "gpt/Transforms/VectorLoops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_VECTORIZELINALG
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

namespace {
struct VectorizeLinalg final
    : public gpt::impl::VectorizeLinalgBase<VectorizeLinalg> {
  using VectorizeLinalgBase::VectorizeLinalgBase;

  void runOnOperation() override {
    if (lanes < 2 || !llvm::isPowerOf2_64(lanes)) {
      emitError(getOperation()->getLoc(), "expected 'lanes' to be a power of "
                                          "two greater than 1, got ")
          << lanes.getValue();
      return signalPassFailure();
    }
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics())
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops) {
      StringRef reason;
      std::optional<VectorForm> form = findVectorForm(op, reason);
      if (!form) {
        emitRemark(op.getLoc(), "is not vectorised: ") << reason;
        ++numScalar;
        continue;
      }
      numScattered += form->getNumScattered();
      writeVectorLoops(*form, lanes);
      op.erase();
      ++numVectorized;
    }
  }
};
} // namespace
