//===- CachedFunctions.cpp - cached clones of a forward function -*- C++ -*-==//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CachedFunctions.h. Functions are cloned on demand, at the first call that
// needs them, and each body in the order of its ops, so that caches are handed
// out in the order of execution.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/CachedFunctions.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::gpt;

/// The state of cloning one function body.
struct CachedFunctionBuilder::Frame {
  const SequenceFunction &plan;
  IRMapping mapping;
  Value positions;
  /// Cache arguments, key and value of each attention in turn.
  ValueRange caches;
  /// The updated caches so far.
  SmallVector<Value> updated;

  /// The cache arguments of the next `count` attention ops.
  ValueRange takeCaches(size_t count) const {
    return caches.slice(updated.size(), 2 * count);
  }
};

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// Whether the function itself serves this phase: it has no state, and every
/// sequence dimension has the extent of the phase already.
bool CachedFunctionBuilder::isReusable(const SequenceFunction &plan) {
  auto [it, isNew] = reusable.try_emplace(&plan, false);
  if (!isNew)
    return it->second;
  bool result = !signature.isRoot(plan) && !plan.needsPositions &&
                llvm::all_of(plan.dims,
                             [&](auto entry) {
                               return signature.getType(plan, entry.first) ==
                                      entry.first.getType();
                             }) &&
                llvm::all_of(plan.calls, [&](auto entry) {
                  return isReusable(*entry.second);
                });
  return reusable[&plan] = result;
}

func::FuncOp CachedFunctionBuilder::getOrClone(const SequenceFunction &plan) {
  if (func::FuncOp clone = clones.lookup(&plan))
    return clone;
  func::FuncOp source = plan.function;
  if (isReusable(plan))
    return source;

  StringRef name = signature.getPhase().name;
  auto function = cast<func::FuncOp>(source->cloneWithoutRegions());
  if (signature.isRoot(plan)) {
    function.setSymName(name);
  } else {
    function.setSymName((source.getSymName() + "_" + name).str());
    function.setPrivate();
  }
  function.removeArgAttrsAttr();
  function.removeResAttrsAttr();
  function.setFunctionType(signature.getFunctionType(plan));
  signature.setAttributes(plan, function);
  symbols.insert(function);
  clones[&plan] = function;
  created.push_back(function);
  cloneBody(plan, function);
  return function;
}

void CachedFunctionBuilder::cloneBody(const SequenceFunction &plan,
                                      func::FuncOp function) {
  Block &source = plan.getBody();
  SmallVector<Location> locations;
  for (BlockArgument argument : source.getArguments())
    locations.push_back(argument.getLoc());
  if (plan.needsPositions)
    locations.push_back(function.getLoc());
  for (const CacheSpec &spec : plan.caches)
    locations.append(2, spec.location);

  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&function.getBody(), {},
                                    function.getArgumentTypes(), locations);
  Frame frame{plan, {}, {}, {}, {}};
  ValueRange arguments = body->getArguments();
  frame.mapping.map(source.getArguments(),
                    arguments.take_front(source.getNumArguments()));
  arguments = arguments.drop_front(source.getNumArguments());
  if (plan.needsPositions) {
    frame.positions = arguments.front();
    arguments = arguments.drop_front();
  }
  frame.caches = arguments;

  for (Operation &op : source.without_terminator())
    cloneOp(&op, frame);
  cloneReturn(cast<func::ReturnOp>(source.getTerminator()), frame);
}

void CachedFunctionBuilder::cloneReturn(func::ReturnOp returnOp, Frame &frame) {
  SmallVector<Value> results;
  for (Value result : returnOp.getOperands()) {
    Value mapped = frame.mapping.lookup(result);
    if (signature.isReduced(frame.plan, result))
      mapped = LastTokenOp::create(
          builder, returnOp.getLoc(),
          withExtent(mapped.getType(), kInputSequenceDim, 1), mapped);
    results.push_back(mapped);
  }
  llvm::append_range(results, frame.updated);
  builder.clone(*returnOp, frame.mapping)->setOperands(results);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

void CachedFunctionBuilder::cloneOp(Operation *op, Frame &frame) {
  if (!frame.plan.isOnSequence(op)) {
    builder.clone(*op, frame.mapping);
    return;
  }
  if (auto call = dyn_cast<func::CallOp>(op))
    return cloneCall(call, frame);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return cloneAttention(attention, frame);
  Operation *clone = builder.clone(*op, frame.mapping);
  for (auto [result, original] :
       llvm::zip_equal(clone->getResults(), op->getResults()))
    result.setType(signature.getType(frame.plan, original));
  llvm::TypeSwitch<Operation *>(clone).Case<RopeOp, PositionIdsOp>(
      [&](auto positional) {
        positional.getPositionsMutable().assign(frame.positions);
      });
}

/// Each call passes its own part of the caches:
///
///   %y = call @block(%x, %w)
///   ->
///   %y, %k1, %v1 = call @block_decode(%x, %w, %positions, %k0, %v0)
void CachedFunctionBuilder::cloneCall(func::CallOp call, Frame &frame) {
  const SequenceFunction &target = *frame.plan.calls.lookup(call);
  func::FuncOp callee = getOrClone(target);
  SmallVector<Value> operands =
      llvm::map_to_vector(call.getOperands(), [&](Value operand) {
        return frame.mapping.lookup(operand);
      });
  if (target.needsPositions)
    operands.push_back(frame.positions);
  llvm::append_range(operands, frame.takeCaches(target.caches.size()));

  auto clone = func::CallOp::create(builder, call.getLoc(), callee, operands);
  clone->setDiscardableAttrs(call->getDiscardableAttrDictionary());
  clone.setNoInline(call.getNoInline());
  // Attributes of operands and results, one entry each.
  auto pad = [&](ArrayAttr attributes, size_t size) {
    SmallVector<Attribute> padded(attributes.getValue());
    padded.resize(size, builder.getDictionaryAttr({}));
    return builder.getArrayAttr(padded);
  };
  if (ArrayAttr attributes = call.getArgAttrsAttr())
    clone.setArgAttrsAttr(pad(attributes, clone.getNumOperands()));
  if (ArrayAttr attributes = call.getResAttrsAttr())
    clone.setResAttrsAttr(pad(attributes, clone.getNumResults()));

  ValueRange results = clone.getResults();
  frame.mapping.map(call.getResults(),
                    results.take_front(call.getNumResults()));
  llvm::append_range(frame.updated, results.drop_front(call.getNumResults()));
}

/// Before: %y = gpt.attention %q, %k, %v {causal, ...}
/// After:  %y, %k1, %v1 = gpt.cached_attention %q, %k, %v
///             cache(%k0, %v0) positions(%p) {...}
void CachedFunctionBuilder::cloneAttention(AttentionOp attention,
                                           Frame &frame) {
  ValueRange caches = frame.takeCaches(1);
  auto cached = CachedAttentionOp::create(
      builder, attention.getLoc(),
      TypeRange{signature.getType(frame.plan, attention.getResult()),
                caches[0].getType(), caches[1].getType()},
      frame.mapping.lookup(attention.getQuery()),
      frame.mapping.lookup(attention.getKey()),
      frame.mapping.lookup(attention.getValue()), caches[0], caches[1],
      frame.positions, attention.getNumHeadsAttr(),
      attention.getNumKvHeadsAttr(), attention.getScaleAttr(),
      attention.getWindowAttr());
  cached->setDiscardableAttrs(attention->getDiscardableAttrDictionary());
  frame.mapping.map(attention.getResult(), cached.getResult());
  frame.updated.append({cached.getUpdatedKey(), cached.getUpdatedValue()});
}
