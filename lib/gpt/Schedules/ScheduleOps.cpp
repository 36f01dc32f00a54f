//===- ScheduleOps.cpp - Ops of schedules -----------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ScheduleOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/Schedules/ScheduleOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "gpt/Schedules/ScheduleOps.cpp.inc"

/// Whether `value`, at the begin of a loop, is `initial`, maybe by way of loops
/// around it.
static bool startsAs(Value value, Value initial) {
  if (value == initial)
    return true;
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return false;
  auto loop = dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp());
  OpOperand *init = loop ? loop.getTiedLoopInit(argument) : nullptr;
  return init && startsAs(init->get(), initial);
}

/// Lets `producer`, in the body of `loop`, write into what the loop carries
/// along where that starts as what it writes into.
static void reuseCarried(Operation *producer, LoopLikeOpInterface loop,
                         RewriterBase &rewriter) {
  auto destinationStyle = dyn_cast<DestinationStyleOpInterface>(producer);
  if (!destinationStyle)
    return;
  rewriter.modifyOpInPlace(producer, [&] {
    for (OpOperand &init : destinationStyle.getDpsInitsMutable())
      for (BlockArgument carried : loop.getRegionIterArgs())
        if (startsAs(carried, init.get())) {
          init.set(carried);
          break;
        }
  });
}

/// Computes `slice` of `producer` in its place.
static FailureOr<SmallVector<Operation *>> fuse(TilingInterface producer,
                                                tensor::ExtractSliceOp slice,
                                                RewriterBase &rewriter) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(slice);
  Operation *copy = rewriter.clone(*producer);
  if (auto loop = dyn_cast<LoopLikeOpInterface>(slice->getParentOp()))
    reuseCarried(copy, loop, rewriter);
  unsigned result = cast<OpResult>(slice.getSource()).getResultNumber();
  FailureOr<TilingResult> tiled =
      cast<TilingInterface>(copy).generateResultTileValue(
          rewriter, result, slice.getMixedOffsets(), slice.getMixedSizes());
  FailureOr<Value> value = failure();
  if (succeeded(tiled))
    value = tensor::ExtractSliceOp::rankReduceIfNeeded(
        rewriter, slice.getLoc(), tiled->tiledValues[0],
        slice.getType().getShape());
  if (succeeded(value))
    rewriter.replaceOp(slice, *value);
  rewriter.eraseOp(copy);
  if (failed(value))
    return failure();
  return tiled->tiledOps;
}

DiagnosedSilenceableFailure
transform::FuseProducerOp::apply(transform::TransformRewriter &rewriter,
                                 transform::TransformResults &results,
                                 transform::TransformState &state) {
  SmallVector<Operation *> fused;
  auto producers = llvm::to_vector(state.getPayloadOps(getProducer()));
  auto loops = llvm::to_vector(state.getPayloadOps(getLoop()));
  if (producers.size() > 1 || loops.size() != 1)
    return emitDefiniteFailure()
           << "expected at most one producer and one loop, got "
           << producers.size() << " and " << loops.size();
  for (Operation *op : producers) {
    auto producer = dyn_cast<TilingInterface>(op);
    if (!producer)
      return emitSilenceableError() << "expected a producer that can be tiled, "
                                       "got '"
                                    << op->getName() << "'";
    SmallVector<tensor::ExtractSliceOp> slices;
    for (Operation *user : op->getUsers()) {
      auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
      if (slice && loops.front()->isProperAncestor(slice))
        slices.push_back(slice);
    }
    if (slices.empty())
      return emitSilenceableError() << "expected the loop to extract slices of "
                                       "the result of '"
                                    << op->getName() << "'";
    for (tensor::ExtractSliceOp slice : slices) {
      auto ops = fuse(producer, slice, rewriter);
      if (failed(ops))
        return emitDefiniteFailure()
               << "cannot compute a slice of '" << op->getName() << "'";
      fused.append(*ops);
    }
  }
  results.set(cast<OpResult>(getFused()), fused);
  return DiagnosedSilenceableFailure::success();
}

void transform::FuseProducerOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  consumesHandle(getProducerMutable(), effects);
  onlyReadsHandle(getLoopMutable(), effects);
  producesHandle(getOperation()->getOpResults(), effects);
  modifiesPayload(effects);
}

/// The value of a parameter. Sizes of tiles are small; a list of them or
/// another kind of attribute is a mistake in the schedule.
static std::optional<int64_t> readSize(const transform::TransformState &state,
                                       Value param) {
  ArrayRef<Attribute> values = state.getParams(param);
  auto value = values.size() == 1 ? dyn_cast<IntegerAttr>(values.front())
                                  : IntegerAttr();
  return value ? std::optional(value.getInt()) : std::nullopt;
}

DiagnosedSilenceableFailure
transform::ExpectMultipleOp::apply(TransformRewriter &, TransformResults &,
                                   TransformState &state) {
  std::optional<int64_t> size = readSize(state, getSize());
  if (!size)
    return emitDefiniteFailure()
           << "expected " << getName() << " to be one integer";
  if (*size < 1)
    return emitDefiniteFailure()
           << "expected " << getName() << " to be 1 or more, found " << *size;
  if (!getFactor())
    return DiagnosedSilenceableFailure::success();
  std::optional<int64_t> factor = readSize(state, getFactor());
  if (!factor || *factor < 1)
    return emitDefiniteFailure()
           << "expected " << getFactorName().value_or("the factor")
           << " to be one integer, 1 or more";
  if (*size % *factor != 0)
    return emitDefiniteFailure()
           << "expected " << getName() << " to be a multiple of "
           << getFactorName().value_or("the factor") << " (" << *factor
           << "), found " << *size;
  return DiagnosedSilenceableFailure::success();
}

void transform::ExpectMultipleOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  onlyReadsHandle(getSizeMutable(), effects);
  onlyReadsHandle(getFactorMutable(), effects);
  // Not without effects: it would be removed.
  modifiesPayload(effects);
}

DiagnosedSilenceableFailure
transform::ExpectInnerTileOp::apply(TransformRewriter &, TransformResults &,
                                    TransformState &state) {
  std::optional<int64_t> size = readSize(state, getSize());
  if (!size)
    return emitDefiniteFailure()
           << "expected " << getName() << " to be one integer";
  for (Operation *op : state.getPayloadOps(getPacks())) {
    auto pack = dyn_cast<linalg::PackOp>(op);
    if (!pack)
      return emitDefiniteFailure()
             << "expected 'linalg.pack', got '" << op->getName() << "'";
    ArrayRef<int64_t> tiles = pack.getStaticInnerTiles();
    if (tiles.empty() || tiles.front() != *size)
      return emitDefiniteFailure()
             << "expected " << getName() << " to be the first of the tiles ["
             << tiles << "] that an operand was packed with, found " << *size;
  }
  return DiagnosedSilenceableFailure::success();
}

void transform::ExpectInnerTileOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  onlyReadsHandle(getSizeMutable(), effects);
  onlyReadsHandle(getPacksMutable(), effects);
  // Not without effects: it would be removed.
  modifiesPayload(effects);
}

namespace {
class ScheduleOps : public transform::TransformDialectExtension<ScheduleOps> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScheduleOps)

  ScheduleOps() {
    declareGeneratedDialect<linalg::LinalgDialect>();
    declareGeneratedDialect<tensor::TensorDialect>();
    registerTransformOps<
#define GET_OP_LIST
#include "gpt/Schedules/ScheduleOps.cpp.inc"
        >();
  }
};
} // namespace

void gpt::registerScheduleOps(DialectRegistry &registry) {
  registry.addExtensions<ScheduleOps>();
}
