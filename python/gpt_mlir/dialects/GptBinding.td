//===- GptBinding.td - Python bindings of the gpt dialect --*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry point for mlir-tblgen: the place of this file decides where the
// generated Python modules go.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_BINDING_TD
#define GPT_PYTHON_BINDING_TD

include "gpt/GptOps.td"

#endif // GPT_PYTHON_BINDING_TD
