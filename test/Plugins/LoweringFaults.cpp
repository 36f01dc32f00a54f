//===- LoweringFaults.cpp - faults of conversions ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a conversion or bufferization could do wrong that every lowering needs.
//
//===----------------------------------------------------------------------===//

#include "SeededFaults.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::gpt::test;

/// Lets the two ways of a conditional branch change places.
static bool swapSuccessors(Operation *op) {
  if (op->getSuccessor(0)->getNumArguments() ||
      op->getSuccessor(1)->getNumArguments())
    return false;
  Block *first = op->getSuccessor(0);
  op->setSuccessor(op->getSuccessor(1), 0);
  op->setSuccessor(first, 1);
  return true;
}

static const Fault faults[] = {
    {"dropped-epsilon",
     [](Operation *root) {
       changeAll(root, "math.rsqrt", [](Operation *op) {
         if (auto sum = op->getOperand(0).getDefiningOp<arith::AddFOp>())
           op->setOperand(0, sum.getLhs());
       });
     }},
    {"shared-buffers",
     [](Operation *root) {
       // Buffers of one type and one size are one buffer.
       SmallVector<Operation *> kept;
       changeAll(root, "memref.alloc", [&](Operation *op) {
         for (Operation *other : kept)
           if (other->getBlock() == op->getBlock() &&
               other->getResultTypes() == op->getResultTypes() &&
               llvm::equal(other->getOperands(), op->getOperands()))
             return op->replaceAllUsesWith(other);
         kept.push_back(op);
       });
     }},
    {"dropped-copies",
     [](Operation *root) {
       changeAll(root, "memref.copy", [](Operation *op) { op->erase(); });
     }},
    {"overlapping-places",
     [](Operation *root) {
       // Everything lies at the beginning of the workspace.
       changeAll(root, "memref.view", [](Operation *op) {
         OpBuilder builder(op);
         op->setOperand(
             1, arith::ConstantIndexOp::create(builder, op->getLoc(), 0));
       });
     }},
    {"bound-off-by-one",
     [](Operation *root) {
       // Of innermost loops that carry nothing.
       changeAll(root, "scf.for", [](Operation *op) {
         auto loop = cast<scf::ForOp>(op);
         if (!loop.getInitArgs().empty() ||
             !loop.getBody()->getOps<scf::ForOp>().empty())
           return;
         OpBuilder builder(op);
         loop.setUpperBound(arith::SubIOp::create(
             builder, op->getLoc(), loop.getUpperBound(), loop.getStep()));
       });
     }},
    {"swapped-branch",
     [](Operation *root) { changeFirst(root, "cf.cond_br", swapSuccessors); }},
    {"llvm-swapped-branch",
     [](Operation *root) {
       changeFirst(root, "llvm.cond_br", swapSuccessors);
     }},
    {"swapped-functions",
     [](Operation *root) {
       changeAll(root, "llvm.intr.sin", [](Operation *op) {
         OpBuilder builder(op);
         op->getResult(0).replaceAllUsesWith(
             LLVM::CosOp::create(builder, op->getLoc(), op->getOperand(0)));
       });
     }},
    {"lost-innermost-index",
     [](Operation *root) {
       // Of the first address whose element is read as a number.
       changeFirst(root, "llvm.load", [](Operation *op) {
         auto address = op->getOperand(0).getDefiningOp<LLVM::GEPOp>();
         if (!address || !isa<FloatType>(op->getResult(0).getType()) ||
             address.getDynamicIndices().empty())
           return false;
         Value index = address.getDynamicIndices()[0];
         auto sum = index.getDefiningOp<LLVM::AddOp>();
         if (!sum)
           return false;
         address.getDynamicIndicesMutable().assign(sum.getLhs());
         return true;
       });
     }},
    {"wrong-stride",
     [](Operation *root) {
       // Rows that are one element nearer to each other, in the first address.
       changeFirst(root, "llvm.mul", [](Operation *op) {
         APInt stride;
         if (cast<LLVM::MulOp>(op).getOverflowFlags() ==
                 LLVM::IntegerOverflowFlags::none ||
             !matchPattern(op->getOperand(1), m_ConstantInt(&stride)) ||
             stride.sle(1))
           return false;
         OpBuilder builder(op);
         op->setOperand(
             1, LLVM::ConstantOp::create(
                    builder, op->getLoc(), builder.getI64Type(),
                    builder.getI64IntegerAttr(stride.getSExtValue() - 1)));
         return true;
       });
     }},
};

ArrayRef<Fault> mlir::gpt::test::getLoweringFaults() { return faults; }
