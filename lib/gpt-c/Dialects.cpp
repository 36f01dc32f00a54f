//===- Dialects.cpp - C API: dialect and pass registration ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Dialects.h.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Dialects.h"

#include "gpt/GptDialect.h"
#include "gpt/Pipelines/Registration.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(Gpt, gpt, mlir::gpt::GptDialect)

void gptRegisterAllDialects(MlirDialectRegistry registry) {
  mlir::DialectRegistry &cppRegistry = *unwrap(registry);
  mlir::registerAllDialects(cppRegistry);
  mlir::registerAllExtensions(cppRegistry);
  mlir::gpt::registerAllGpt(cppRegistry);
}

void gptRegisterAllPasses() {
  static const bool registered = [] {
    mlir::registerAllPasses();
    mlir::gpt::registerAllGptPasses();
    return true;
  }();
  (void)registered;
}
