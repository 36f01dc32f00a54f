//===- RuntimeTensor.cpp - Arguments and results of compiled code -*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RuntimeTensor.h. All checks of a call are made here, in one pass over the
// shape, so that the Python layer above adds nothing per call but names.
//
//===----------------------------------------------------------------------===//

#include "RuntimeTensor.h"

#include <cstring>
#include <new>
#include <sstream>

namespace nb = nanobind;
using namespace gpt::runtime;
using nb::dlpack::dtype_code;

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

static constexpr nb::dlpack::dtype makeType(dtype_code code, uint8_t bits) {
  return {static_cast<uint8_t>(code), bits, 1};
}

const ElementType &ElementType::get(const std::string &name) {
  static constexpr auto f32 = makeType(dtype_code::Float, 32);
  static constexpr auto f16 = makeType(dtype_code::Float, 16);
  static constexpr auto i1 = makeType(dtype_code::Bool, 8);
  static constexpr auto i32 = makeType(dtype_code::Int, 32);
  static constexpr auto i64 = makeType(dtype_code::Int, 64);
  static constexpr ElementType types[] = {{"f32", f32, f32},
                                          {"f16", f16, f16},
                                          {"bf16",
                                           makeType(dtype_code::Bfloat, 16),
                                           makeType(dtype_code::UInt, 16)},
                                          {"i1", i1, i1},
                                          {"i32", i32, i32},
                                          {"i64", i64, i64}};
  for (const ElementType &type : types)
    if (name == type.name)
      return type;
  throw nb::value_error(("unknown element type '" + name + "'").c_str());
}

/// Prints a type as NumPy would name it.
static std::string print(nb::dlpack::dtype type) {
  switch (static_cast<dtype_code>(type.code)) {
  case dtype_code::Bool:
    return "bool";
  case dtype_code::Int:
    return "int" + std::to_string(type.bits);
  case dtype_code::UInt:
    return "uint" + std::to_string(type.bits);
  case dtype_code::Float:
    return "float" + std::to_string(type.bits);
  case dtype_code::Bfloat:
    return "bfloat" + std::to_string(type.bits);
  case dtype_code::Complex:
    return "complex" + std::to_string(type.bits);
  default:
    return "an unknown type of " + std::to_string(type.bits) + " bits";
  }
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

namespace {

/// An array as Python passed it.
using Array = nb::ndarray<nb::ro>;

/// One message: "argument 'x': expected ..., got ...".
class Message {
public:
  explicit Message(const TensorSpec &spec) {
    stream << "argument '" << spec.name << "': ";
  }
  template <typename T>
  Message &operator<<(const T &value) {
    stream << value;
    return *this;
  }
  /// Writes "(batch, seq, 64)", "?" standing for a dynamic size.
  Message &expectedShape(const TensorSpec &spec, const DimNames &names) {
    stream << "(";
    for (size_t i = 0; i < spec.rank(); ++i) {
      stream << (i ? ", " : "");
      if (spec.shape[i] >= 0)
        stream << spec.shape[i];
      else if (spec.dims[i] >= 0)
        stream << names[spec.dims[i]];
      else
        stream << "?";
    }
    stream << ")";
    return *this;
  }
  Message &foundShape(const Array &array) {
    stream << "(";
    for (size_t i = 0; i < array.ndim(); ++i)
      stream << (i ? ", " : "") << array.shape(i);
    stream << ")";
    return *this;
  }
  [[noreturn]] void raise() { throw nb::value_error(stream.str().c_str()); }

private:
  std::ostringstream stream;
};

} // namespace

/// Takes an array from Python, without copying.
static Array importArray(const TensorSpec &spec, nb::handle value) {
  Array array;
  if (spec.writable) {
    nb::ndarray<> writable;
    if (nb::try_cast(value, writable, /*convert=*/false))
      return Array(writable);
    if (nb::try_cast(value, array, /*convert=*/false))
      (Message(spec) << "expected a writable array, got a read-only one; it is "
                        "updated in place")
          .raise();
  } else if (nb::try_cast(value, array, /*convert=*/false)) {
    return array;
  }
  (Message(spec) << "expected an array with DLPack or the buffer protocol, got "
                 << nb::type_name(value.type()).c_str())
      .raise();
}

/// Checks dtype, device, rank and sizes.
static void checkArray(const TensorSpec &spec, const Array &array,
                       const DimNames &names, NamedSizes &sizes) {
  if (array.dtype() != spec.element->type &&
      array.dtype() != spec.element->carrier)
    (Message(spec) << "expected dtype " << spec.element->name << ", got "
                   << print(array.dtype()))
        .raise();
  if (array.device_type() != nb::device::cpu::value)
    (Message(spec) << "expected memory of the CPU, got DLPack device type "
                   << array.device_type())
        .raise();
  if (array.ndim() != spec.rank())
    ((Message(spec) << "expected rank " << spec.rank() << " ")
         .expectedShape(spec, names)
     << ", got rank " << array.ndim() << " ")
        .foundShape(array)
        .raise();
  for (size_t i = 0; i < spec.rank(); ++i) {
    int64_t size = static_cast<int64_t>(array.shape(i));
    if (spec.shape[i] >= 0 && spec.shape[i] != size)
      (((Message(spec) << "expected shape ").expectedShape(spec, names)
        << ", got ")
           .foundShape(array)
       << ": dim " << i << " is " << size << " instead of " << spec.shape[i])
          .raise();
    if (spec.dims[i] < 0)
      continue;
    NamedSizes::Size &known = sizes.sizes[spec.dims[i]];
    if (known.value < 0)
      known = {size, &spec};
    else if (known.value != size)
      (Message(spec) << "expected dim " << i << " ('" << names[spec.dims[i]]
                     << "') to be " << known.value << " as in argument '"
                     << known.source->name << "', got " << size)
          .raise();
  }
}

/// Whether compiled code can use the memory of `array` as it is.
static bool isUsableInPlace(const TensorSpec &spec, const Array &array) {
  if (array.size() == 0)
    return true;
  if (reinterpret_cast<uintptr_t>(array.data()) % spec.element->size() != 0)
    return false;
  int64_t expected = 1;
  for (size_t i = array.ndim(); i-- > 0;) {
    int64_t size = static_cast<int64_t>(array.shape(i));
    if (size != 1 && array.stride(i) != expected)
      return false;
    expected *= size;
  }
  return true;
}

/// Copies dimension `dim` and those inside it to consecutive memory.
static char *copyStrided(const Array &array, size_t dim, const char *source,
                         char *target, size_t itemSize) {
  if (dim == array.ndim()) {
    std::memcpy(target, source, itemSize);
    return target + itemSize;
  }
  if (dim + 1 == array.ndim() && array.stride(dim) == 1) {
    size_t size = array.shape(dim) * itemSize;
    std::memcpy(target, source, size);
    return target + size;
  }
  int64_t step = array.stride(dim) * static_cast<int64_t>(itemSize);
  for (size_t i = 0; i < array.shape(dim); ++i, source += step)
    target = copyStrided(array, dim + 1, source, target, itemSize);
  return target;
}

ArgumentStorage gpt::runtime::makeArgument(const TensorSpec &spec,
                                           nb::handle value,
                                           const DimNames &names,
                                           NamedSizes &sizes,
                                           int64_t *descriptor) {
  ArgumentStorage storage;
  storage.array = importArray(spec, value);
  const Array &array = storage.array;
  checkArray(spec, array, names, sizes);
  const void *data = array.data();
  if (!isUsableInPlace(spec, array)) {
    if (spec.writable)
      (Message(spec) << "expected a contiguous row-major array, since it is "
                        "updated in place; got one that is not")
          .raise();
    storage.copy.reset(std::malloc(array.size() * spec.element->size()));
    if (!storage.copy)
      throw std::bad_alloc();
    copyStrided(array, 0, static_cast<const char *>(data),
                static_cast<char *>(storage.copy.get()), spec.element->size());
    data = storage.copy.get();
  }

  size_t rank = spec.rank();
  descriptor[0] = descriptor[1] = reinterpret_cast<int64_t>(data);
  descriptor[2] = 0;
  int64_t stride = 1;
  for (size_t i = rank; i-- > 0;) {
    descriptor[3 + i] = static_cast<int64_t>(array.shape(i));
    descriptor[3 + rank + i] = stride;
    stride *= descriptor[3 + i];
  }
  return storage;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

nb::object gpt::runtime::makeResult(const TensorSpec &spec,
                                    const int64_t *descriptor,
                                    nb::handle owner) {
  // An empty array needs an address too; NumPy never reads from it.
  static int64_t nothing = 0;
  size_t rank = spec.rank();
  std::vector<size_t> shape(descriptor + 3, descriptor + 3 + rank);
  char *data = reinterpret_cast<char *>(descriptor[1]);
  if (data)
    data += descriptor[2] * static_cast<int64_t>(spec.element->size());
  else
    data = reinterpret_cast<char *>(&nothing);
  nb::ndarray<nb::numpy> array(data, rank, shape.data(), owner,
                               descriptor + 3 + rank, spec.element->carrier);
  return nb::cast(array);
}
