//===- ScheduleOps.h - Ops of schedules -------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An extension of the Transform dialect.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_SCHEDULES_SCHEDULEOPS_H
#define GPT_SCHEDULES_SCHEDULEOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Transform/Interfaces/TransformInterfaces.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "gpt/Schedules/ScheduleOps.h.inc"

namespace mlir::gpt {

/// Lets the Transform dialect have the ops of this file.
void registerScheduleOps(DialectRegistry &registry);

} // namespace mlir::gpt

#endif // GPT_SCHEDULES_SCHEDULEOPS_H
