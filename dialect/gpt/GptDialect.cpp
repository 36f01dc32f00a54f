//===- GptDialect.cpp - the gpt dialect -------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers ops and attributes, allows inlining (every op is pure) and
// verifies the attributes that gpt puts on functions.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/GptMemory.h"
#include "gpt/GptParallel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::gpt;

#include "gpt/GptDialect.cpp.inc"
#include "gpt/GptEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "gpt/GptAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "gpt/GptOps.cpp.inc"

namespace {
/// Every op is pure, so any of them may be inlined anywhere.
struct GptInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void GptDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "gpt/GptAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "gpt/GptOps.cpp.inc"
      >();
  addInterfaces<GptInlinerInterface>();
}

/// Whether an attribute is a string that every language can show.
static bool isText(Attribute attribute) {
  auto string = dyn_cast<StringAttr>(attribute);
  return string && llvm::json::isUTF8(string.getValue());
}

/// Verifies `gpt.dims`: one name per dimension of a shaped type.
static LogicalResult verifyDims(Operation *op, Attribute value, Type type) {
  auto names = dyn_cast<ArrayAttr>(value);
  if (!names || !llvm::all_of(names, isText))
    return op->emitError() << "expected '" << kDimsAttr
                           << "' to be an array of UTF-8 strings, but found "
                           << value;
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() ||
      shaped.getRank() != static_cast<int64_t>(names.size()))
    return op->emitError() << "expected '" << kDimsAttr << "' with "
                           << names.size() << " names to fit the rank of "
                           << type;
  for (auto [dim, name] : llvm::enumerate(names.getAsRange<StringAttr>()))
    if (!name.empty() && !shaped.isDynamicDim(dim))
      return op->emitError()
             << "expected '" << kDimsAttr << "' to name dynamic "
             << "dims only, but dim " << dim << " of " << type << " is named "
             << name;
  return success();
}

/// Verifies an attribute of an argument or result of type `type`.
static LogicalResult verifyFunctionAttr(Operation *op, NamedAttribute attribute,
                                        Type type) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  if (name == kDimsAttr)
    return verifyDims(op, value, type);
  if (name == kWeightAttr || name == kNameAttr) {
    if (!isText(value) || cast<StringAttr>(value).empty())
      return op->emitError()
             << "expected '" << name
             << "' to be a non-empty UTF-8 string, but found " << value;
    return success();
  }
  if (name == kCacheAttr) {
    auto string = dyn_cast<StringAttr>(value);
    if (!string || (string != "key" && string != "value"))
      return op->emitError()
             << "expected '" << name
             << "' to be \"key\" or \"value\", but found " << value;
    return success();
  }
  if (name == kPositionsAttr) {
    if (!isa<UnitAttr>(value))
      return op->emitError() << "expected '" << name
                             << "' to be a unit attribute, but found " << value;
    return success();
  }
  return op->emitError() << "unknown attribute '" << name << "' of the dialect";
}

LogicalResult GptDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                   unsigned argIndex,
                                                   NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "expected '" << attribute.getName().getValue()
                           << "' on a function argument";
  // Behind the lowering of functions an argument is several; nothing to check.
  if (argIndex >= function.getNumArguments())
    return success();
  return verifyFunctionAttr(op, attribute,
                            function.getArgumentTypes()[argIndex]);
}

LogicalResult GptDialect::verifyRegionResultAttribute(
    Operation *op, unsigned, unsigned resultIndex, NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "expected '" << attribute.getName().getValue()
                           << "' on a function result";
  if (attribute.getName() != kNameAttr && attribute.getName() != kDimsAttr &&
      attribute.getName() != kCacheAttr)
    return op->emitError() << "expected '" << attribute.getName().getValue()
                           << "' on a function argument, not on a result";
  if (resultIndex >= function.getNumResults())
    return success();
  return verifyFunctionAttr(op, attribute,
                            function.getResultTypes()[resultIndex]);
}

/// Whether an attribute is an entry of `weights` in `gpt.packing`.
static bool isPackedWeight(Attribute attribute) {
  auto weight = dyn_cast<DictionaryAttr>(attribute);
  if (!weight)
    return false;
  auto sources = weight.getAs<ArrayAttr>("sources");
  auto type = weight.getAs<TypeAttr>("type");
  auto tensor =
      type ? dyn_cast<RankedTensorType>(type.getValue()) : RankedTensorType();
  return weight.getAs<StringAttr>("function") &&
         weight.getAs<StringAttr>("layout") && sources &&
         llvm::all_of(sources, isText) && tensor && tensor.hasStaticShape();
}

/// Whether an attribute has the form of `gpt.packing`, which
/// gpt-hoist-weight-packing describes.
static bool isPacking(Attribute attribute) {
  auto packing = dyn_cast<DictionaryAttr>(attribute);
  auto weights = packing ? packing.getAs<ArrayAttr>("weights") : ArrayAttr();
  auto functions =
      packing ? packing.getAs<DictionaryAttr>("functions") : DictionaryAttr();
  if (!weights || !functions || !llvm::all_of(weights, isPackedWeight))
    return false;
  return llvm::all_of(functions, [&](NamedAttribute named) {
    auto function = dyn_cast<DictionaryAttr>(named.getValue());
    if (!function)
      return false;
    auto arguments = function.getAs<DenseI64ArrayAttr>("arguments");
    auto packed = function.getAs<DenseI64ArrayAttr>("packed");
    auto isWeight = [&](int64_t index) {
      return index >= 0 && index < static_cast<int64_t>(weights.size());
    };
    return arguments && packed && llvm::all_of(packed.asArrayRef(), isWeight);
  });
}

LogicalResult GptDialect::verifyOperationAttribute(Operation *op,
                                                   NamedAttribute attribute) {
  if (attribute.getName() == kClassAttr &&
      isa<StringAttr>(attribute.getValue()))
    return success();
  if (attribute.getName() == kPackingAttr && isa<ModuleOp>(op)) {
    if (isPacking(attribute.getValue()))
      return success();
    return op->emitError() << "expected '" << kPackingAttr
                           << "' as gpt-hoist-weight-packing writes it, but "
                              "found "
                           << attribute.getValue();
  }
  if (attribute.getName() == kParallelAttr && isa<FunctionOpInterface>(op) &&
      isa<UnitAttr>(attribute.getValue()))
    return success();
  if (attribute.getName() == kTableAttr && isa<FunctionOpInterface>(op) &&
      isa<IntegerAttr>(attribute.getValue()))
    return success();
  if ((attribute.getName() == kWorkspaceAttr ||
       attribute.getName() == kRuntimeAttr) &&
      isa<UnitAttr>(attribute.getValue()))
    return success();
  if (attribute.getName() == kWorkAttr) {
    auto work = dyn_cast<IntegerAttr>(attribute.getValue());
    if (isa<LoopLikeOpInterface>(op) && work && !work.getValue().isNegative())
      return success();
    return op->emitError() << "expected '" << kWorkAttr
                           << "' on a loop, an integer that is 0 or more";
  }
  return op->emitError() << "expected '" << attribute.getName().getValue()
                         << "' on a function argument or result";
}
