//===- Registration.h - registers all of gpt-mlir ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One place that knows every dialect, interface implementation, pass and
// pipeline of this project. Tools and the C API call these two functions, so
// that gpt-opt and Python never differ in what they know.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PIPELINES_REGISTRATION_H
#define GPT_PIPELINES_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::gpt {

/// Adds the `gpt` dialect and the interface implementations of this project.
/// Upstream dialects and extensions are the caller's business.
void registerAllGpt(DialectRegistry &registry);

/// Registers the passes and pipelines of this project. Calling it twice does
/// no harm.
void registerAllGptPasses();

} // namespace mlir::gpt

#endif // GPT_PIPELINES_REGISTRATION_H
