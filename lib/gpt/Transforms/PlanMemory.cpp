//===- PlanMemory.cpp - One allocation for all intermediates ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers with disjoint lifetimes share memory. A buffer's size is a product of
// a number and of sizes that arguments decide, so its place is settled when
// compiling, up to these sizes:
//
// * Buffers whose sizes have the same symbolic factors differ by a number of
//   bytes that is known. They form a region, inside of which offsets are
//   assigned as for static sizes: the largest first, each at the lowest offset
//   that no buffer alive at the same time occupies.
// * Regions lie one behind the other, as nothing is known about which of
//   `batch * seq` and `capacity` is larger.
//
// What a called function needs is one more buffer of its caller, so that blocks
// executed one after the other work in the same memory and a call of an
// exported function makes one allocation.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/GptMemory.h"
#include "gpt/Transforms/EntryValues.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_PLANMEMORY
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// How many products of a size are taken apart at most: a chain of n squares
/// has 2^n factors.
static constexpr unsigned kMaxProducts = 16;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

namespace {
/// A product of a number and of values, in bytes.
struct SymbolicSize {
  int64_t factor = 1;
  SmallVector<Value> symbols;
  /// How many products have been taken apart.
  unsigned numProducts = 0;

  /// Multiplies the number; fails if nothing of that size exists.
  bool scale(int64_t number) {
    std::optional<int64_t> product = llvm::checkedMul(factor, number);
    if (!product || *product < 0 || *product > int64_t(1) << gpt::kAddressBits)
      return false;
    factor = *product;
    return true;
  }
};
} // namespace

static void multiply(SymbolicSize &size, Value value);

/// Multiplies by an affine expression of `operands`; fails where it is no
/// product, or one of too many.
static bool multiply(SymbolicSize &size, AffineExpr expr, unsigned numDims,
                     ValueRange operands) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return size.scale(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    multiply(size, operands[dim.getPosition()]);
  } else if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    multiply(size, operands[numDims + symbol.getPosition()]);
  } else {
    auto binary = cast<AffineBinaryOpExpr>(expr);
    return binary.getKind() == AffineExprKind::Mul &&
           ++size.numProducts <= kMaxProducts &&
           multiply(size, binary.getLHS(), numDims, operands) &&
           multiply(size, binary.getRHS(), numDims, operands);
  }
  return true;
}

/// Multiplies `size` by `value`, taking some products apart.
static void multiply(SymbolicSize &size, Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    if (size.scale(*constant))
      return;
  if (size.numProducts == kMaxProducts) {
    size.symbols.push_back(value);
    return;
  }
  if (auto product = value.getDefiningOp<arith::MulIOp>()) {
    ++size.numProducts;
    multiply(size, product.getLhs());
    multiply(size, product.getRhs());
    return;
  }
  if (auto apply = value.getDefiningOp<affine::AffineApplyOp>()) {
    ++size.numProducts;
    SymbolicSize tried = size;
    AffineMap map = apply.getAffineMap();
    if (multiply(tried, map.getResult(0), map.getNumDims(),
                 apply.getMapOperands())) {
      size = tried;
      return;
    }
    size.numProducts = tried.numProducts;
  }
  size.symbols.push_back(value);
}

/// The size of a buffer whose static extents have `bytes`.
static SymbolicSize getSize(memref::AllocOp buffer, int64_t bytes) {
  SymbolicSize size;
  size.factor = bytes;
  for (Value extent : buffer.getDynamicSizes())
    multiply(size, extent);
  return size;
}

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

namespace {
/// Positions of ops in execution order.
class Positions {
public:
  explicit Positions(func::FuncOp function) {
    function.walk<WalkOrder::PreOrder>(
        [&](Operation *op) { first[op] = count++; });
    // An op ends with the last op inside of it.
    function.walk([&](Operation *op) {
      last.try_emplace(op, first[op]);
      unsigned end = last.lookup(op);
      unsigned &parentEnd = last[op->getParentOp()];
      parentEnd = std::max(parentEnd, end);
    });
  }
  unsigned getFirst(Operation *op) const { return first.lookup(op); }
  unsigned getLast(Operation *op) const { return last.lookup(op); }

private:
  unsigned count = 0;
  DenseMap<Operation *, unsigned> first, last;
};

/// A buffer and where it is.
struct Buffer {
  memref::AllocOp op;
  /// The positions from the first to the last op that uses it.
  unsigned first = 0, last = 0;
  SymbolicSize size;
  size_t region = 0;
  /// In units of the region.
  int64_t extent = 0, offset = 0;
  /// In bytes, once it has been computed.
  Value position;

  bool isAliveWith(const Buffer &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Memory of buffers whose sizes are multiples of one unit.
struct Region {
  SmallVector<Value> symbols;
  /// Where buffers are no multiples of the alignment, each size is a unit of
  /// its own, this many bytes times the symbols, rounded up.
  std::optional<int64_t> roundedFactor;
  /// In units.
  int64_t extent = 0;
};
} // namespace

/// Finds the first and last use of `buffer`; null if its lifetime is not within
/// one execution of the block it is allocated in.
static bool findLifetime(Buffer &buffer, const BufferViewFlowAnalysis &aliases,
                         const Positions &positions) {
  Block *block = buffer.op->getBlock();
  buffer.first = std::numeric_limits<unsigned>::max();
  buffer.last = 0;
  for (Value alias : aliases.resolve(buffer.op.getResult())) {
    for (Operation *user : alias.getUsers()) {
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      // Yielded, returned, or turned into what this analysis does not follow.
      if (!ancestor || ancestor == block->getTerminator() ||
          isa<bufferization::BufferizationDialect>(user->getDialect()))
        return false;
      buffer.first = std::min(buffer.first, positions.getFirst(ancestor));
      buffer.last = std::max(buffer.last, positions.getLast(ancestor));
    }
  }
  return buffer.last > 0;
}

/// Why `buffer` cannot get a place of its own for the whole call, or an empty
/// string.
static StringRef getObstacle(memref::AllocOp buffer, gpt::EntryValues &entry) {
  if (buffer->getParentOfType<scf::ForallOp>() ||
      buffer->getParentOfType<scf::ParallelOp>() ||
      buffer->getParentOfType<affine::AffineParallelOp>())
    return "each iteration of a parallel loop needs its own";
  if (!buffer.getType().getLayout().isIdentity() ||
      buffer.getType().getMemorySpace() ||
      buffer.getAlignment().value_or(1) > gpt::kBufferAlignment)
    return "of its layout, memory space or alignment";
  if (!gpt::getStaticBytes(buffer.getType()))
    return "its elements are too large or of unknown size";
  if (!entry.contains(buffer.getDynamicSizes()))
    return "its size is not decided by the arguments";
  return "";
}

//===----------------------------------------------------------------------===//
// The plan of a function
//===----------------------------------------------------------------------===//

namespace {
/// Places the buffers of one function.
class Plan {
public:
  explicit Plan(func::FuncOp function) : entry(function) {
    BufferViewFlowAnalysis aliases(function);
    Positions positions(function);
    function.walk([&](memref::AllocOp op) {
      StringRef obstacle = getObstacle(op, entry);
      Buffer buffer;
      buffer.op = op;
      // What a caller gets, or another iteration, is nothing of this call.
      if (obstacle.empty() && !findLifetime(buffer, aliases, positions))
        return;
      if (!obstacle.empty()) {
        emitRemark(op.getLoc(), "buffer has no place in the memory plan: ")
            << obstacle;
        return;
      }
      buffer.size = getSize(op, *gpt::getStaticBytes(op.getType()));
      buffers.push_back(buffer);
    });
    for (Buffer &buffer : buffers)
      assignRegion(buffer);
    for (size_t region = 0; region < regions.size(); ++region)
      place(region);
  }

  bool empty() const { return buffers.empty(); }
  size_t getNumBuffers() const { return buffers.size(); }

  /// Computes the places at the beginning of the function and returns how many
  /// bytes there are in all.
  Value buildOffsets();
  /// Makes the buffers views of `workspace`.
  void apply(Value workspace);
  /// Where the results of `buildOffsets` are known.
  Operation *getInsertionPoint() const { return entry.getInsertionPoint(); }
  /// Writes the size as a formula of sizes of arguments.
  void print(Diagnostic &diagnostic) const;

private:
  void assignRegion(Buffer &buffer);
  void place(size_t region);

  gpt::EntryValues entry;
  SmallVector<Buffer> buffers;
  SmallVector<Region> regions;
  /// Numbers of symbols, in the order of their appearance.
  llvm::MapVector<Value, unsigned> numbers;
  /// Per region its first byte and the bytes of a unit.
  SmallVector<std::pair<Value, Value>> places;
};
} // namespace

void Plan::assignRegion(Buffer &buffer) {
  for (Value symbol : buffer.size.symbols)
    numbers.insert({symbol, numbers.size()});
  llvm::sort(buffer.size.symbols, [&](Value left, Value right) {
    return numbers.lookup(left) < numbers.lookup(right);
  });
  Region region;
  region.symbols = buffer.size.symbols;
  buffer.extent = buffer.size.factor;
  if (region.symbols.empty()) {
    buffer.extent = llvm::alignTo(buffer.extent, gpt::kBufferAlignment);
  } else if (buffer.extent % gpt::kBufferAlignment != 0) {
    region.roundedFactor = buffer.extent;
    buffer.extent = 1;
  }
  auto *found = llvm::find_if(regions, [&](const Region &other) {
    return other.symbols == region.symbols &&
           other.roundedFactor == region.roundedFactor;
  });
  buffer.region = found - regions.begin();
  if (found == regions.end())
    regions.push_back(region);
}

void Plan::place(size_t region) {
  SmallVector<Buffer *> sorted;
  for (Buffer &buffer : buffers)
    if (buffer.region == region)
      sorted.push_back(&buffer);
  llvm::sort(sorted, [](const Buffer *left, const Buffer *right) {
    return std::tuple(-left->extent, left->first, left) <
           std::tuple(-right->extent, right->first, right);
  });
  SmallVector<Buffer *> placed; // by offset
  for (Buffer *buffer : sorted) {
    int64_t offset = 0;
    for (Buffer *other : placed) {
      if (!buffer->isAliveWith(*other))
        continue;
      if (offset + buffer->extent <= other->offset)
        break;
      offset = std::max(offset, other->offset + other->extent);
    }
    buffer->offset = offset;
    auto *position =
        llvm::upper_bound(placed, offset, [](int64_t at, const Buffer *other) {
          return at < other->offset;
        });
    placed.insert(position, buffer);
    regions[region].extent =
        std::max(regions[region].extent, offset + buffer->extent);
  }
}

Value Plan::buildOffsets() {
  for (auto &[symbol, number] : numbers)
    entry.hoist(symbol);
  for (Buffer &buffer : buffers)
    for (Value size : buffer.op.getDynamicSizes())
      entry.hoist(size);
  OpBuilder builder(entry.getInsertionPoint());
  Location loc = buffers.front().op.getLoc();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto multiply = [&](Value left, Value right) {
    return builder.createOrFold<arith::MulIOp>(loc, left, right);
  };
  auto add = [&](Value left, Value right) {
    return builder.createOrFold<arith::AddIOp>(loc, left, right);
  };
  Value next = constant(0);
  for (const Region &region : regions) {
    Value unit = region.symbols.empty() ? constant(1) : region.symbols.front();
    for (size_t i = 1; i < region.symbols.size(); ++i)
      unit = multiply(unit, region.symbols[i]);
    if (region.roundedFactor) {
      unit = multiply(unit, constant(*region.roundedFactor));
      Value line = constant(gpt::kBufferAlignment);
      unit = multiply(builder.createOrFold<arith::CeilDivUIOp>(loc, unit, line),
                      line);
    }
    places.push_back({next, unit});
    next = add(next, multiply(unit, constant(region.extent)));
  }
  for (Buffer &buffer : buffers) {
    auto [base, unit] = places[buffer.region];
    buffer.position = add(base, multiply(unit, constant(buffer.offset)));
  }
  return next;
}

void Plan::apply(Value workspace) {
  for (Buffer &buffer : buffers) {
    OpBuilder builder(buffer.op);
    Value view = memref::ViewOp::create(
        builder, buffer.op.getLoc(), buffer.op.getType(), workspace,
        buffer.position, buffer.op.getDynamicSizes());
    buffer.op.getResult().replaceAllUsesWith(view);
    buffer.op.erase();
  }
}

/// Names a size for a person.
static void printSymbol(Diagnostic &diagnostic, Value symbol, unsigned number) {
  auto dim = symbol.getDefiningOp<memref::DimOp>();
  if (dim && dim.getConstantIndex())
    if (auto argument = dyn_cast<BlockArgument>(dim.getSource())) {
      diagnostic << "dim " << *dim.getConstantIndex() << " of argument "
                 << argument.getArgNumber();
      return;
    }
  diagnostic << "size " << number;
}

void Plan::print(Diagnostic &diagnostic) const {
  for (auto [index, region] : llvm::enumerate(regions)) {
    diagnostic << (index ? " + " : "");
    if (region.extent != 1 || !region.roundedFactor)
      diagnostic << region.extent << (region.symbols.empty() ? "" : " * ");
    if (region.roundedFactor)
      diagnostic << "round64(" << *region.roundedFactor << " * ";
    for (auto [place, symbol] : llvm::enumerate(region.symbols)) {
      diagnostic << (place ? " * " : "") << "(";
      printSymbol(diagnostic, symbol, numbers.lookup(symbol));
      diagnostic << ")";
    }
    if (region.roundedFactor)
      diagnostic << ")";
  }
}

//===----------------------------------------------------------------------===//
// Workspaces
//===----------------------------------------------------------------------===//

/// Takes the workspace from the callers of `function`, which allocate it.
static LogicalResult takeFromCallers(func::FuncOp function, Value bytes,
                                     ArrayRef<func::CallOp> calls) {
  unsigned index = function.getNumArguments();
  auto type = MemRefType::get({ShapedType::kDynamic},
                              IntegerType::get(function.getContext(), 8));
  for (func::CallOp call : calls) {
    OpBuilder builder(call);
    IRMapping mapping;
    mapping.map(function.getArguments(), call.getOperands());
    Value size = gpt::cloneEntryValue(builder, bytes, mapping);
    auto workspace = memref::AllocOp::create(
        builder, call.getLoc(), type, size,
        builder.getI64IntegerAttr(gpt::kBufferAlignment));
    call->insertOperands(index, workspace.getResult());
  }
  return function.insertArgument(index, type, {}, function.getLoc());
}

/// Allocates the workspace in `function` itself.
static Value allocate(func::FuncOp function, Value bytes, Operation *before) {
  OpBuilder builder(before);
  Location loc = function.getLoc();
  auto type = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
  // A size that is known belongs into the type: an operand that is a constant
  // makes canonicalization build the op anew, without attributes.
  SmallVector<Value> sizes;
  MemRefType allocated = type;
  if (std::optional<int64_t> constant = getConstantIntValue(bytes))
    allocated = MemRefType::get({*constant}, builder.getI8Type());
  else
    sizes.push_back(bytes);
  auto workspace =
      memref::AllocOp::create(builder, loc, allocated, sizes,
                              builder.getI64IntegerAttr(gpt::kBufferAlignment));
  auto mark = [&](Operation *op) {
    op->setAttr(gpt::kWorkspaceAttr, builder.getUnitAttr());
    op->setAttr(bufferization::BufferizationDialect::kManualDeallocation,
                builder.getUnitAttr());
  };
  mark(workspace);
  Value view = workspace;
  if (sizes.empty())
    view = memref::CastOp::create(builder, loc, type, view);
  builder.setInsertionPoint(function.front().getTerminator());
  mark(memref::DeallocOp::create(builder, loc, workspace));
  return view;
}

namespace {
struct PlanMemory final : public gpt::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    // A callee's workspace is a buffer of its callers by the time these are
    // planned.
    for (func::FuncOp function : gpt::getCalleesFirst(getOperation()))
      if (failed(plan(function)))
        return signalPassFailure();
  }

private:
  LogicalResult plan(func::FuncOp function);
};
} // namespace

LogicalResult PlanMemory::plan(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return success();
  if (failed(gpt::simplifySizes(function)))
    return failure();
  Plan plan(function);
  if (plan.empty())
    return success();
  // At the location only: the function itself would be printed as well.
  InFlightDiagnostic remark = emitRemark(function.getLoc(), "'");
  remark << function.getName() << "' needs a workspace for "
         << plan.getNumBuffers() << " buffers, in bytes: ";
  plan.print(*remark.getUnderlyingDiagnostic());
  remark.report();
  Value bytes = plan.buildOffsets();
  numPlanned += plan.getNumBuffers();

  FailureOr<SmallVector<func::CallOp>> calls = gpt::getAllCalls(function);
  if (failed(calls)) {
    plan.apply(allocate(function, bytes, plan.getInsertionPoint()));
    ++numWorkspaces;
    return success();
  }
  if (failed(takeFromCallers(function, bytes, *calls)))
    return failure();
  plan.apply(function.getArguments().back());
  return success();
}
