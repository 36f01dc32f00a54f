//===- TargetOptions.h - What to generate code for --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The description of a code generation target as a user writes it
// (TargetOptions) and with every default filled in (ResolvedTarget). The
// resolved form is what keys the object cache, so it names the host's CPU and
// features explicitly. Unknown CPUs and features are errors here: LLVM itself
// only prints a warning and goes on with a generic CPU.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TARGET_TARGETOPTIONS_H
#define GPT_TARGET_TARGETOPTIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace mlir::gpt {

/// What to generate code for. The defaults mean: this machine, as fast as
/// LLVM knows how.
struct TargetOptions {
  /// Target triple; empty means the triple of this process.
  std::string triple;
  /// LLVM's CPU name. "native" (or empty, when the triple is the host's) means
  /// the CPU of this machine together with the features it reports.
  std::string cpu = "native";
  /// Comma-separated features, each with its sign ("+avx2,-fma"), applied on
  /// top of those of the CPU.
  std::string features;
  /// 0 to 3, as in `-O3`; used for LLVM's passes and its code generator.
  unsigned optLevel = 3;
};

/// A target with nothing left to be decided.
struct ResolvedTarget {
  std::string triple;
  std::string cpu;
  std::string features;
};

/// Returns LLVM's name of the CPU of this machine.
std::string getHostCpu();

/// Returns the features this machine reports, sorted, as "+a,-b".
std::string getHostFeatures();

/// Returns the version of the LLVM that generates the code ("22.1.8").
llvm::StringRef getLLVMVersion();

/// Fills in the defaults of `options` and checks triple, CPU, features and
/// optimization level.
llvm::Expected<ResolvedTarget> resolveTarget(const TargetOptions &options);

/// Creates the machine that `options` describe; its code is position
/// independent.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetOptions &options);

/// Whether the target has all of `features` ("+a,+b"), which its architecture
/// knows.
llvm::Expected<bool> hasFeatures(const TargetOptions &options,
                                 llvm::StringRef features);

/// Returns the features that code for the target may use and this machine
/// lacks, sorted and separated by commas; none for another architecture.
llvm::Expected<std::string> findMissingFeatures(const TargetOptions &options);

/// Returns the name of the built-in schedule for the target, empty if there is
/// none.
llvm::Expected<std::string> selectSchedule(const TargetOptions &options);

} // namespace mlir::gpt

#endif // GPT_TARGET_TARGETOPTIONS_H
