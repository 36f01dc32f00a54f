//===- Schedules.h - built-in schedules -------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedules of this folder, as text that was embedded when the compiler
// was built.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_SCHEDULES_SCHEDULES_H
#define GPT_SCHEDULES_SCHEDULES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::gpt {

/// A built-in schedule.
struct Schedule {
  llvm::StringRef name;
  /// The architecture it is for, as LLVM names it, or "any"; the features that
  /// a target must have.
  llvm::StringRef architecture, features;
  /// The text of the file.
  llvm::StringRef text;
};

/// The built-in schedules; where several fit a target, the first is the best.
llvm::ArrayRef<Schedule> getSchedules();

/// The text of the sequences that any schedule may declare and include.
llvm::StringRef getScheduleLibrary();

/// The built-in schedule of that name, or null.
const Schedule *findSchedule(llvm::StringRef name);

} // namespace mlir::gpt

#endif // GPT_SCHEDULES_SCHEDULES_H
