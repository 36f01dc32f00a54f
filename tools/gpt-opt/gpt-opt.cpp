//===- gpt-opt.cpp - mlir-opt with the gpt dialect --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything mlir-opt has, plus the dialect, passes and pipelines of this
// project; every flag is upstream's.
//
//===----------------------------------------------------------------------===//

#include "gpt/Input/OptMain.h"
#include "gpt/Pipelines/Registration.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/LogicalResult.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  mlir::gpt::registerAllGptPasses();

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::gpt::registerAllGpt(registry);

  return mlir::asMainReturnCode(
      mlir::gpt::optMain(argc, argv, "GPT compiler driver\n", registry));
}
