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
// A value of the body is uniform (it is the same in all lanes) or a vector.
// Uniform ones stay scalars: a statistic of a row, the id whose row is looked
// up. The rest of a size that is no multiple of the vector is one masked step,
// not a scalar loop.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_VECTORIZELINALG
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Vectors that are worked on at once, where nothing else needs registers: as
/// many as hide the latency of a sum.
static constexpr int64_t kInterleaved = 4;

//===----------------------------------------------------------------------===//
// What can be vectorised, along which loop
//===----------------------------------------------------------------------===//

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

namespace {
/// One accumulator of a reduction.
struct Accumulator {
  vector::CombiningKind kind;
  Operation *combiner;
};

/// How one op is vectorised.
struct VectorForm {
  linalg::GenericOp op;
  /// The loop that vectors run along.
  unsigned loop;
  bool isReduction;
  /// If it is: one for each output.
  SmallVector<Accumulator> accumulators;

  /// Whether `operand` has an element per lane.
  bool isVector(OpOperand &operand) {
    return op.getMatchingIndexingMap(&operand).isFunctionOfDim(loop);
  }
};
} // namespace

/// Checks that lanes of `loop` are neighbours in memory, in each operand that
/// depends on it. Returns why not, or an empty string.
static StringRef checkAccesses(linalg::GenericOp op, unsigned loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      continue;
    if (!isVectorElement(type.getElementType()))
      return "of an element type without vectors";
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      if (!isa<AffineDimExpr, AffineConstantExpr>(expr))
        return "an operand is accessed by more than a permutation";
      if (!expr.isFunctionOfDim(loop))
        continue;
      if (position + 1 != map.getNumResults() || !isContiguous(type))
        return "no loop runs over contiguous elements of all operands";
    }
  }
  return "";
}

/// Whether `load` reads neighbours where `loop` counts, or the same everywhere.
static bool isRowAccess(memref::LoadOp load, unsigned loop) {
  if (load.getIndices().empty())
    return true;
  auto index = load.getIndices().back().getDefiningOp<linalg::IndexOp>();
  return index && index.getDim() == loop &&
         isContiguous(load.getMemRefType()) &&
         isVectorElement(load.getMemRefType().getElementType());
}

/// Checks the ops of the body.
static StringRef checkBody(linalg::GenericOp op, unsigned loop) {
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<linalg::IndexOp>(inner) ||
        OpTrait::hasElementwiseMappableTraits(&inner))
      continue;
    auto load = dyn_cast<memref::LoadOp>(inner);
    if (!load || !isRowAccess(load, loop))
      return "the body has an op without a form on vectors";
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

/// Chooses the loop of `op`: the innermost one for which all accesses are
/// contiguous. Where there is none, `reason` says why.
static std::optional<VectorForm> findForm(linalg::GenericOp op,
                                          StringRef &reason) {
  if (op.getNumLoops() == 0) {
    reason = "it has no loop";
    return std::nullopt;
  }
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  reason = "all loops have one iteration";
  for (unsigned loop = op.getNumLoops(); loop-- > 0;) {
    if (extents[loop] == 1)
      continue;
    VectorForm form{op, loop, linalg::isReductionIterator(iterators[loop]), {}};
    StringRef obstacle = checkAccesses(op, loop);
    if (obstacle.empty())
      obstacle = checkBody(op, loop);
    if (obstacle.empty() && form.isReduction)
      obstacle = findAccumulators(form);
    if (obstacle.empty())
      return form;
    // What the innermost loop lacks is what there is to tell.
    if (reason == "all loops have one iteration")
      reason = obstacle;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

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
  Value read(OpOperand &operand, Value mask);
  Value readRow(memref::LoadOp load, Value mask);
  Value readVector(Value memref, ArrayRef<Value> indices, Type element,
                   Value mask);
  void storeResults(Value mask);
  Value broadcast(Value value);
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
  /// The width of the step that is being written.
  int64_t width = 0;
  IRMapping mapping;
};
} // namespace

/// How many elements a step of the main loop has: several vectors, if that
/// leaves no rest and the body does not need the registers itself.
int64_t LoopWriter::getWidth() {
  // A row shorter than a vector is one masked or exact step.
  if (ShapedType::isStatic(staticExtent) && staticExtent < lanes)
    return llvm::PowerOf2Ceil(staticExtent);
  bool isHeavy = llvm::any_of(*op.getBody(), [](Operation &inner) {
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
  if (masked) {
    Value left = arith::SubIOp::create(builder, end, loop.getInductionVar());
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
  mapping.clear();
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    bool isInit = op.isDpsInit(&operand);
    if (isInit && form.isReduction)
      mapping.map(argument,
                  carried[argument.getArgNumber() - op.getNumDpsInputs()]);
    else if (!argument.use_empty())
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

/// Reads a scalar, or the lanes of an operand that depends on the loop.
Value LoopWriter::read(OpOperand &operand, Value mask) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type)
    return operand.get();
  SmallVector<Value> indices = mapIndices(op.getMatchingIndexingMap(&operand));
  if (!form.isVector(operand))
    return memref::LoadOp::create(builder, operand.get(), indices);
  return readVector(operand.get(), indices, type.getElementType(), mask);
}

/// A row that the body looks up.
Value LoopWriter::readRow(memref::LoadOp load, Value mask) {
  SmallVector<Value> indices;
  for (Value original : load.getIndices().drop_back())
    indices.push_back(get(original));
  indices.push_back(position[form.loop]);
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

void LoopWriter::cloneOp(Operation &inner, Value mask) {
  if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
    Value value = position[index.getDim()];
    if (index.getDim() == form.loop) {
      auto type = VectorType::get(width, builder.getIndexType());
      value = arith::AddIOp::create(builder, broadcast(value),
                                    vector::StepOp::create(builder, type));
    }
    mapping.map(index.getResult(), value);
    return;
  }
  if (auto load = dyn_cast<memref::LoadOp>(inner)) {
    if (load.getIndices().empty())
      builder.clone(inner, mapping);
    else
      mapping.map(load.getResult(), readRow(load, mask));
    return;
  }
  bool isUniform = llvm::none_of(inner.getOperands(), [&](Value operand) {
    return isa<VectorType>(get(operand).getType());
  });
  if (isUniform) {
    builder.clone(inner, mapping);
    return;
  }
  SmallVector<Value> operands;
  for (Value operand : inner.getOperands())
    operands.push_back(broadcast(get(operand)));
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
    if (mask)
      vector::MaskedStoreOp::create(builder, init.get(), indices, mask, value);
    else
      vector::StoreOp::create(builder, value, init.get(), indices);
  }
}

/// Whether a looked-up row is read at an index that differs between lanes in
/// another dimension than the last.
static bool hasUniformRows(VectorForm &form) {
  // The values that differ between lanes.
  DenseSet<Value> vectors;
  linalg::GenericOp op = form.op;
  for (OpOperand &operand : op->getOpOperands())
    if (form.isVector(operand) || (op.isDpsInit(&operand) && form.isReduction))
      vectors.insert(op.getMatchingBlockArgument(&operand));
  auto isVector = [&](Value value) { return vectors.contains(value); };
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      if (index.getDim() == form.loop)
        vectors.insert(index.getResult());
    } else if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      if (load.getIndices().empty())
        continue;
      if (llvm::any_of(load.getIndices().drop_back(), isVector))
        return false;
      vectors.insert(load.getResult());
    } else if (llvm::any_of(inner.getOperands(), isVector)) {
      vectors.insert_range(inner.getResults());
    }
  }
  return true;
}

namespace {
struct VectorizeLinalg final
    : public gpt::impl::VectorizeLinalgBase<VectorizeLinalg> {
  using VectorizeLinalgBase::VectorizeLinalgBase;

  void runOnOperation() override {
    if (lanes < 2 || !llvm::isPowerOf2_64(lanes)) {
      emitError(getOperation()->getLoc(), "expected 'lanes' to be a power of "
                                          "two greater than 1, got ")
          << lanes;
      return signalPassFailure();
    }
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics())
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops) {
      StringRef reason;
      std::optional<VectorForm> form = findForm(op, reason);
      if (form && !hasUniformRows(*form)) {
        form.reset();
        reason = "each element is looked up in another row";
      }
      if (!form) {
        emitRemark(op.getLoc(), "is not vectorised: ") << reason;
        ++numScalar;
        continue;
      }
      LoopWriter(*form, lanes).write();
      op.erase();
      ++numVectorized;
    }
  }
};
} // namespace
