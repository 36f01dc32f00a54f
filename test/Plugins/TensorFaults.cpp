//===- TensorFaults.cpp - faults in linalg and vector ops -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a wrong lowering, fusion, tiling or vectorisation could do.
//
//===----------------------------------------------------------------------===//

#include "SeededFaults.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::gpt::test;

/// Whether an op of a linalg body adds to its accumulator.
static bool isAccumulation(Operation *op) {
  auto structured = dyn_cast<linalg::LinalgOp>(op->getParentOp());
  return structured && structured.getNumReductionLoops() > 0;
}

static const Fault faults[] = {
    {"no-maximum-subtracted",
     [](Operation *root) {
       changeAll(root, "math.exp", [](Operation *op) {
         if (auto difference = op->getOperand(0).getDefiningOp<arith::SubFOp>())
           op->setOperand(0, difference.getLhs());
       });
     }},
    {"comparison-flipped",
     [](Operation *root) {
       changeAll(root, "arith.cmpi", [](Operation *op) {
         auto compare = cast<arith::CmpIOp>(op);
         switch (compare.getPredicate()) {
         case arith::CmpIPredicate::sle:
           return compare.setPredicate(arith::CmpIPredicate::slt);
         case arith::CmpIPredicate::sgt:
           return compare.setPredicate(arith::CmpIPredicate::sge);
         case arith::CmpIPredicate::slt:
           return compare.setPredicate(arith::CmpIPredicate::sle);
         case arith::CmpIPredicate::sge:
           return compare.setPredicate(arith::CmpIPredicate::sgt);
         default:
           return;
         }
       });
     }},
    {"clamp-removed",
     [](Operation *root) {
       for (StringRef name : {"arith.maxsi", "arith.minsi"})
         changeAll(root, name, [](Operation *op) {
           op->getResult(0).replaceAllUsesWith(op->getOperand(0));
         });
     }},
    {"truncated-accumulation",
     [](Operation *root) {
       changeAll(root, "arith.addf", [](Operation *op) {
         if (!isAccumulation(op) || !op->getResult(0).getType().isF32())
           return;
         OpBuilder builder(op->getContext());
         builder.setInsertionPointAfter(op);
         Value narrow = arith::TruncFOp::create(
             builder, op->getLoc(), builder.getBF16Type(), op->getResult(0));
         Value wide = arith::ExtFOp::create(builder, op->getLoc(),
                                            builder.getF32Type(), narrow);
         op->getResult(0).replaceAllUsesExcept(wide, narrow.getDefiningOp());
       });
     }},
    {"rounded-towards-zero",
     [](Operation *root) {
       changeAll(root, "arith.truncf", [](Operation *op) {
         if (!op->getOperand(0).getType().isF32() ||
             !op->getResult(0).getType().isBF16())
           return;
         OpBuilder builder(op);
         Location loc = op->getLoc();
         Value bits = arith::BitcastOp::create(
             builder, loc, builder.getI32Type(), op->getOperand(0));
         Value half = arith::ConstantIntOp::create(builder, loc, 16, 32);
         Value high = arith::ShRUIOp::create(builder, loc, bits, half);
         Value low =
             arith::TruncIOp::create(builder, loc, builder.getI16Type(), high);
         op->getResult(0).replaceAllUsesWith(arith::BitcastOp::create(
             builder, loc, builder.getBF16Type(), low));
       });
     }},
    {"wrong-sign",
     [](Operation *root) {
       changeAll(root, "arith.addf", [](Operation *op) {
         if (!isAccumulation(op))
           return;
         OpBuilder builder(op);
         Value difference = arith::SubFOp::create(
             builder, op->getLoc(), op->getOperand(0), op->getOperand(1));
         op->getResult(0).replaceAllUsesWith(difference);
       });
     }},
    {"accumulator-not-zeroed",
     [](Operation *root) {
       changeAll(root, "linalg.fill", [](Operation *op) {
         auto fill = cast<linalg::FillOp>(op);
         if (!matchPattern(fill.getInputs()[0], m_AnyZeroFloat()))
           return;
         OpBuilder builder(op);
         op->setOperand(
             0, arith::ConstantOp::create(
                    builder, op->getLoc(),
                    builder.getFloatAttr(fill.getInputs()[0].getType(), 1.0)));
       });
     }},
    {"wrong-reduction-axis",
     [](Operation *root) {
       // A product that sums over the wrong dimension of a square operand.
       changeAll(root, "linalg.contract", [](Operation *op) {
         auto maps = op->getAttrOfType<ArrayAttr>("indexing_maps");
         auto type = dyn_cast<RankedTensorType>(op->getOperand(1).getType());
         if (!type || type.getRank() != 2 ||
             type.getDimSize(0) != type.getDimSize(1))
           return;
         AffineMap map = cast<AffineMapAttr>(maps[1]).getValue();
         AffineMap swapped = AffineMap::get(
             map.getNumDims(), 0, {map.getResult(1), map.getResult(0)},
             op->getContext());
         SmallVector<Attribute> changed(maps.getValue());
         changed[1] = AffineMapAttr::get(swapped);
         op->setAttr("indexing_maps",
                     ArrayAttr::get(op->getContext(), changed));
       });
     }},
    {"overlapping-tiles",
     [](Operation *root) {
       changeAll(root, "tensor.parallel_insert_slice", [](Operation *op) {
         // Every iteration writes to the first tile.
         auto insert = cast<tensor::ParallelInsertSliceOp>(op);
         OpBuilder builder(op->getParentOp());
         Value zero = arith::ConstantIndexOp::create(builder, op->getLoc(), 0);
         for (OpOperand &offset : insert.getOffsetsMutable())
           offset.set(zero);
       });
     }},
    {"dropped-tail",
     [](Operation *root) {
       // A tile of the size min(tile, rest) loses its last row.
       changeAll(root, "affine.min", [](Operation *op) {
         OpBuilder builder(op->getContext());
         builder.setInsertionPointAfter(op);
         Location loc = op->getLoc();
         Value one = arith::ConstantIndexOp::create(builder, loc, 1);
         Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
         Value fewer =
             arith::SubIOp::create(builder, loc, op->getResult(0), one);
         Value size = arith::MaxSIOp::create(builder, loc, fewer, zero);
         op->getResult(0).replaceAllUsesExcept(size, fewer.getDefiningOp());
       });
     }},
    {"lost-accumulator",
     [](Operation *root) {
       changeAll(root, "vector.contract", [](Operation *op) {
         auto contract = cast<vector::ContractionOp>(op);
         OpBuilder builder(op);
         Type type = contract.getAccType();
         op->setOperand(2, arith::ConstantOp::create(
                               builder, op->getLoc(),
                               cast<TypedAttr>(builder.getZeroAttr(type))));
       });
     }},
};

ArrayRef<Fault> mlir::gpt::test::getTensorFaults() { return faults; }
