//===- SharedLibrary.h - Link objects into a shared library ------*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links with the lld that is part of this library: a machine that runs the
// compiler needs no C toolchain.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TARGET_SHAREDLIBRARY_H
#define GPT_TARGET_SHAREDLIBRARY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::gpt {

/// Links ELF object files, given as their bytes, into a shared library and
/// writes that to `output`. Undefined symbols (libc and libm) are left to the
/// process that loads the library.
llvm::Error
linkSharedLibrary(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
                  llvm::raw_ostream &output);

} // namespace mlir::gpt

#endif // GPT_TARGET_SHAREDLIBRARY_H
