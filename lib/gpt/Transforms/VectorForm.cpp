//===- VectorForm.cpp - Along which loop an op becomes vectors --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any loop will do whose operands are accessed by its counter alone and whose
// body has forms on vectors. Which one is taken decides how many loads and
// stores are of neighbours.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/VectorForm.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

using namespace mlir;
using namespace mlir::gpt;

/// Whether consecutive elements of the last dimension are neighbours.
static bool isContiguous(MemRefType type) {
  int64_t offset;
  SmallVector<int64_t> strides;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         !strides.empty() && strides.back() == 1;
}

/// Whether a vector can hold elements of that type as memory does.
static bool isVectorElement(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() >= 8 &&
         type.getIntOrFloatBitWidth() <= 64;
}

/// Checks that each operand can be accessed by lanes along the loop, and notes
/// for which of them these are no neighbours in memory. Returns why not, or an
/// empty string.
static StringRef checkAccesses(VectorForm &form) {
  for (OpOperand &operand : form.op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      continue;
    if (!isVectorElement(type.getElementType()))
      return "of an element type without vectors";
    AffineMap map = form.op.getMatchingIndexingMap(&operand);
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      if (!isa<AffineDimExpr, AffineConstantExpr>(expr))
        return "an operand is accessed by more than a permutation";
      if (expr.isFunctionOfDim(form.loop) &&
          (position + 1 != map.getNumResults() || !isContiguous(type)))
        form.scatteredOperands.insert(&operand);
    }
  }
  return "";
}

/// Checks that lanes are written to places of their own, or summed up.
static StringRef checkOutputs(VectorForm &form) {
  for (OpOperand &init : form.op.getDpsInitsMutable())
    if (form.isVector(init) == form.isReduction)
      return form.isReduction
                 ? "an output has a place per step of the reduction"
                 : "lanes would write to the same place";
  return "";
}

bool gpt::isIntegerDivision(Operation &op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

/// Whether `load` reads neighbours where the loop counts.
static bool isRowAccess(memref::LoadOp load, const VectorForm &form) {
  return form.laneIndices.contains(load.getIndices().back()) &&
         isContiguous(load.getMemRefType());
}

/// Whether `apply` adds what is the same in all lanes to one lane index, as
/// tiling does.
static bool shiftsLaneIndex(affine::AffineApplyOp apply, const VectorForm &form,
                            function_ref<bool(Value)> isVector) {
  OpOperand *vector = nullptr;
  for (OpOperand &operand : apply->getOpOperands()) {
    if (!isVector(operand.get()))
      continue;
    if (vector || !form.laneIndices.contains(operand.get()))
      return false;
    vector = &operand;
  }
  AffineMap map = apply.getAffineMap();
  unsigned number = vector->getOperandNumber();
  MLIRContext *context = apply.getContext();
  AffineExpr lane =
      number < map.getNumDims()
          ? getAffineDimExpr(number, context)
          : getAffineSymbolExpr(number - map.getNumDims(), context);
  AffineExpr shift = simplifyAffineExpr(map.getResult(0) - lane,
                                        map.getNumDims(), map.getNumSymbols());
  bool isShift = true;
  shift.walk([&](AffineExpr expr) { isShift &= expr != lane; });
  return isShift;
}

/// Checks the ops of the body, and notes the loads of elements that are apart.
static StringRef checkBody(VectorForm &form) {
  // The values that differ between lanes.
  DenseSet<Value> vectors;
  linalg::GenericOp op = form.op;
  for (OpOperand &operand : op->getOpOperands())
    if (form.isVector(operand) || (op.isDpsInit(&operand) && form.isReduction))
      vectors.insert(op.getMatchingBlockArgument(&operand));
  auto isVector = [&](Value value) { return vectors.contains(value); };
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      if (index.getDim() == form.loop) {
        vectors.insert(index.getResult());
        form.laneIndices.insert(index.getResult());
      }
      continue;
    }
    if (auto apply = dyn_cast<affine::AffineApplyOp>(inner)) {
      if (llvm::none_of(inner.getOperands(), isVector))
        continue;
      if (!shiftsLaneIndex(apply, form, isVector))
        return "the body has an index without a form on vectors";
      vectors.insert(apply.getResult());
      form.laneIndices.insert(apply.getResult());
      continue;
    }
    auto load = dyn_cast<memref::LoadOp>(inner);
    if (!load && !isSpeculatable(&inner) && !isIntegerDivision(inner))
      return "the body has an op that may not run behind the end";
    if (!load && !OpTrait::hasElementwiseMappableTraits(&inner))
      return "the body has an op without a form on vectors";
    if (llvm::none_of(inner.getOperands(), isVector))
      continue;
    vectors.insert_range(inner.getResults());
    if (!load)
      continue;
    if (!isVectorElement(load.getMemRefType().getElementType()))
      return "of an element type without vectors";
    if (!isRowAccess(load, form) ||
        llvm::any_of(load.getIndices().drop_back(), isVector))
      form.scatteredLoads.insert(load);
  }
  return "";
}

/// Finds the combiners of a reduction along the vectorised loop.
static StringRef findAccumulators(VectorForm &form) {
  linalg::GenericOp op = form.op;
  Operation *yield = op.getBody()->getTerminator();
  for (OpOperand &init : op.getDpsInitsMutable()) {
    BlockArgument carried = op.getMatchingBlockArgument(&init);
    Operation *combiner =
        yield->getOperand(carried.getArgNumber() - op.getNumDpsInputs())
            .getDefiningOp();
    std::optional<vector::CombiningKind> kind;
    if (combiner && combiner->getNumOperands() == 2 && carried.hasOneUse() &&
        *carried.user_begin() == combiner && combiner->hasOneUse())
      kind = linalg::getCombinerOpKind(combiner);
    if (!kind || !arith::getNeutralElement(combiner))
      return "the reduction is none that vectors have";
    auto fastMath = dyn_cast<arith::ArithFastMathInterface>(combiner);
    bool isSum = *kind == vector::CombiningKind::ADD ||
                 *kind == vector::CombiningKind::MUL;
    if (isSum && fastMath &&
        !arith::bitEnumContainsAll(fastMath.getFastMathFlagsAttr().getValue(),
                                   arith::FastMathFlags::reassoc))
      return "the order of the sum is fixed";
    form.accumulators.push_back({*kind, combiner});
  }
  return "";
}

std::optional<VectorForm> gpt::findVectorForm(linalg::GenericOp op,
                                              StringRef &reason) {
  if (op.getNumLoops() == 0) {
    reason = "it has no loop";
    return std::nullopt;
  }
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  reason = "";
  std::optional<VectorForm> best;
  for (unsigned loop = op.getNumLoops(); loop-- > 0;) {
    if (extents[loop] == 0 || extents[loop] == 1)
      continue;
    VectorForm form{
        op, loop, linalg::isReductionIterator(iterators[loop]), {}, {}, {}, {}};
    StringRef obstacle = checkAccesses(form);
    if (obstacle.empty())
      obstacle = checkOutputs(form);
    if (obstacle.empty())
      obstacle = checkBody(form);
    if (obstacle.empty() && form.isReduction)
      obstacle = findAccumulators(form);
    if (obstacle.empty()) {
      if (!best || form.getNumScattered() < best->getNumScattered())
        best = std::move(form);
    } else if (reason.empty()) {
      // What the innermost loop lacks is what there is to tell.
      reason = obstacle;
    }
  }
  if (reason.empty())
    reason = "all loops have one iteration";
  return best;
}
