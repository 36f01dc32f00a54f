//===- VerifyLimits.cpp - Refuse what cannot be compiled --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first pass of every compilation. All others may rely on it: sizes in
// bytes do not overflow, calls end, and no constant or list is so long that a
// pass over it would not end in reasonable time.
//
//===----------------------------------------------------------------------===//

#include "gpt/Input/Passes.h"

#include "gpt/GptMemory.h"
#include "gpt/GptOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_VERIFYLIMITS
#include "gpt/Input/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Returns whether the static extents of `type` alone need more memory than
/// there are addresses.
static bool exceedsAddressSpace(ShapedType type) {
  // An element of unknown size has a byte at least.
  int64_t bytes = gpt::getElementBytes(type.getElementType()).value_or(1);
  return !gpt::multiplyExtents(bytes, type.getShape());
}

namespace {

/// The calls of each function, and how deep they go.
class CallDepth {
public:
  explicit CallDepth(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>())
      functions[function.getSymName()] = function;
    module.walk([&](func::CallOp call) {
      if (auto caller = call->getParentOfType<func::FuncOp>())
        if (auto callee = functions.lookup(call.getCallee()))
          callees[caller].insert(callee);
    });
  }

  /// Emits an error if functions call themselves or deeper than `limit`.
  LogicalResult verify(int64_t limit);

private:
  llvm::MapVector<StringRef, func::FuncOp> functions;
  llvm::DenseMap<Operation *, llvm::SetVector<func::FuncOp>> callees;
};

struct VerifyLimits final : public gpt::impl::VerifyLimitsBase<VerifyLimits> {
  using VerifyLimitsBase::VerifyLimitsBase;

  void runOnOperation() override {
    if (failed(verifyNumOps()) || failed(verifyOps()) ||
        failed(CallDepth(getOperation()).verify(maxCallDepth)))
      signalPassFailure();
  }

private:
  LogicalResult verifyNumOps();
  LogicalResult verifyOps();
  LogicalResult verifyType(Operation *op, Type type);
};

} // namespace

/// A walk with a stack of its own: what it guards against is depth.
LogicalResult CallDepth::verify(int64_t limit) {
  struct Frame {
    func::FuncOp function;
    size_t next = 0;
  };
  // Depth of the calls below each function; 0 while it is being visited.
  llvm::DenseMap<Operation *, int64_t> depths;
  for (auto &[name, root] : functions) {
    SmallVector<Frame> stack = {{root}};
    if (depths.contains(root))
      continue;
    depths[root] = 0;
    while (!stack.empty()) {
      Frame &top = stack.back();
      ArrayRef<func::FuncOp> below = callees[top.function].getArrayRef();
      if (top.next == below.size()) {
        int64_t depth = 1;
        for (func::FuncOp callee : below)
          depth = std::max(depth, depths[callee] + 1);
        if (depth > limit + 1)
          return top.function.emitOpError("expected calls at most ")
                 << limit << " deep";
        depths[top.function] = depth;
        stack.pop_back();
        continue;
      }
      func::FuncOp callee = below[top.next++];
      auto [depth, isNew] = depths.try_emplace(callee, 0);
      if (isNew) {
        stack.push_back({callee});
        continue;
      }
      if (depth->second == 0) {
        InFlightDiagnostic diagnostic = callee.emitOpError("calls itself");
        if (top.function != callee)
          diagnostic.attachNote(top.function.getLoc())
              << "through '" << top.function.getSymName() << "'";
        return diagnostic;
      }
    }
  }
  return success();
}

LogicalResult VerifyLimits::verifyNumOps() {
  int64_t numOps = 0;
  getOperation().walk([&](Operation *) { ++numOps; });
  if (numOps > maxOps)
    return getOperation().emitOpError("expected at most ")
           << maxOps.getValue() << " ops, got " << numOps;
  return success();
}

LogicalResult VerifyLimits::verifyType(Operation *op, Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped)
    return success();
  if (shaped.getRank() > maxRank)
    return op->emitOpError("expected tensors of at most ")
           << maxRank.getValue() << " dimensions, got " << shaped.getRank();
  // Text cannot say so, but damaged bytecode can: MLIR does not look.
  for (int64_t extent : shaped.getShape())
    if (extent < 0 && !ShapedType::isDynamic(extent))
      return op->emitOpError("expected extents of at least 0, got ") << type;
  if (exceedsAddressSpace(shaped))
    return op->emitOpError("expected tensors of at most 2^")
           << gpt::kAddressBits << " bytes, got " << type;
  return success();
}

LogicalResult VerifyLimits::verifyOps() {
  WalkResult result = getOperation().walk([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      if (function.getNumArguments() > maxArguments) {
        function.emitOpError("expected at most ")
            << maxArguments.getValue() << " arguments, got "
            << function.getNumArguments();
        return WalkResult::interrupt();
      }
      for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                                function.getResultTypes()))
        if (failed(verifyType(op, type)))
          return WalkResult::interrupt();
    }
    for (Type type : op->getResultTypes())
      if (failed(verifyType(op, type)))
        return WalkResult::interrupt();
    if (auto rope = dyn_cast<gpt::RopeOp>(op)) {
      int64_t dims = rope.getEffectiveRotaryDims();
      if (dims > maxRotaryDims) {
        rope.emitOpError("expected at most ")
            << maxRotaryDims.getValue() << " rotary dimensions, got " << dims;
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
