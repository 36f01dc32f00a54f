//===- RuntimeFunction.h - A compiled function ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function has hundreds of arguments of which only a few change from call to
// call: weights and caches are bound once, which builds their descriptors, and
// a call copies one table of pointers.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMEFUNCTION_H
#define GPT_PYTHON_EXTENSION_RUNTIMEFUNCTION_H

#include "RuntimeLibrary.h"
#include "RuntimeTensor.h"

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace gpt::runtime {

/// The C type of every compiled function.
using Entry = void (*)(void **);

/// Arguments and results of a function.
struct Signature {
  std::string name;
  std::vector<TensorSpec> arguments;
  std::vector<TensorSpec> results;
  DimNames dimNames;

  size_t getResultBytes() const {
    size_t words = 0;
    for (const TensorSpec &result : results)
      words += getDescriptorWords(result.rank());
    return words * sizeof(int64_t);
  }
};

/// An argument whose descriptor was built ahead of the calls.
struct BoundArgument {
  std::vector<int64_t> descriptor;
  ArgumentStorage storage;
};

/// A tensor as the Python layer describes it: name, element type, shape (-1
/// for dynamic), names of dimensions ("" for none), written to.
using PythonSpec = std::tuple<std::string, std::string, std::vector<int64_t>,
                              std::vector<std::string>, bool>;

/// A compiled function, some of whose arguments may be bound. Immutable, and
/// therefore callable from several threads at once.
class Function {
public:
  Function(std::shared_ptr<Library> library, const std::string &name,
           const std::vector<PythonSpec> &arguments,
           const std::vector<PythonSpec> &results);

  /// Returns a function with more arguments bound, each given by its index
  /// in the signature.
  Function bind(nanobind::dict values) const;

  /// Calls the code with the arguments that are not bound, in order.
  nanobind::list call(nanobind::args values) const;

  /// Returns this function, for calls that use `count` threads; 0 for as many
  /// as the process has set.
  Function withNumThreads(int count) const;

  /// The indices of the arguments that a call takes.
  const std::vector<size_t> &getFree() const { return free; }

private:
  void checkBinaryInterface() const;
  void checkMappings(const std::vector<ArgumentStorage> &given) const;
  nanobind::list takeResults(const int64_t *descriptors, void *const *arguments,
                             size_t numArguments) const;

  std::shared_ptr<Library> library;
  Entry entry = nullptr;
  std::shared_ptr<const Signature> signature;
  /// What the entry is called with: the results, if any, then the descriptor
  /// of every argument; null where not bound.
  std::vector<void *> slots;
  std::vector<size_t> free;
  std::vector<std::shared_ptr<BoundArgument>> bound;
  NamedSizes sizes;
  int numThreads = 0;

  size_t firstArgumentSlot() const {
    return signature->results.empty() ? 0 : 1;
  }
};

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMEFUNCTION_H
