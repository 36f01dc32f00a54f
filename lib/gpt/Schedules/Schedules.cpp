//===- Schedules.cpp - built-in schedules -----------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks a built-in schedule up by its name.
//
//===----------------------------------------------------------------------===//

#include "gpt/Schedules/Schedules.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

// Defines `schedules`, an array of Schedule, and `library`, a text.
using gpt::Schedule;
#include "gpt/Schedules/EmbeddedSchedules.inc"

llvm::ArrayRef<Schedule> gpt::getSchedules() { return schedules; }

llvm::StringRef gpt::getScheduleLibrary() { return library; }

const Schedule *gpt::findSchedule(llvm::StringRef name) {
  const Schedule *found =
      llvm::find_if(schedules, [&](const Schedule &schedule) {
        return schedule.name == name;
      });
  return found == std::end(schedules) ? nullptr : found;
}
