//===- CachedFunctions.cpp - cached clones of a forward function -*- C++ -*-==//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CachedFunctions.h. Types are not inferred anew: a value keeps its
// declared type except for the extent of its sequence dimension. That keeps
// the signatures of called functions the same at every call, whatever the ops
// in front of a call could infer.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/CachedFunctions.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::gpt;

/// Name in `gpt.dims` of the number of positions that a cache holds.
static constexpr llvm::StringLiteral kCapacityDimName = "capacity";

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

CachedFunctionBuilder::CachedFunctionBuilder(const SequenceFunction &root,
                                             ArrayRef<unsigned> sequenceInputs,
                                             CachedPhase phase,
                                             SymbolTable &symbols)
    : root(root), sequenceInputs(sequenceInputs), phase(phase),
      symbols(symbols), builder(root.getBody().getParentOp()->getContext()) {
  unsigned first = sequenceInputs.front();
  func::FuncOp function = root.function;
  batch =
      cast<RankedTensorType>(function.getArgumentTypes()[first]).getDimSize(0);
  auto names = function.getArgAttrOfType<ArrayAttr>(first, kDimsAttr);
  auto nameOf = [&](int64_t dim, StringRef otherwise) {
    auto name = names ? cast<StringAttr>(names[dim]) : StringAttr();
    return name && !name.empty() ? name : builder.getStringAttr(otherwise);
  };
  batchName = nameOf(0, "batch");
  sequenceName = nameOf(kInputSequenceDim, kSequenceDimName);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static Type withExtent(Type type, int64_t dim, int64_t extent) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[dim] = extent;
  return tensor.clone(shape);
}

Type CachedFunctionBuilder::getType(const SequenceFunction &plan, Value value) {
  int64_t dim = plan.getDim(value);
  return dim < 0 ? value.getType()
                 : withExtent(value.getType(), dim, phase.length);
}

/// Whether the clone returns only the last position of `result`.
bool CachedFunctionBuilder::isReduced(const SequenceFunction &plan,
                                      Value result) {
  return &plan == &root && phase.lastTokenOnly &&
         plan.getDim(result) == kInputSequenceDim &&
         isa<FloatType>(getElementTypeOrSelf(result));
}

RankedTensorType CachedFunctionBuilder::getCacheType(const CacheSpec &spec,
                                                     int64_t headDim) {
  Type elementType =
      phase.cacheElementType ? phase.cacheElementType : spec.elementType;
  return RankedTensorType::get(
      {batch, spec.numKVHeads, ShapedType::kDynamic, headDim}, elementType);
}

FunctionType CachedFunctionBuilder::getSignature(const SequenceFunction &plan) {
  Block &body = plan.getBody();
  SmallVector<Type> inputs, results;
  for (Value argument : body.getArguments())
    inputs.push_back(getType(plan, argument));
  for (Value result : body.getTerminator()->getOperands())
    results.push_back(isReduced(plan, result)
                          ? withExtent(result.getType(), kInputSequenceDim, 1)
                          : getType(plan, result));
  if (plan.needsPositions)
    inputs.push_back(RankedTensorType::get({batch}, builder.getI64Type()));
  for (const CacheSpec &spec : plan.caches)
    for (int64_t headDim : {spec.keyHeadDim, spec.valueHeadDim}) {
      inputs.push_back(getCacheType(spec, headDim));
      results.push_back(inputs.back());
    }
  return builder.getFunctionType(inputs, results);
}

//===----------------------------------------------------------------------===//
// Attributes of arguments and results
//===----------------------------------------------------------------------===//

/// Makes `gpt.dims` fit `type`: no name for an extent that has become static,
/// a name for a sequence that has become dynamic. The inputs get the attribute
/// in any case, so that a runtime checks that batches agree.
NamedAttrList CachedFunctionBuilder::renameDims(NamedAttrList attributes,
                                                Type type, int64_t dim,
                                                bool isSequenceInput) {
  auto names = dyn_cast_if_present<ArrayAttr>(attributes.get(kDimsAttr));
  if (!names && !isSequenceInput)
    return attributes;
  auto tensor = cast<ShapedType>(type);
  SmallVector<Attribute> renamed;
  for (auto [index, extent] : llvm::enumerate(tensor.getShape())) {
    bool isSequence = static_cast<int64_t>(index) == dim;
    Attribute name = names ? names[index] : builder.getStringAttr("");
    if (ShapedType::isStatic(extent))
      name = builder.getStringAttr("");
    else if (cast<StringAttr>(name).empty() && isSequence)
      name = sequenceName;
    else if (cast<StringAttr>(name).empty() && isSequenceInput && index == 0)
      name = batchName;
    renamed.push_back(name);
  }
  attributes.set(kDimsAttr, builder.getArrayAttr(renamed));
  return attributes;
}

/// Attributes of a cache argument or result; callers see those of the root
/// function only.
NamedAttrList CachedFunctionBuilder::getCacheAttributes(StringRef kind,
                                                        size_t index,
                                                        bool isRoot) {
  NamedAttrList attributes;
  attributes.set(kCacheAttr, builder.getStringAttr(kind));
  if (isRoot) {
    attributes.set(kNameAttr,
                   builder.getStringAttr("cache." + Twine(index) + "." + kind));
    StringRef first =
        ShapedType::isDynamic(batch) ? batchName.getValue() : StringRef();
    attributes.set(kDimsAttr,
                   builder.getStrArrayAttr({first, "", kCapacityDimName, ""}));
  }
  return attributes;
}

void CachedFunctionBuilder::setAttributes(const SequenceFunction &plan,
                                          func::FuncOp function) {
  bool isRoot = &plan == &root;
  func::FuncOp source = plan.function;
  Block &body = plan.getBody();
  SmallVector<DictionaryAttr> arguments, results;
  MLIRContext *context = builder.getContext();

  for (BlockArgument argument : body.getArguments()) {
    unsigned index = argument.getArgNumber();
    arguments.push_back(
        renameDims(source.getArgAttrDict(index),
                   function.getArgumentTypes()[index], plan.getDim(argument),
                   isRoot && llvm::is_contained(sequenceInputs, index))
            .getDictionary(context));
  }
  for (auto [index, result] :
       llvm::enumerate(body.getTerminator()->getOperands()))
    results.push_back(renameDims(source.getResultAttrDict(index),
                                 function.getResultTypes()[index],
                                 plan.getDim(result), false)
                          .getDictionary(context));
  if (plan.needsPositions) {
    NamedAttrList attributes;
    attributes.set(kPositionsAttr, builder.getUnitAttr());
    if (isRoot) {
      attributes.set(kNameAttr, builder.getStringAttr("positions"));
      attributes.set(kDimsAttr,
                     builder.getStrArrayAttr({ShapedType::isDynamic(batch)
                                                  ? batchName.getValue()
                                                  : StringRef()}));
    }
    arguments.push_back(attributes.getDictionary(context));
  }
  for (size_t index = 0; index < plan.caches.size(); ++index)
    for (StringRef kind : {"key", "value"}) {
      NamedAttrList attributes = getCacheAttributes(kind, index, isRoot);
      results.push_back(attributes.getDictionary(context));
      attributes.set(bufferization::BufferizationDialect::kWritableAttrName,
                     builder.getBoolAttr(true));
      arguments.push_back(attributes.getDictionary(context));
    }
  function.setAllArgAttrs(arguments);
  function.setAllResultAttrs(results);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// Whether the function itself serves this phase: it has no state, and every
/// sequence dimension has the extent of the phase already.
bool CachedFunctionBuilder::isReusable(const SequenceFunction &plan) {
  auto [it, isNew] = reusable.try_emplace(&plan, false);
  if (!isNew)
    return it->second;
  bool result =
      &plan != &root && !plan.needsPositions &&
      llvm::all_of(plan.dims,
                   [&](auto entry) {
                     return getType(plan, entry.first) == entry.first.getType();
                   }) &&
      llvm::all_of(plan.calls,
                   [&](auto entry) { return isReusable(*entry.second); });
  return reusable[&plan] = result;
}

func::FuncOp CachedFunctionBuilder::getOrClone(const SequenceFunction &plan) {
  if (func::FuncOp clone = clones.lookup(&plan))
    return clone;
  func::FuncOp source = plan.function;
  if (isReusable(plan))
    return source;

  bool isRoot = &plan == &root;
  auto function = cast<func::FuncOp>(source->cloneWithoutRegions());
  function.setSymName(isRoot ? phase.name.str()
                             : (source.getSymName() + "_" + phase.name).str());
  if (!isRoot)
    function.setPrivate();
  function.removeArgAttrsAttr();
  function.removeResAttrsAttr();
  function.setFunctionType(getSignature(plan));
  setAttributes(plan, function);
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
  auto returnOp = cast<func::ReturnOp>(source.getTerminator());
  SmallVector<Value> results;
  for (Value result : returnOp.getOperands()) {
    Value mapped = frame.mapping.lookup(result);
    if (isReduced(plan, result))
      mapped = LastTokenOp::create(
          builder, returnOp.getLoc(),
          withExtent(mapped.getType(), kInputSequenceDim, 1), mapped);
    results.push_back(mapped);
  }
  llvm::append_range(results, frame.updated);
  Operation *clone = builder.clone(*returnOp, frame.mapping);
  clone->setOperands(results);
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
    result.setType(getType(frame.plan, original));
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
      TypeRange{getType(frame.plan, attention.getResult()), caches[0].getType(),
                caches[1].getType()},
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
