//===- FormEpilogues.cpp - what follows a product, as one op ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gathers what is computed element by element from a packed product (bias,
// activation, gate, residual, cast) in one generic op of rows and columns (of
// columns, if there is one row), so
// that a schedule can compute it on the tile of sums before that is stored.
// Packing leaves views between a product and what reads it, which the fusion of
// element-wise ops does not see through.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_FORMEPILOGUES
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

/// Products that one epilogue reads; their sums are in registers together.
static constexpr unsigned kMaxProducts = 2;

static bool hasOneUser(Value value) {
  return llvm::all_equal(value.getUsers()) && !value.use_empty();
}

/// Whether every result element is a function of single elements of the
/// operands, whatever the number of loops is. It must not matter that a tile is
/// computed to its end, beyond the last element.
static bool isElementwise(linalg::GenericOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return false;
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    return OpTrait::hasElementwiseMappableTraits(&inner) &&
           isSpeculatable(&inner);
  });
}

/// The product that `value` is, as rows and columns, or columns of one row.
static linalg::UnPackOp getProduct(Value value) {
  auto op = value.getDefiningOp<linalg::UnPackOp>();
  if (!op ||
      op->getAttr(kClassAttr) != StringAttr::get(value.getContext(), "product"))
    return {};
  return op;
}

/// The operands of `op` that are products which nothing else reads.
static SmallVector<OpOperand *> getProductOperands(linalg::GenericOp op) {
  SmallVector<OpOperand *> products;
  for (OpOperand *operand : op.getDpsInputOperands())
    if (getProduct(operand->get()) && hasOneUser(operand->get()) &&
        op.getMatchingIndexingMap(operand).isIdentity())
      products.push_back(operand);
  return products;
}

/// Whether `value` is a product or computed from one by an element-wise op, in
/// the same dimensions.
static bool isComputedFromProduct(Value value) {
  if (getProduct(value))
    return true;
  auto op = value.getDefiningOp<linalg::GenericOp>();
  return op && isElementwise(op) && !getProductOperands(op).empty();
}

/// Whether a view of a product may move behind the generic that reads it:
/// ```mlir
/// %v = tensor.expand_shape %product [[0, 1], [2]]
/// %y = linalg.generic ins(%v, %x : tensor<?x?x768xf32>, tensor<?x?x768xf32>)
/// ```
/// becomes
/// ```mlir
/// %c = tensor.collapse_shape %x [[0, 1], [2]]
/// %z = linalg.generic ins(%product, %c : tensor<?x768xf32>, tensor<?x768xf32>)
/// %y = tensor.expand_shape %z [[0, 1], [2]]
/// ```
static bool canCollapse(OpOperand *operand) {
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  auto view = operand->get().getDefiningOp<tensor::ExpandShapeOp>();
  return consumer && view && hasOneUser(view) && hasOneUser(view.getSrc()) &&
         isElementwise(consumer) &&
         consumer.getMatchingIndexingMap(operand).isIdentity() &&
         isComputedFromProduct(view.getSrc());
}

/// Whether the generic that computes `operand` from a product may be merged
/// with the one that reads it.
static bool canMerge(OpOperand *operand) {
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  return consumer && producer && hasOneUser(operand->get()) &&
         isElementwise(consumer) &&
         consumer.getMatchingIndexingMap(operand).isIdentity() &&
         isComputedFromProduct(operand->get()) &&
         getProductOperands(producer).size() +
                 getProductOperands(consumer).size() <=
             kMaxProducts;
}

/// Rebuilds `op` with the operands in `order`.
static linalg::GenericOp reorderInputs(RewriterBase &rewriter,
                                       linalg::GenericOp op,
                                       ArrayRef<unsigned> order) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (unsigned index : order) {
    inputs.push_back(op.getInputs()[index]);
    maps.push_back(op.getIndexingMapsArray()[index]);
  }
  maps.push_back(op.getIndexingMapsArray().back());
  rewriter.setInsertionPoint(op);
  auto reordered = linalg::GenericOp::create(
      rewriter, op.getLoc(), op.getResultTypes(), inputs, op.getOutputs(), maps,
      op.getIteratorTypesArray(),
      [&](OpBuilder &builder, Location, ValueRange args) {
        IRMapping mapping;
        for (auto [position, index] : llvm::enumerate(order))
          mapping.map(op.getBody()->getArgument(index), args[position]);
        for (Operation &inner : *op.getBody())
          builder.clone(inner, mapping);
      });
  rewriter.replaceOp(op, reordered);
  return reordered;
}

/// An epilogue that changes nothing, for a product that is stored as it is.
static linalg::GenericOp buildIdentity(RewriterBase &rewriter,
                                       linalg::UnPackOp product) {
  rewriter.setInsertionPointAfter(product);
  Location loc = product.getLoc();
  int64_t rank = product.getDestRank();
  AffineMap map = rewriter.getMultiDimIdentityMap(rank);
  auto identity = linalg::GenericOp::create(
      rewriter, loc, product.getType(), product.getResult(), product.getDest(),
      ArrayRef<AffineMap>{map, map},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [](OpBuilder &builder, Location bodyLoc, ValueRange args) {
        linalg::YieldOp::create(builder, bodyLoc, args[0]);
      });
  rewriter.replaceAllUsesExcept(product.getResult(), identity.getResult(0),
                                identity);
  return identity;
}

namespace {
/// Named ops (`linalg.add`) cannot be merged: those that read a product become
/// generic.
struct GeneralizeReader final
    : public OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const final {
    if (isa<linalg::GenericOp>(op) || !linalg::isElementwise(op))
      return rewriter.notifyMatchFailure(op, "is not a named element-wise op");
    auto readsProduct = [](Value value) {
      if (auto view = value.getDefiningOp<tensor::ExpandShapeOp>())
        value = view.getSrc();
      return isComputedFromProduct(value);
    };
    if (!llvm::any_of(op.getDpsInputs(), readsProduct))
      return rewriter.notifyMatchFailure(op, "does not read a product");
    return linalg::generalizeNamedOp(rewriter, op);
  }
};

struct FormEpilogues final
    : public gpt::impl::FormEpiloguesBase<FormEpilogues> {
  using FormEpiloguesBase::FormEpiloguesBase;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<GeneralizeReader>(context);
    linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, canCollapse);
    linalg::populateElementwiseOpsFusionPatterns(patterns, canMerge);
    tensor::populateFoldTensorEmptyPatterns(patterns);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::DimOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();

    SmallVector<linalg::UnPackOp> products;
    getOperation()->walk([&](linalg::UnPackOp op) {
      if (getProduct(op.getResult()))
        products.push_back(op);
    });
    for (linalg::UnPackOp product : products)
      formEpilogue(product);
  }

private:
  /// Names the op that stores `product`, and puts the products it reads first.
  void formEpilogue(linalg::UnPackOp product) {
    IRRewriter rewriter(&getContext());
    linalg::GenericOp epilogue;
    if (hasOneUser(product.getResult()))
      epilogue =
          dyn_cast<linalg::GenericOp>(*product.getResult().getUsers().begin());
    if (epilogue && epilogue->hasAttr(kClassAttr) &&
        llvm::is_contained(
            epilogue.getInputs().take_front(getNumProducts(epilogue)),
            product.getResult()))
      return;
    SmallVector<OpOperand *> operands;
    if (epilogue && !epilogue->hasAttr(kClassAttr) && isElementwise(epilogue))
      operands = getProductOperands(epilogue);
    auto opts = remark::RemarkOpts::name(getArgument()).category("schedule");
    if (operands.empty()) {
      remark::missed(product.getLoc(), opts)
          << remark::reason("nothing that follows the product can be computed "
                            "on its tiles alone");
      epilogue = buildIdentity(rewriter, product);
      return setClass(epilogue, 1);
    }
    operands.truncate(std::min<size_t>(operands.size(), kMaxProducts));
    SmallVector<unsigned> order;
    for (OpOperand *operand : operands)
      order.push_back(operand->getOperandNumber());
    for (unsigned index = 0; index < epilogue.getNumDpsInputs(); ++index)
      if (!llvm::is_contained(order, index))
        order.push_back(index);
    setClass(reorderInputs(rewriter, epilogue, order), operands.size());
    remark::passed(product.getLoc(), opts)
        << "computes what follows on the tiles of the product"
        << remark::metric("NumProducts", operands.size());
    ++numFused;
  }

  static unsigned getNumProducts(linalg::GenericOp epilogue) {
    return epilogue->getAttrOfType<StringAttr>(kClassAttr)
                   .getValue()
                   .starts_with("joint")
               ? 2
               : 1;
  }

  static void setClass(linalg::GenericOp epilogue, unsigned numProducts) {
    StringRef name = epilogue.getNumLoops() == 1 ? "row_epilogue" : "epilogue";
    std::string joint = ("joint_" + name).str();
    epilogue->setAttr(kClassAttr,
                      StringAttr::get(epilogue.getContext(),
                                      numProducts == 1 ? name : joint));
  }
};
} // namespace
