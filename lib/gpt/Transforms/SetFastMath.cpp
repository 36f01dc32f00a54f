//===- SetFastMath.cpp - Which roundings may differ -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fast-math flags are part of the meaning of an op, so they are set once, here,
// and as few as possible: `contract` lets a product and a sum become one fused
// operation, `reassoc` lets a sum be split into lanes. NaN and infinity keep
// their meaning everywhere (masks are made of -inf).
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_SETFASTMATH
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

static void addFlags(arith::ArithFastMathInterface op,
                     arith::FastMathFlags flags) {
  flags = flags | op.getFastMathFlagsAttr().getValue();
  op->setAttr(op.getFastMathAttrName(),
              arith::FastMathFlagsAttr::get(op->getContext(), flags));
}

/// The additions that carry a sum of the reduction `op` from one iteration to
/// the next.
static SmallVector<arith::AddFOp> getReductionSums(linalg::GenericOp op) {
  SmallVector<arith::AddFOp> sums;
  if (op.getNumReductionLoops() == 0)
    return sums;
  Operation *yield = op.getBody()->getTerminator();
  for (OpOperand &init : op.getDpsInitsMutable()) {
    BlockArgument carried = op.getMatchingBlockArgument(&init);
    unsigned index = carried.getArgNumber() - op.getNumDpsInputs();
    Value yielded = yield->getOperand(index);
    auto sum = yielded.getDefiningOp<arith::AddFOp>();
    if (sum && llvm::is_contained(sum->getOperands(), carried))
      sums.push_back(sum);
  }
  return sums;
}

namespace {
struct SetFastMath final : public gpt::impl::SetFastMathBase<SetFastMath> {
  using SetFastMathBase::SetFastMathBase;

  void runOnOperation() override {
    getOperation()->walk([&](linalg::GenericOp generic) {
      if (contract)
        generic.getBody()->walk([&](Operation *op) {
          if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op))
            return;
          addFlags(cast<arith::ArithFastMathInterface>(op),
                   arith::FastMathFlags::contract);
          ++numContract;
        });
      if (reassociate)
        for (arith::AddFOp sum : getReductionSums(generic)) {
          addFlags(cast<arith::ArithFastMathInterface>(sum.getOperation()),
                   arith::FastMathFlags::reassoc);
          ++numReassociate;
        }
    });
  }
};
} // namespace
