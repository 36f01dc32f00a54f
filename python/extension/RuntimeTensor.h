//===- RuntimeTensor.h - Arguments and results of compiled code -*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between Python arrays and memref descriptors. Compiled code takes row-major
// contiguous arguments: such arrays are passed as they are, others are copied
// first, except those that the code writes to.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMETENSOR_H
#define GPT_PYTHON_EXTENSION_RUNTIMETENSOR_H

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace gpt::runtime {

/// An element type. `carrier` is what NumPy calls it: bf16 travels as uint16.
struct ElementType {
  const char *name;
  nanobind::dlpack::dtype type;
  nanobind::dlpack::dtype carrier;

  size_t size() const { return type.bits / 8; }

  /// Returns the element type called `name`; throws nanobind::value_error.
  static const ElementType &get(const std::string &name);
};

/// What a function expects of an argument or says of a result.
struct TensorSpec {
  std::string name;
  const ElementType *element;
  /// -1 stands for a dynamic size.
  std::vector<int64_t> shape;
  /// Per dimension the index of its name in the signature, or -1.
  std::vector<int> dims;
  /// The code writes to this argument.
  bool writable = false;

  size_t rank() const { return shape.size(); }
};

/// The size of each named dimension, as far as arguments have settled it.
struct NamedSizes {
  struct Size {
    int64_t value = -1;
    /// The argument that settled it.
    const TensorSpec *source = nullptr;
  };
  std::vector<Size> sizes;
};

/// {allocated, aligned, offset, sizes[rank], strides[rank]}, all eight bytes.
inline size_t getDescriptorWords(size_t rank) { return 3 + 2 * rank; }

struct Free {
  void operator()(void *memory) const { std::free(memory); }
};
using Buffer = std::unique_ptr<void, Free>;

/// Memory that an argument uses: the caller's array, or a copy of it.
struct ArgumentStorage {
  nanobind::ndarray<nanobind::ro> array;
  Buffer copy;
};

/// The names of the dimensions of a signature, in the order of their indices.
using DimNames = std::vector<std::string>;

/// Checks `value` against `spec`, settles the sizes of named dimensions and
/// writes the descriptor to `descriptor`. Throws nanobind::value_error with a
/// message that names the argument, what was expected and what was found.
ArgumentStorage makeArgument(const TensorSpec &spec, nanobind::handle value,
                             const DimNames &names, NamedSizes &sizes,
                             int64_t *descriptor);

/// Turns the descriptor of a result into a NumPy array that owns its memory.
/// `owner` is the Python object that frees the allocation.
nanobind::object makeResult(const TensorSpec &spec, const int64_t *descriptor,
                            nanobind::handle owner);

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMETENSOR_H
