//===- SequenceAnalysis.cpp - which dimension is the sequence ---*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See SequenceAnalysis.h. An op that takes no sequence-carrying value is
// position-independent and needs no rule, whatever dialect it is from; every
// other op must be one of ours or one of the few tensor ops handled here.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/SequenceAnalysis.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::gpt;

/// Calls can multiply: a chain of n functions that each call the next one twice
/// holds 2^n attention ops. No real model comes near this number.
static constexpr size_t kMaxCaches = 1 << 16;

static constexpr llvm::StringLiteral kOnlyOurOps =
    "the sequence dimension can be followed through 'gpt' ops and calls only";

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

InFlightDiagnostic SequenceAnalysis::refuse(const Twine &reason) const {
  func::FuncOp function = root;
  return emitError(function.getLoc())
         << "'" << function.getSymName()
         << "' cannot run incrementally: " << reason;
}

LogicalResult SequenceAnalysis::refuse(Operation *op, const Twine &reason,
                                       const Twine &detail) const {
  InFlightDiagnostic diagnostic = refuse(reason);
  diagnostic.attachNote(op->getLoc()) << detail;
  for (func::CallOp call : llvm::reverse(callStack))
    diagnostic.attachNote(call.getLoc())
        << "in '" << call.getCallee() << "', called here";
  return diagnostic;
}

static std::string quote(Operation *op) {
  return ("'" + op->getName().getStringRef() + "'").str();
}

static std::string printExtent(int64_t extent) {
  return ShapedType::isDynamic(extent) ? "?" : std::to_string(extent);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Returns why an argument cannot belong to a stateless function, or an empty
/// string.
static StringRef getStateOfArgument(func::FuncOp function, unsigned index) {
  if (function.getArgAttr(index, kCacheAttr))
    return "is a KV cache already";
  if (function.getArgAttr(index, kPositionsAttr))
    return "gives positions already";
  auto name = function.getArgAttrOfType<StringAttr>(index, kNameAttr);
  if (name && (name == "positions" || name.strref().starts_with("cache.")))
    return "has the name of an argument that caching adds";
  return "";
}

/// The dimension of an argument that `gpt.dims` names as the sequence.
static int64_t findNamedDim(func::FuncOp function, unsigned index) {
  auto names = function.getArgAttrOfType<ArrayAttr>(index, kDimsAttr);
  if (names)
    for (auto [dim, name] : llvm::enumerate(names))
      if (auto string = dyn_cast<StringAttr>(name);
          string && string == kSequenceDimName)
        return dim;
  return kNoSequenceDim;
}

LogicalResult SequenceAnalysis::findSequenceInputs() {
  SmallVector<unsigned> candidates;
  for (auto [index, type] : llvm::enumerate(root.getArgumentTypes())) {
    StringRef state = getStateOfArgument(root, index);
    if (!state.empty())
      return refuse("argument #" + Twine(index) + " " + state);
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || root.getArgAttr(index, kWeightAttr))
      continue;
    int64_t named = findNamedDim(root, index);
    if (named == kInputSequenceDim)
      sequenceInputs.push_back(index);
    else if (named != kNoSequenceDim)
      return refuse("dimension " + Twine(named) + " of argument #" +
                    Twine(index) + " is named '" + kSequenceDimName +
                    "', only dimension 1 can be the sequence");
    if (tensor.getRank() > kInputSequenceDim)
      candidates.push_back(index);
  }
  if (sequenceInputs.empty())
    sequenceInputs = candidates;
  if (sequenceInputs.empty())
    return refuse("no input has a sequence dimension, dimension 1 of an "
                  "argument without '" +
                  kWeightAttr + "'");

  auto typeOf = [&](unsigned index) {
    return cast<RankedTensorType>(root.getArgumentTypes()[index]);
  };
  unsigned first = sequenceInputs.front();
  batch = typeOf(first).getDimSize(0);
  int64_t length = ShapedType::kDynamic;
  for (unsigned index : sequenceInputs) {
    int64_t extent = typeOf(index).getDimSize(0);
    if (extent != batch) {
      InFlightDiagnostic diagnostic =
          refuse("arguments #" + Twine(first) + " and #" + Twine(index) +
                 " have different batches, " + printExtent(batch) + " and " +
                 printExtent(extent));
      diagnostic.attachNote(root.getLoc())
          << "mark weights with '" << kWeightAttr
          << "', or name dimension 1 of the sequences '" << kSequenceDimName
          << "' in '" << kDimsAttr << "'";
      return diagnostic;
    }
    extent = typeOf(index).getDimSize(kInputSequenceDim);
    if (ShapedType::isDynamic(length))
      length = extent;
    else if (ShapedType::isStatic(extent) && extent != length)
      return refuse("arguments #" + Twine(first) + " and #" + Twine(index) +
                    " have sequences of different lengths, " + Twine(length) +
                    " and " + Twine(extent));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

const SequenceFunction *SequenceAnalysis::run() {
  if (root.isExternal()) {
    refuse("it has no body");
    return nullptr;
  }
  if (failed(findSequenceInputs()))
    return nullptr;
  SmallVector<int64_t> dims(root.getNumArguments(), kNoSequenceDim);
  for (unsigned index : sequenceInputs)
    dims[index] = kInputSequenceDim;
  const SequenceFunction *plan = analyze(root, dims);
  if (plan && plan->caches.empty()) {
    refuse("it has no 'gpt.attention' on the sequence, so there is nothing to "
           "cache");
    return nullptr;
  }
  return plan;
}

const SequenceFunction *
SequenceAnalysis::analyze(func::FuncOp function,
                          ArrayRef<int64_t> argumentDims) {
  std::unique_ptr<SequenceFunction> &slot =
      functions[{function, std::vector<int64_t>(argumentDims.begin(),
                                                argumentDims.end())}];
  if (slot)
    return slot.get();

  Block &body = function.getBody().front();
  auto returnOp = dyn_cast<func::ReturnOp>(body.getTerminator());
  if (!function.getBody().hasOneBlock() || !returnOp) {
    (void)refuse(body.getTerminator(),
                 "'" + function.getSymName() + "' has control flow",
                 "expected the function to be one block that returns");
    return nullptr;
  }
  auto plan = std::make_unique<SequenceFunction>();
  plan->function = function;
  plan->argumentDims.assign(argumentDims.begin(), argumentDims.end());
  for (auto [argument, dim] :
       llvm::zip_equal(body.getArguments(), argumentDims))
    if (dim != kNoSequenceDim)
      plan->dims[argument] = dim;
  for (Operation &op : body.without_terminator())
    if (failed(visit(&op, *plan)))
      return nullptr;
  for (Value operand : returnOp.getOperands())
    plan->resultDims.push_back(plan->getDim(operand));
  slot = std::move(plan);
  return slot.get();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult SequenceAnalysis::visit(Operation *op, SequenceFunction &plan) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  auto isOnSequence = [&](Value value) { return plan.getDim(value) >= 0; };
  auto isOfLast = [&](Value value) {
    return plan.getDim(value) == kLastPosition;
  };
  bool capturesSequence = llvm::any_of(captured, isOnSequence);
  bool ofLast = llvm::any_of(op->getOperands(), isOfLast) ||
                llvm::any_of(captured, isOfLast);
  if (!plan.isOnSequence(op) && !capturesSequence) {
    if (ofLast)
      for (Value result : op->getResults())
        plan.dims[result] = kLastPosition;
    return success();
  }
  if (ofLast)
    return refuse(op,
                  quote(op) + " combines the last position with every position",
                  "a token would depend on tokens that come after it");
  if (capturesSequence)
    return refuse(op, quote(op) + " has a region that uses the sequence",
                  kOnlyOurOps);

  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](func::CallOp call) { return visitCall(call, plan); })
      .Case([&](AttentionOp attention) {
        return visitAttention(attention, plan);
      })
      .Case<RopeOp, PositionIdsOp>([&](auto positional) {
        return visitPositional(positional, positional.getPositions() != nullptr,
                               plan);
      })
      .Case([&](tensor::DimOp dim) -> LogicalResult {
        if (auto index = dim.getConstantIndex();
            index && *index != plan.getDim(dim.getSource()))
          return success();
        return refuse(dim, "it computes with the length of the sequence",
                      "the length of the input is not the number of tokens "
                      "behind a cache");
      })
      .Case([&](tensor::CastOp cast) -> LogicalResult {
        if (!isa<RankedTensorType>(cast.getType()))
          return visitByInterface(cast, plan);
        plan.dims[cast.getResult()] = plan.getDim(cast.getSource());
        return success();
      })
      .Default([&](Operation *other) { return visitByInterface(other, plan); });
}

LogicalResult SequenceAnalysis::visitCall(func::CallOp call,
                                          SequenceFunction &plan) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  if (!callee || callee.isExternal())
    return refuse(call, "'" + call.getCallee() + "' has no body",
                  "the sequence is passed to it here");
  auto isCallee = [&](func::CallOp outer) {
    return outer->getParentOfType<func::FuncOp>() == callee;
  };
  if (callee == plan.function || llvm::any_of(callStack, isCallee))
    return refuse(call, "'" + call.getCallee() + "' is recursive",
                  "it calls itself here");

  SmallVector<int64_t> argumentDims = llvm::map_to_vector(
      call.getOperands(), [&](Value value) { return plan.getDim(value); });
  callStack.push_back(call);
  const SequenceFunction *target = analyze(callee, argumentDims);
  callStack.pop_back();
  if (!target)
    return failure();

  plan.calls[call] = target;
  plan.needsPositions |= target->needsPositions;
  llvm::append_range(plan.caches, target->caches);
  if (plan.caches.size() > kMaxCaches)
    return refuse(call, "it executes too many 'gpt.attention' ops",
                  "more than " + Twine(kMaxCaches) + " up to this call");
  for (auto [result, dim] :
       llvm::zip_equal(call.getResults(), target->resultDims))
    if (dim != kNoSequenceDim)
      plan.dims[result] = dim;
  return success();
}

/// The op's own rule says what attention can be cached.
LogicalResult SequenceAnalysis::visitAttention(AttentionOp attention,
                                               SequenceFunction &plan) {
  if (failed(visitByInterface(attention, plan)) ||
      failed(checkBatch(attention, attention.getQuery())))
    return failure();
  plan.caches.push_back({static_cast<int64_t>(attention.getNumKvHeads()),
                         attention.getHeadDim(), attention.getValueHeadDim(),
                         getElementTypeOrSelf(attention.getKey()),
                         attention.getLoc()});
  plan.needsPositions = true;
  return success();
}

/// `gpt.rope` and `gpt.position_ids`: the first operand counts tokens from 0,
/// which the positions operand will offset.
LogicalResult SequenceAnalysis::visitPositional(Operation *op,
                                                bool hasPositions,
                                                SequenceFunction &plan) {
  if (hasPositions)
    return refuse(op, quote(op) + " has a 'positions' operand already",
                  "expected positions to count from the start of the sequence");
  if (plan.getDim(op->getOperand(0)) != kInputSequenceDim)
    return refuse(op, quote(op) + " counts positions of another dimension",
                  "expected dimension 1 to be the sequence, found dimension " +
                      Twine(plan.getDim(op->getOperand(0))));
  if (failed(checkBatch(op, op->getOperand(0))))
    return failure();
  plan.needsPositions = true;
  return visitByInterface(op, plan);
}

LogicalResult SequenceAnalysis::checkBatch(Operation *op, Value input) const {
  int64_t extent = cast<RankedTensorType>(input.getType()).getDimSize(0);
  if (ShapedType::isDynamic(extent) || ShapedType::isDynamic(batch) ||
      extent == batch)
    return success();
  return refuse(op, quote(op) + " runs on another batch than the inputs have",
                "expected a batch of " + Twine(batch) + ", found " +
                    Twine(extent));
}

/// Asks the op. Its own error becomes the reason of ours.
LogicalResult SequenceAnalysis::visitByInterface(Operation *op,
                                                 SequenceFunction &plan) {
  auto sequenceOp = dyn_cast<SequenceOpInterface>(op);
  if (!sequenceOp)
    return refuse(op, quote(op) + " has no rule for the sequence dimension",
                  kOnlyOurOps);
  SmallVector<int64_t> operandDims = llvm::map_to_vector(
      op->getOperands(), [&](Value value) { return plan.getDim(value); });
  SmallVector<int64_t> resultDims;
  std::string message;
  {
    ScopedDiagnosticHandler handler(
        op->getContext(), [&](Diagnostic &diagnostic) {
          if (diagnostic.getLocation() != op->getLoc() || !message.empty())
            return failure();
          message = diagnostic.str();
          return success();
        });
    if (failed(sequenceOp.inferSequenceDims(operandDims, resultDims)) &&
        message.empty())
      message = quote(op) + " mixes positions";
  }
  if (!message.empty())
    return refuse(op, message,
                  "the sequence dimension cannot be followed through this op");
  // A result without the dimension belongs to the last position: an op may not
  // depend on the sequence in any other way.
  for (auto [result, dim] : llvm::zip(op->getResults(), resultDims))
    plan.dims[result] = dim == kNoSequenceDim ? kLastPosition : dim;
  return success();
}
