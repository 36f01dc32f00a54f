//===- RollCalls.cpp - Calls of the same function as a loop -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layers of a model are calls of one function, which differ in the weights
// and the caches that they pass. These lie in regular distances in the table of
// arguments, so all layers can be one call in a loop: code and the time to
// compile it do not depend on the number of layers.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/ArgumentTable.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_ROLLCALLS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Fewer calls than this are left as they are.
static constexpr size_t kMinCalls = 3;
/// The first layers may differ from the others: the first one reads what no
/// layer wrote. So many calls may stay ahead of the loop.
static constexpr size_t kMaxPeeled = 2;

namespace {
/// How an operand of the rolled call follows from the number of the iteration.
struct Operand {
  enum class Kind {
    /// The same value in all calls.
    Invariant,
    /// An entry of a table, at a distance of `stride` from the one before.
    Strided,
    /// Two values in turn.
    Alternating
  };
  Kind kind;
  Value value, other;
  gpt::TableEntry entry = {};
  int64_t stride = 0;
};
} // namespace

/// Finds out how operand `index` changes over `calls`.
static std::optional<Operand> classify(ArrayRef<func::CallOp> calls,
                                       unsigned index) {
  auto get = [&](size_t number) { return calls[number]->getOperand(index); };
  size_t end = calls.size();
  if (llvm::all_of(calls, [&](func::CallOp call) {
        return call.getOperand(index) == get(0);
      }))
    return Operand{Operand::Kind::Invariant, get(0), get(0)};
  if (llvm::all_of(llvm::seq<size_t>(2, end), [&](size_t number) {
        return get(number) == get(number - 2);
      }))
    return Operand{Operand::Kind::Alternating, get(0), get(1)};
  std::optional<gpt::TableEntry> first = gpt::matchTableEntry(get(0));
  std::optional<gpt::TableEntry> second = gpt::matchTableEntry(get(1));
  if (!first || !second || !isa<MemRefType>(get(0).getType()))
    return std::nullopt;
  Operand operand{Operand::Kind::Strided, get(0), get(1), *first,
                  second->index - first->index};
  for (size_t number = 1; number < end; ++number) {
    std::optional<gpt::TableEntry> entry = gpt::matchTableEntry(get(number));
    int64_t expected =
        first->index + static_cast<int64_t>(number) * operand.stride;
    if (!entry || entry->table != first->table || entry->index != expected)
      return std::nullopt;
  }
  return operand;
}

/// Whether `op` may move ahead of calls that stand before it.
static bool canPassCalls(Operation &op) {
  return op.getNumRegions() == 0 && isPure(&op);
}

/// Builds the loop in place of `calls`.
static void roll(ArrayRef<func::CallOp> calls, ArrayRef<Operand> operands) {
  func::CallOp first = calls.front();
  for (Operation &op : llvm::make_early_inc_range(
           llvm::make_range(first->getIterator(), calls.back()->getIterator())))
    if (canPassCalls(op))
      op.moveBefore(first);

  // Each pair of values that alternate is carried along once, and swapped.
  SmallVector<Value> carried;
  SmallVector<std::optional<unsigned>> places;
  for (const Operand &operand : operands) {
    if (operand.kind != Operand::Kind::Alternating) {
      places.push_back(std::nullopt);
      continue;
    }
    unsigned place = 0;
    while (place < carried.size() && (carried[place] != operand.value ||
                                      carried[place ^ 1] != operand.other))
      ++place;
    if (place == carried.size())
      carried.append({operand.value, operand.other});
    places.push_back(place);
  }

  ImplicitLocOpBuilder builder(first.getLoc(), first);
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value one = arith::ConstantIndexOp::create(builder, 1);
  Value count = arith::ConstantIndexOp::create(builder, calls.size());
  scf::ForOp::create(
      builder, zero, count, one, carried,
      [&](OpBuilder &nested, Location loc, Value number, ValueRange current) {
        ImplicitLocOpBuilder body(loc, nested);
        SmallVector<Value> values;
        for (auto [operand, place] : llvm::zip_equal(operands, places)) {
          if (place) {
            values.push_back(current[*place]);
          } else if (operand.kind == Operand::Kind::Invariant) {
            values.push_back(operand.value);
          } else {
            Value stride = arith::ConstantIndexOp::create(body, operand.stride);
            Value base =
                arith::ConstantIndexOp::create(body, operand.entry.index);
            Value distance = arith::MulIOp::create(body, number, stride);
            Value index = arith::AddIOp::create(body, base, distance);
            Value wide =
                arith::IndexCastOp::create(body, body.getI64Type(), index);
            values.push_back(gpt::buildTableEntry(
                body, operand.entry.table, wide,
                cast<MemRefType>(operand.value.getType())));
          }
        }
        func::CallOp::create(body, first.getCallee(), TypeRange(), values);
        SmallVector<Value> next;
        for (unsigned place = 0; place < current.size(); ++place)
          next.push_back(current[place ^ 1]);
        scf::YieldOp::create(body, next);
      });
  for (func::CallOp call : calls)
    call.erase();
}

namespace {
struct RollCalls final : public gpt::impl::RollCallsBase<RollCalls> {
  void runOnOperation() override {
    SmallVector<SmallVector<func::CallOp>> runs;
    getOperation().walk([&](Block *block) { findRuns(*block, runs); });
    for (ArrayRef<func::CallOp> run : runs)
      convert(run);
  }

private:
  /// Collects calls of one function without results that nothing but pure ops
  /// stands between.
  static void findRuns(Block &block,
                       SmallVectorImpl<SmallVector<func::CallOp>> &runs) {
    SmallVector<func::CallOp> run;
    auto finish = [&] {
      if (run.size() >= kMinCalls)
        runs.push_back(run);
      run.clear();
    };
    for (Operation &op : block) {
      auto call = dyn_cast<func::CallOp>(op);
      if (!call && canPassCalls(op))
        continue;
      if (!call || call.getNumResults() != 0 ||
          (!run.empty() && run.front().getCallee() != call.getCallee()))
        finish();
      if (call && call.getNumResults() == 0)
        run.push_back(call);
    }
    finish();
  }

  /// Before:
  /// ```mlir
  /// call @block(%a, %entry3, %b) : (memref<4xf32>, ...) -> ()
  /// call @block(%b, %entry5, %a) : (memref<4xf32>, ...) -> ()
  /// call @block(%a, %entry7, %b) : (memref<4xf32>, ...) -> ()
  /// ```
  /// After:
  /// ```mlir
  /// scf.for %i = %c0 to %c3 step %c1 iter_args(%x = %a, %y = %b) -> ... {
  ///   %entry = ...                                   // table[3 + 2 * %i]
  ///   call @block(%x, %entry, %y) : (memref<4xf32>, ...) -> ()
  ///   scf.yield %y, %x
  /// }
  /// ```
  void convert(ArrayRef<func::CallOp> run) {
    func::CallOp first = run.front();
    unsigned numOperands = first.getNumOperands(), obstacle = 0;
    for (size_t peeled = 0;
         peeled <= kMaxPeeled && run.size() - peeled >= kMinCalls; ++peeled) {
      ArrayRef<func::CallOp> calls = run.drop_front(peeled);
      SmallVector<Operand> operands;
      for (unsigned index = 0; index < numOperands; ++index) {
        std::optional<Operand> operand = classify(calls, index);
        if (!operand) {
          obstacle = index;
          break;
        }
        operands.push_back(*operand);
      }
      if (operands.size() != numOperands)
        continue;
      roll(calls, operands);
      numRolled += calls.size();
      ++numLoops;
      return;
    }
    emitRemark(first.getLoc())
        << run.size() << " calls of '" << first.getCallee()
        << "' are no loop: operand " << obstacle
        << " is neither the same in all, nor one of two in turn, nor an "
           "argument at a regular distance";
  }
};
} // namespace
