//===- CachedSignature.cpp - signatures of cached functions -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CachedSignature.h. Names of dynamic dimensions are kept where the
// function had them and added where positions and caches must agree with the
// inputs, so that a runtime refuses batches that differ.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/CachedSignature.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

using namespace mlir;
using namespace mlir::gpt;

/// Name in `gpt.dims` of the number of positions that a cache holds.
static constexpr llvm::StringLiteral kCapacityDimName = "capacity";

/// Name in `gpt.dims` of the batch, unless the inputs call it otherwise.
static constexpr llvm::StringLiteral kBatchDimName = "batch";

CachedSignature::CachedSignature(const SequenceFunction &root,
                                 ArrayRef<unsigned> sequenceInputs,
                                 CachedPhase phase)
    : root(root), sequenceInputs(sequenceInputs), phase(phase),
      builder(root.getBody().getParentOp()->getContext()) {
  func::FuncOp function = root.function;
  unsigned first = sequenceInputs.front();
  batch =
      cast<RankedTensorType>(function.getArgumentTypes()[first]).getDimSize(0);
  auto names = function.getArgAttrOfType<ArrayAttr>(first, kDimsAttr);
  auto nameOf = [&](int64_t dim, StringRef otherwise) {
    StringRef name = names ? cast<StringAttr>(names[dim]).getValue() : "";
    return name.empty() ? otherwise : name;
  };
  batchName = ShapedType::isDynamic(batch) ? nameOf(0, kBatchDimName) : "";
  sequenceName = nameOf(kInputSequenceDim, kSequenceDimName);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

RankedTensorType mlir::gpt::withExtent(Type type, int64_t dim, int64_t extent) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[dim] = extent;
  return tensor.clone(shape);
}

Type CachedSignature::getType(const SequenceFunction &plan, Value value) {
  int64_t dim = plan.getDim(value);
  return dim < 0 ? value.getType()
                 : withExtent(value.getType(), dim, phase.length);
}

bool CachedSignature::isReduced(const SequenceFunction &plan, Value result) {
  // What gpt.last_token takes.
  Type type = getElementTypeOrSelf(result);
  bool isSupported = isa<Float32Type, BFloat16Type, Float16Type>(type) ||
                     type.isSignlessInteger(32) || type.isSignlessInteger(64);
  return isRoot(plan) && phase.lastTokenOnly && isSupported &&
         plan.getDim(result) == kInputSequenceDim;
}

RankedTensorType CachedSignature::getCacheType(const CacheSpec &spec,
                                               int64_t headDim) {
  Type elementType =
      phase.cacheElementType ? phase.cacheElementType : spec.elementType;
  return RankedTensorType::get(
      {batch, spec.numKVHeads, ShapedType::kDynamic, headDim}, elementType);
}

FunctionType CachedSignature::getFunctionType(const SequenceFunction &plan) {
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
NamedAttrList CachedSignature::getDimAttributes(NamedAttrList attributes,
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
      name = builder.getStringAttr(sequenceName);
    else if (cast<StringAttr>(name).empty() && isSequenceInput && index == 0)
      name = builder.getStringAttr(batchName);
    renamed.push_back(name);
  }
  attributes.set(kDimsAttr, builder.getArrayAttr(renamed));
  return attributes;
}

/// Attributes of a cache argument or result; callers see those of the root
/// function only.
NamedAttrList CachedSignature::getCacheAttributes(StringRef kind, size_t index,
                                                  bool isRoot) {
  NamedAttrList attributes;
  attributes.set(kCacheAttr, builder.getStringAttr(kind));
  if (isRoot) {
    attributes.set(kNameAttr,
                   builder.getStringAttr("cache." + Twine(index) + "." + kind));
    attributes.set(kDimsAttr, builder.getStrArrayAttr(
                                  {batchName, "", kCapacityDimName, ""}));
  }
  return attributes;
}

NamedAttrList CachedSignature::getPositionsAttributes(bool isRoot) {
  NamedAttrList attributes;
  attributes.set(kPositionsAttr, builder.getUnitAttr());
  if (isRoot) {
    attributes.set(kNameAttr, builder.getStringAttr("positions"));
    attributes.set(kDimsAttr, builder.getStrArrayAttr({batchName}));
  }
  return attributes;
}

void CachedSignature::setAttributes(const SequenceFunction &plan,
                                    func::FuncOp function) {
  bool isRoot = this->isRoot(plan);
  func::FuncOp source = plan.function;
  Block &body = plan.getBody();
  SmallVector<DictionaryAttr> arguments, results;
  MLIRContext *context = builder.getContext();

  for (BlockArgument argument : body.getArguments()) {
    unsigned index = argument.getArgNumber();
    arguments.push_back(
        getDimAttributes(source.getArgAttrDict(index),
                         function.getArgumentTypes()[index],
                         plan.getDim(argument),
                         isRoot && llvm::is_contained(sequenceInputs, index))
            .getDictionary(context));
  }
  for (auto [index, result] :
       llvm::enumerate(body.getTerminator()->getOperands()))
    results.push_back(getDimAttributes(source.getResultAttrDict(index),
                                       function.getResultTypes()[index],
                                       plan.getDim(result), false)
                          .getDictionary(context));
  if (plan.needsPositions)
    arguments.push_back(getPositionsAttributes(isRoot).getDictionary(context));
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
