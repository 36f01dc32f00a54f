//===- VectorLoops.cpp - The loops of one op over vectors -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value of the body is uniform (it is the same in all lanes) or a vector.
// Uniform ones stay scalars: a statistic of a row, the id whose row is looked
// up. The rest of a size that is no multiple of the vector is one masked step,
// not a scalar loop.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/VectorLoops.h"

#include "gpt/Transforms/ScatteredMemory.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::gpt;

/// Vectors that are worked on at once, where nothing else needs registers: as
/// many as hide the latency of a sum.
static constexpr int64_t kInterleaved = 4;

namespace {
/// Writes the loops of one op.
class LoopWriter {
public:
  LoopWriter(VectorForm &form, int64_t lanes)
      : form(form), op(form.op), lanes(lanes), builder(op.getLoc(), op) {}

  void write();

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(builder, value);
  }
  int64_t getWidth();
  void writeVectorLoop();
  SmallVector<Value> writeSteps(Value begin, Value end, int64_t width,
                                bool masked, ValueRange carried);
  SmallVector<Value> writeStep(Value position, Value mask, ValueRange carried);
  SmallVector<Value> mapIndices(AffineMap map);
  void viewScattered();
  void readUniform();
  ScatteredLanes getLanes(OpOperand &operand);
  Value read(OpOperand &operand, Value mask);
  Value readRow(memref::LoadOp load, Value mask);
  Value readVector(Value memref, ArrayRef<Value> indices, Type element,
                   Value mask);
  void storeResults(Value mask);
  Value broadcast(Value value);
  void spreadIndex(Value original, Value first);
  Value get(Value original);
  void cloneOp(Operation &inner, Value mask);
  Value getNeutral(const Accumulator &accumulator, Type element);

  VectorForm &form;
  linalg::GenericOp op;
  int64_t lanes;
  ImplicitLocOpBuilder builder;
  /// The current iteration of each loop.
  SmallVector<Value> position;
  Value extent;
  int64_t staticExtent = ShapedType::kDynamic;
  /// The width of the step that is being written, and how many lanes are left
  /// if those may be fewer.
  int64_t width = 0;
  Value left;
  /// Memory with accesses whose lanes are apart.
  DenseMap<Value, ScatteredMemory> scattered;
  /// Inputs that are the same in all steps, by their block argument.
  IRMapping uniform;
  IRMapping mapping;
  /// What lane indices are in the first lane.
  IRMapping firstLane;
};
} // namespace

/// How many elements a step of the main loop has: several vectors, if that
/// leaves no rest and the body does not need the registers itself.
int64_t LoopWriter::getWidth() {
  // A row shorter than a vector is one masked or exact step.
  if (ShapedType::isStatic(staticExtent) && staticExtent < lanes)
    return llvm::PowerOf2Ceil(staticExtent);
  bool isHeavy =
      form.getNumScattered() != 0 ||
      llvm::any_of(*op.getBody(), [](Operation &inner) {
        return isa_and_nonnull<math::MathDialect>(inner.getDialect());
      });
  int64_t most = lanes * (isHeavy ? 1 : kInterleaved);
  if (ShapedType::isDynamic(staticExtent))
    return most;
  while (most > lanes && staticExtent % most != 0)
    most /= 2;
  return most;
}

/// Writes the loops in the order of the op, that of the vectors inside of all
/// others.
void LoopWriter::write() {
  SmallVector<Range> ranges = cast<linalg::LinalgOp>(op.getOperation())
                                  .createLoopRanges(builder, op.getLoc());
  position.resize(ranges.size());
  viewScattered();
  for (auto [loop, range] : llvm::enumerate(ranges)) {
    Value size =
        getValueOrCreateConstantIndexOp(builder, op.getLoc(), range.size);
    if (loop == form.loop) {
      extent = size;
      staticExtent =
          getConstantIntValue(range.size).value_or(ShapedType::kDynamic);
      continue;
    }
    if (isOneInteger(range.size)) {
      position[loop] = index(0);
      continue;
    }
    auto outer = scf::ForOp::create(builder, index(0), size, index(1));
    position[loop] = outer.getInductionVar();
    builder.setInsertionPointToStart(outer.getBody());
  }
  writeVectorLoop();
}

Value LoopWriter::getNeutral(const Accumulator &accumulator, Type element) {
  std::optional<TypedAttr> neutral =
      arith::getNeutralElement(accumulator.combiner);
  auto type = VectorType::get(width, element);
  return arith::ConstantOp::create(builder,
                                   DenseElementsAttr::get(type, *neutral));
}

/// Writes
///
///   main   for %i = 0 to %rounded step W   all lanes
///   rest   for %i = %rounded to %n step L  masked, if there may be a rest
///
/// and, for reductions, what puts the lanes together.
void LoopWriter::writeVectorLoop() {
  int64_t main = getWidth();
  int64_t rest = std::min(main, lanes);
  bool isExact = ShapedType::isStatic(staticExtent) && staticExtent % main == 0;
  Value rounded = index(0);
  if (isExact)
    rounded = extent;
  else if (ShapedType::isDynamic(staticExtent) || staticExtent >= main) {
    Value remainder = builder.createOrFold<arith::RemUIOp>(extent, index(main));
    rounded = builder.createOrFold<arith::SubIOp>(extent, remainder);
  }

  readUniform();
  SmallVector<Value> sums;
  auto start = [&](int64_t of) {
    width = of;
    SmallVector<Value> carried;
    for (auto [accumulator, init] :
         llvm::zip(form.accumulators, op.getDpsInits()))
      carried.push_back(getNeutral(
          accumulator, cast<MemRefType>(init.getType()).getElementType()));
    return carried;
  };
  /// Reduces the lanes into what was carried so far.
  auto finish = [&](ValueRange vectors) {
    for (auto [number, vector] : llvm::enumerate(vectors)) {
      const Accumulator &accumulator = form.accumulators[number];
      auto fastMath =
          dyn_cast<arith::ArithFastMathInterface>(accumulator.combiner);
      auto flags = fastMath ? fastMath.getFastMathFlagsAttr().getValue()
                            : arith::FastMathFlags::none;
      sums[number] = vector::ReductionOp::create(builder, accumulator.kind,
                                                 vector, sums[number], flags);
    }
  };
  if (form.isReduction)
    for (OpOperand &init : op.getDpsInitsMutable())
      sums.push_back(memref::LoadOp::create(
          builder, init.get(), mapIndices(op.getMatchingIndexingMap(&init))));

  if (isExact || ShapedType::isDynamic(staticExtent) || staticExtent >= main)
    finish(writeSteps(index(0), rounded, main, /*masked=*/false, start(main)));
  if (!isExact)
    finish(writeSteps(rounded, extent, rest, /*masked=*/true, start(rest)));
  for (auto [sum, init] : llvm::zip(sums, op.getDpsInitsMutable()))
    memref::StoreOp::create(builder, sum, init.get(),
                            mapIndices(op.getMatchingIndexingMap(&init)));
}

/// Writes a loop of steps that carries the accumulators.
SmallVector<Value> LoopWriter::writeSteps(Value begin, Value end, int64_t of,
                                          bool masked, ValueRange carried) {
  width = of;
  auto loop = scf::ForOp::create(builder, begin, end, index(of), carried);
  OpBuilder::InsertionGuard guard(builder);
  if (loop.getBody()->mightHaveTerminator())
    builder.setInsertionPoint(loop.getBody()->getTerminator());
  else
    builder.setInsertionPointToEnd(loop.getBody());
  Value mask;
  left = Value();
  if (masked) {
    left = arith::SubIOp::create(builder, end, loop.getInductionVar());
    mask = vector::CreateMaskOp::create(
        builder, VectorType::get(of, builder.getI1Type()), left);
  }
  SmallVector<Value> next =
      writeStep(loop.getInductionVar(), mask, loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(builder, next);
  return llvm::to_vector_of<Value>(loop.getResults());
}

/// Writes the body once and returns the next accumulators.
SmallVector<Value> LoopWriter::writeStep(Value at, Value mask,
                                         ValueRange carried) {
  position[form.loop] = at;
  mapping = uniform;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    bool isInit = op.isDpsInit(&operand);
    if (isInit && form.isReduction)
      mapping.map(argument,
                  carried[argument.getArgNumber() - op.getNumDpsInputs()]);
    else if (!argument.use_empty() && !mapping.contains(argument))
      mapping.map(argument, read(operand, mask));
  }
  for (Operation &inner : op.getBody()->without_terminator())
    cloneOp(inner, mask);
  if (!form.isReduction) {
    storeResults(mask);
    return {};
  }
  SmallVector<Value> next;
  Operation *yield = op.getBody()->getTerminator();
  for (auto [value, previous] :
       llvm::zip_equal(yield->getOperands(), carried)) {
    Value sum = get(value);
    // Lanes behind the end carry on what they have.
    if (mask)
      sum = arith::SelectOp::create(builder, mask, sum, previous);
    next.push_back(sum);
  }
  return next;
}

/// The indices of the current iteration in an operand.
SmallVector<Value> LoopWriter::mapIndices(AffineMap map) {
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr expr) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return index(constant.getValue());
    return position[cast<AffineDimExpr>(expr).getPosition()];
  });
}

Value LoopWriter::readVector(Value memref, ArrayRef<Value> indices,
                             Type element, Value mask) {
  auto type = VectorType::get(width, element);
  if (!mask)
    return vector::LoadOp::create(builder, type, memref, indices);
  Value zeros = arith::ConstantOp::create(builder, builder.getZeroAttr(type));
  return vector::MaskedLoadOp::create(builder, type, memref, indices, mask,
                                      zeros);
}

/// Makes the views through which scattered accesses go.
void LoopWriter::viewScattered() {
  auto view = [&](Value memref) {
    if (!scattered.contains(memref))
      scattered.try_emplace(memref, builder, memref);
  };
  for (OpOperand &operand : op->getOpOperands())
    if (form.scatteredOperands.contains(&operand))
      view(operand.get());
  for (auto load : op.getBody()->getOps<memref::LoadOp>())
    if (form.scatteredLoads.contains(load))
      view(load.getMemRef());
}

/// Reads the inputs that are the same in all lanes once, in front of the loop
/// over vectors: nothing tells LLVM that its stores leave them alone.
void LoopWriter::readUniform() {
  for (OpOperand *operand : op.getDpsInputOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(operand);
    if (!argument.use_empty() && !form.isVector(*operand))
      uniform.map(argument, read(*operand, /*mask=*/Value()));
  }
}

/// The current lanes of a scattered operand.
ScatteredLanes LoopWriter::getLanes(OpOperand &operand) {
  const ScatteredMemory &memory = scattered.at(operand.get());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  OpFoldResult stride = builder.getIndexAttr(0);
  for (auto [dim, expr] : llvm::enumerate(map.getResults()))
    if (expr.isFunctionOfDim(form.loop))
      stride = affine::makeComposedFoldedAffineApply(
          builder, op.getLoc(),
          builder.getAffineSymbolExpr(0) + builder.getAffineSymbolExpr(1),
          {stride, memory.getStride(dim)});
  return {memory.getPlace(builder, mapIndices(map)), stride, width, left};
}

/// Reads a scalar, or the lanes of an operand that depends on the loop.
Value LoopWriter::read(OpOperand &operand, Value mask) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type)
    return operand.get();
  SmallVector<Value> indices = mapIndices(op.getMatchingIndexingMap(&operand));
  if (!form.isVector(operand))
    return memref::LoadOp::create(builder, operand.get(), indices);
  if (form.scatteredOperands.contains(&operand))
    return scattered.at(operand.get()).read(builder, getLanes(operand));
  return readVector(operand.get(), indices, type.getElementType(), mask);
}

/// A row that the body looks up, or an element for each lane.
Value LoopWriter::readRow(memref::LoadOp load, Value mask) {
  if (form.scatteredLoads.contains(load)) {
    const ScatteredMemory &memory = scattered.at(load.getMemRef());
    SmallVector<Value> indices = llvm::map_to_vector(
        load.getIndices(), [&](Value original) { return get(original); });
    return memory.gather(builder, memory.getPlace(builder, indices), mask);
  }
  SmallVector<Value> indices;
  for (Value original : load.getIndices().drop_back())
    indices.push_back(get(original));
  indices.push_back(firstLane.lookup(load.getIndices().back()));
  return readVector(load.getMemRef(), indices,
                    load.getMemRefType().getElementType(), mask);
}

/// What stands for a value of the body: itself if it is defined outside.
Value LoopWriter::get(Value original) {
  return mapping.lookupOrDefault(original);
}

Value LoopWriter::broadcast(Value value) {
  if (isa<VectorType>(value.getType()))
    return value;
  auto type = VectorType::get(width, value.getType());
  return vector::BroadcastOp::create(builder, type, value);
}

/// Maps an index that is `first` in the first lane, and one more in each next.
void LoopWriter::spreadIndex(Value original, Value first) {
  firstLane.map(original, first);
  auto type = VectorType::get(width, builder.getIndexType());
  mapping.map(original,
              arith::AddIOp::create(builder, broadcast(first),
                                    vector::StepOp::create(builder, type)));
}

void LoopWriter::cloneOp(Operation &inner, Value mask) {
  if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
    if (form.laneIndices.contains(index.getResult()))
      spreadIndex(index.getResult(), position[index.getDim()]);
    else
      mapping.map(index.getResult(), position[index.getDim()]);
    return;
  }
  if (form.laneIndices.contains(inner.getResult(0))) {
    IRMapping scalars = mapping;
    for (Value operand : inner.getOperands())
      if (form.laneIndices.contains(operand))
        scalars.map(operand, firstLane.lookup(operand));
    spreadIndex(inner.getResult(0),
                builder.clone(inner, scalars)->getResult(0));
    return;
  }
  bool isUniform = llvm::none_of(inner.getOperands(), [&](Value operand) {
    return isa<VectorType>(get(operand).getType());
  });
  if (isUniform) {
    builder.clone(inner, mapping);
    return;
  }
  if (auto load = dyn_cast<memref::LoadOp>(inner)) {
    mapping.map(load.getResult(), readRow(load, mask));
    return;
  }
  SmallVector<Value> operands;
  for (Value operand : inner.getOperands())
    operands.push_back(broadcast(get(operand)));
  // Lanes behind the end are zero, and one of them would end the process.
  if (mask && isIntegerDivision(inner)) {
    auto type = cast<VectorType>(operands[1].getType());
    Value ones = arith::ConstantOp::create(builder, builder.getOneAttr(type));
    operands[1] = arith::SelectOp::create(builder, mask, operands[1], ones);
  }
  OperationState state(inner.getLoc(), inner.getName());
  state.addOperands(operands);
  state.addAttributes(inner.getAttrs());
  for (Type type : inner.getResultTypes())
    state.addTypes(VectorType::get(width, type));
  Operation *clone = builder.create(state);
  mapping.map(inner.getResults(), clone->getResults());
}

void LoopWriter::storeResults(Value mask) {
  Operation *yield = op.getBody()->getTerminator();
  for (OpOperand &init : op.getDpsInitsMutable()) {
    BlockArgument argument = op.getMatchingBlockArgument(&init);
    Value value = broadcast(
        get(yield->getOperand(argument.getArgNumber() - op.getNumDpsInputs())));
    SmallVector<Value> indices = mapIndices(op.getMatchingIndexingMap(&init));
    if (form.scatteredOperands.contains(&init))
      scattered.at(init.get()).write(builder, value, getLanes(init));
    else if (mask)
      vector::MaskedStoreOp::create(builder, init.get(), indices, mask, value);
    else
      vector::StoreOp::create(builder, value, init.get(), indices);
  }
}

void gpt::writeVectorLoops(VectorForm &form, int64_t lanes) {
  LoopWriter(form, lanes).write();
}
