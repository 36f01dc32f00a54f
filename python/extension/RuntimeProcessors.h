//===- RuntimeProcessors.h - Processors for this process --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many processors the system lets this process use: fewer than the machine
// has where an affinity mask or a container limits it.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMEPROCESSORS_H
#define GPT_PYTHON_EXTENSION_RUNTIMEPROCESSORS_H

#include <optional>
#include <string>

namespace gpt::runtime {

/// Returns the processors that this process may run on and has time for, at
/// least 1.
int countUsableProcessors();

/// Returns how many processors' time the control groups of this process allow,
/// versions 1 and 2, if they limit it. All files are looked up below `root`.
std::optional<double> readProcessorQuota(const std::string &root);

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMEPROCESSORS_H
