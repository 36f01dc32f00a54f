//===- Registration.cpp - registers all of gpt-mlir -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Registration.h. Registration happens only here and only when asked for:
// no library of this project has static initialisers.
//
//===----------------------------------------------------------------------===//

#include "gpt/Pipelines/Registration.h"

#include "gpt/Conversion/Passes.h"
#include "gpt/GptDialect.h"
#include "gpt/Input/Passes.h"
#include "gpt/Pipelines/Pipelines.h"
#include "gpt/Schedules/ScheduleOps.h"
#include "gpt/Transforms/Passes.h"
#include "mlir/IR/DialectRegistry.h"

void mlir::gpt::registerAllGpt(DialectRegistry &registry) {
  registry.insert<GptDialect>();
  registerScheduleOps(registry);
}

void mlir::gpt::registerAllGptPasses() {
  // Passes register under their argument; a second registration of the same
  // pass is accepted by MLIR, one of a pipeline is not.
  static const bool registered = [] {
    registerGptInputPasses();
    registerGptConversionPasses();
    registerGptTransformsPasses();
    registerGptPipelines();
    return true;
  }();
  (void)registered;
}
