//===- MemoryFaults.cpp - faults in loops and the LLVM dialect --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a wrong bufferization, loop transformation or conversion could do.
//
//===----------------------------------------------------------------------===//

#include "SeededFaults.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::gpt::test;

static const Fault faults[] = {
    {"dropped-last-iteration",
     [](Operation *root) {
       // Of innermost loops that carry a sum.
       changeAll(root, "scf.for", [](Operation *op) {
         auto loop = cast<scf::ForOp>(op);
         if (loop.getInitArgs().empty())
           return;
         OpBuilder builder(op);
         loop.setUpperBound(arith::SubIOp::create(
             builder, op->getLoc(), loop.getUpperBound(), loop.getStep()));
       });
     }},
    {"shifted-store",
     [](Operation *root) {
       // Every element of the last dimension goes to place 0.
       changeFirst(root, "memref.store", [](Operation *op) {
         auto store = cast<memref::StoreOp>(op);
         if (store.getIndices().empty())
           return false;
         OpBuilder builder(op);
         store.getIndicesMutable()
             .slice(store.getIndices().size() - 1, 1)
             .assign(arith::ConstantIndexOp::create(builder, op->getLoc(), 0)
                         .getResult());
         return true;
       });
     }},
    {"stale-load",
     [](Operation *root) {
       // A load that ignores its innermost index, as if it were hoisted.
       changeFirst(root, "memref.load", [](Operation *op) {
         auto load = cast<memref::LoadOp>(op);
         auto type = load.getMemRefType();
         if (!type.getElementType().isF32() || load.getIndices().empty() ||
             matchPattern(load.getIndices().back(), m_Constant()))
           return false;
         OpBuilder builder(op);
         load.getIndicesMutable()
             .slice(load.getIndices().size() - 1, 1)
             .assign(arith::ConstantIndexOp::create(builder, op->getLoc(), 0)
                         .getResult());
         return true;
       });
     }},
    {"wrong-coefficients",
     [](Operation *root) {
       // Those of polynomials in the form of Horner: x * (...) + c.
       changeAll(root, "arith.addf", [](Operation *op) {
         APFloat value(0.0f);
         if (!op->getOperand(0).getDefiningOp<arith::MulFOp>() ||
             !matchPattern(op->getOperand(1), m_ConstantFloat(&value)))
           return;
         OpBuilder builder(op);
         Type type = op->getOperand(1).getType();
         double changed = value.convertToFloat() * 1.01;
         TypedAttr constant =
             builder.getFloatAttr(getElementTypeOrSelf(type), changed);
         if (auto vectorType = dyn_cast<VectorType>(type))
           constant = DenseElementsAttr::get(vectorType, Attribute(constant));
         op->setOperand(
             1, arith::ConstantOp::create(builder, op->getLoc(), constant));
       });
     }},
    {"swapped-select",
     [](Operation *root) {
       changeFirst(root, "arith.select", [](Operation *op) {
         if (!isa<FloatType>(getElementTypeOrSelf(op->getResult(0))))
           return false;
         Value first = op->getOperand(1);
         op->setOperand(1, op->getOperand(2));
         op->setOperand(2, first);
         return true;
       });
     }},
    {"llvm-wrong-operation",
     [](Operation *root) {
       changeFirst(root, "llvm.fmul", [](Operation *op) {
         OpBuilder builder(op);
         op->getResult(0).replaceAllUsesWith(LLVM::FAddOp::create(
             builder, op->getLoc(), op->getOperand(0), op->getOperand(1)));
         return true;
       });
     }},
    {"llvm-swapped-operands",
     [](Operation *root) {
       for (StringRef name : {"llvm.fsub", "llvm.fdiv"})
         changeAll(root, name, [](Operation *op) {
           Value first = op->getOperand(0);
           op->setOperand(0, op->getOperand(1));
           op->setOperand(1, first);
         });
     }},
    {"llvm-wrong-comparison",
     [](Operation *root) {
       changeAll(root, "llvm.fcmp", [](Operation *op) {
         auto compare = cast<LLVM::FCmpOp>(op);
         if (compare.getPredicate() == LLVM::FCmpPredicate::ugt)
           compare.setPredicate(LLVM::FCmpPredicate::ult);
         else if (compare.getPredicate() == LLVM::FCmpPredicate::ogt)
           compare.setPredicate(LLVM::FCmpPredicate::olt);
       });
     }},
};

ArrayRef<Fault> mlir::gpt::test::getMemoryFaults() { return faults; }
