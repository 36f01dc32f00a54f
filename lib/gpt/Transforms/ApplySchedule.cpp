//===- ApplySchedule.cpp - apply a transform schedule -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a named sequence of a schedule on the module. A schedule is a file of
// the Transform dialect: one that is built in, chosen by name, or one of the
// user's, given by its path.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "gpt/Schedules/Schedules.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/Dialect/Transform/IR/Utils.h"
#include "mlir/Dialect/Transform/Transforms/TransformInterpreterUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_APPLYSCHEDULE
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

namespace {
struct ApplySchedulePass
    : public gpt::impl::ApplyScheduleBase<ApplySchedulePass> {
  using ApplyScheduleBase::ApplyScheduleBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (schedule.empty()) {
      return emitError(UnknownLoc::get(context))
             << "expected a schedule: a file, or one of " << getNames();
    }
    ParserConfig config(context);
    OwningOpRef<ModuleOp> parsed;
    if (const Schedule *builtIn = findSchedule(schedule)) {
      parsed = parseSourceString<ModuleOp>(builtIn->text, config, schedule);
    } else if (StringRef(schedule).ends_with(".mlir")) {
      parsed = parseSourceFile<ModuleOp>(schedule, config);
    } else {
      return emitError(UnknownLoc::get(context))
             << "unknown schedule '" << schedule
             << "': expected a file that ends in '.mlir', or one of "
             << getNames();
    }
    if (!parsed)
      return failure();
    StringRef mark = transform::TransformDialect::kWithNamedSequenceAttrName;
    if (!(*parsed)->hasAttr(mark))
      return emitError(parsed->getLoc())
             << "schedule '" << schedule << "' expected a module with '" << mark
             << "' and a sequence '" << sequence << "', found one without";
    OwningOpRef<ModuleOp> shared =
        parseSourceString<ModuleOp>(getScheduleLibrary(), config, "library");
    if (!shared)
      return failure();
    // Defines what the schedule declares.
    InFlightDiagnostic conflict = transform::detail::mergeSymbolsInto(
        *parsed, OwningOpRef<Operation *>(shared.release()));
    if (failed(conflict))
      return failure();
    library = std::make_shared<OwningOpRef<ModuleOp>>(std::move(parsed));
    return success();
  }

  void runOnOperation() override {
    if (optional && !SymbolTable::lookupSymbolIn(**library, sequence))
      return;
    transform::TransformOpInterface entry =
        transform::detail::findTransformEntryPoint(getOperation(), **library,
                                                   sequence);
    if (!entry)
      return signalPassFailure();
    transform::TransformOptions options;
    options.enableExpensiveChecks(false);
    int64_t numBefore = countStructuredOps();
    if (failed(transform::applyTransformNamedSequence(getOperation(), entry,
                                                      **library, options))) {
      emitError(getOperation().getLoc())
          << "sequence '" << sequence << "' of schedule '" << schedule
          << "' cannot be applied";
      return signalPassFailure();
    }
    remark::analysis(
        getOperation().getLoc(),
        remark::RemarkOpts::name(getArgument()).category("schedule"))
        << remark::metric("Schedule", StringRef(schedule))
        << remark::metric("Sequence", StringRef(sequence))
        << remark::metric("StructuredOpsBefore", numBefore)
        << remark::metric("StructuredOpsAfter", countStructuredOps());
  }

private:
  /// What a sequence may still tile.
  int64_t countStructuredOps() {
    int64_t count = 0;
    getOperation()->walk([&](linalg::LinalgOp) { ++count; });
    return count;
  }

  static std::string getNames() {
    return llvm::join(llvm::map_range(getSchedules(),
                                      [](const Schedule &schedule) {
                                        return schedule.name.str();
                                      }),
                      ", ");
  }

  // Shared by the copies of the pass that a pass manager makes.
  std::shared_ptr<OwningOpRef<ModuleOp>> library;
};
} // namespace
