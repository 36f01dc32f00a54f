//===- RuntimeFunction.cpp - A compiled function ----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The binary interface, as pass gpt-emit-packed-entry describes it: one table
// of pointers, first to the storage of the results (if there are any), then to
// the memref descriptor of each argument.
//
//===----------------------------------------------------------------------===//

#include "RuntimeFunction.h"
#include "RuntimeMapping.h"
#include "RuntimeTeam.h"
#include "RuntimeWorkspace.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace nb = nanobind;
using namespace gpt::runtime;

//===----------------------------------------------------------------------===//
// Making functions
//===----------------------------------------------------------------------===//

/// Converts a description, giving new names of dimensions the next index.
static TensorSpec makeSpec(const PythonSpec &description, DimNames &names) {
  const auto &[name, element, shape, dims, writable] = description;
  TensorSpec spec{name, &ElementType::get(element), shape, {}, writable};
  if (dims.size() != shape.size())
    throw nb::value_error(
        ("'" + name + "': expected a name for each dimension").c_str());
  for (const std::string &dim : dims) {
    if (dim.empty()) {
      spec.dims.push_back(-1);
      continue;
    }
    auto found = std::find(names.begin(), names.end(), dim);
    spec.dims.push_back(static_cast<int>(found - names.begin()));
    if (found == names.end())
      names.push_back(dim);
  }
  return spec;
}

Function::Function(std::shared_ptr<Library> library, const std::string &name,
                   const std::vector<PythonSpec> &arguments,
                   const std::vector<PythonSpec> &results)
    : library(std::move(library)) {
  auto made = std::make_shared<Signature>();
  made->name = name;
  for (const PythonSpec &description : arguments)
    made->arguments.push_back(makeSpec(description, made->dimNames));
  for (const PythonSpec &description : results)
    made->results.push_back(makeSpec(description, made->dimNames));
  signature = made;
  checkBinaryInterface();
  entry = reinterpret_cast<Entry>(this->library->lookup("gpt_entry_" + name));
  slots.resize(firstArgumentSlot() + arguments.size(), nullptr);
  sizes.sizes.resize(made->dimNames.size());
  for (size_t i = 0; i < arguments.size(); ++i)
    free.push_back(i);
}

/// Compares the signature with what the compiler recorded beside the code. A
/// call with the wrong one would overwrite memory.
void Function::checkBinaryInterface() const {
  const std::string &name = signature->name;
  auto *recorded =
      static_cast<const int64_t *>(library->lookup("gpt_abi_" + name));
  if (!recorded || !library->lookup("gpt_entry_" + name))
    throw std::runtime_error("the compiled library has no function '" + name +
                             "'");
  auto slots =
      static_cast<int64_t>(firstArgumentSlot() + signature->arguments.size());
  auto resultBytes = static_cast<int64_t>(signature->getResultBytes());
  if (recorded[0] != slots || recorded[1] != resultBytes)
    throw std::runtime_error(
        "compiled function '" + name +
        "' does not fit its signature: expected " + std::to_string(slots) +
        " pointers and " + std::to_string(resultBytes) +
        " bytes of results, got " + std::to_string(recorded[0]) + " and " +
        std::to_string(recorded[1]));
}

/// Throws if memory that the function writes to belongs to two arguments.
/// `arguments` are descriptors, null where not given yet.
static void checkOverlaps(const Signature &signature, void *const *arguments) {
  struct Range {
    int64_t begin, end;
  };
  std::vector<Range> ranges(signature.arguments.size(), Range{0, 0});
  for (size_t i = 0; i < ranges.size(); ++i) {
    auto *descriptor = static_cast<const int64_t *>(arguments[i]);
    if (!descriptor)
      continue;
    const TensorSpec &spec = signature.arguments[i];
    auto bytes = static_cast<int64_t>(spec.element->size());
    for (size_t dim = 0; dim < spec.rank(); ++dim)
      bytes *= descriptor[3 + dim];
    ranges[i] = {descriptor[1], descriptor[1] + bytes};
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (!signature.arguments[i].writable)
      continue;
    for (size_t j = 0; j < ranges.size(); ++j)
      if (i != j && ranges[i].begin < ranges[j].end &&
          ranges[j].begin < ranges[i].end)
        throw nb::value_error(
            ("argument '" + signature.arguments[i].name +
             "' is written to and shares memory with argument '" +
             signature.arguments[j].name + "'; expected an array of its own")
                .c_str());
  }
}

Function Function::bind(nb::dict values) const {
  Function result = *this;
  bool isWritable = false;
  for (auto [key, value] : values) {
    size_t index = nb::cast<size_t>(key);
    auto position = std::find(result.free.begin(), result.free.end(), index);
    if (position == result.free.end())
      throw nb::index_error(("argument " + std::to_string(index) +
                             " is bound already or there "
                             "is none such")
                                .c_str());
    const TensorSpec &spec = signature->arguments[index];
    auto argument = std::make_shared<BoundArgument>();
    argument->descriptor.resize(getDescriptorWords(spec.rank()));
    argument->storage = makeArgument(spec, value, signature->dimNames,
                                     result.sizes, argument->descriptor.data());
    if (numCutMappings.load() != 0) // it may have been copied
      checkMapping(argument->storage.array.data());
    result.slots[firstArgumentSlot() + index] = argument->descriptor.data();
    result.bound.push_back(std::move(argument));
    result.free.erase(position);
    isWritable |= spec.writable;
  }
  if (isWritable)
    checkOverlaps(*signature, result.slots.data() + firstArgumentSlot());
  return result;
}

Function Function::withNumThreads(int count) const {
  Function result = *this;
  result.numThreads = count;
  return result;
}

//===----------------------------------------------------------------------===//
// Calling
//===----------------------------------------------------------------------===//

/// Returns the message of an assertion with the shapes of the arguments that it
/// names, such as "expected ...; got 'x' of shape (3, 4)".
static std::string describeFailure(std::string message,
                                   const Signature &signature,
                                   void *const *arguments) {
  std::string shapes;
  for (size_t i = 0; i < signature.arguments.size(); ++i) {
    const TensorSpec &spec = signature.arguments[i];
    std::string name = "'" + spec.name + "'";
    if (message.find(name) == std::string::npos)
      continue;
    shapes += (shapes.empty() ? "; got " : ", ") + name + " of shape (";
    auto *descriptor = static_cast<const int64_t *>(arguments[i]);
    for (size_t dim = 0; dim < spec.rank(); ++dim)
      shapes += (dim ? ", " : "") + std::to_string(descriptor[3 + dim]);
    shapes += ")";
  }
  return message + shapes;
}

nb::list Function::call(nb::args values) const {
  if (values.size() != free.size())
    throw nb::value_error(("function '" + signature->name + "' expected " +
                           std::to_string(free.size()) + " arguments, got " +
                           std::to_string(values.size()))
                              .c_str());
  size_t numWords = 0;
  for (size_t index : free)
    numWords += getDescriptorWords(signature->arguments[index].rank());
  std::vector<int64_t> descriptors(numWords);
  std::vector<ArgumentStorage> storage;
  storage.reserve(free.size());
  std::vector<void *> pointers = slots;
  NamedSizes callSizes = sizes;

  int64_t *next = descriptors.data();
  bool isWritable = false;
  for (size_t i = 0; i < free.size(); ++i) {
    const TensorSpec &spec = signature->arguments[free[i]];
    isWritable |= spec.writable;
    storage.push_back(
        makeArgument(spec, values[i], signature->dimNames, callSizes, next));
    pointers[firstArgumentSlot() + free[i]] = next;
    next += getDescriptorWords(spec.rank());
  }
  if (isWritable)
    checkOverlaps(*signature, pointers.data() + firstArgumentSlot());
  std::vector<int64_t> results(signature->getResultBytes() / sizeof(int64_t));
  if (!results.empty())
    pointers[0] = results.data();
  CallFailure failure;
  {
    nb::gil_scoped_release release;
    NumThreadsScope threads(numThreads);
    failure = callInWorkspace(entry, pointers.data());
  }
  if (failure.lackingBytes != 0) {
    PyErr_Format(PyExc_MemoryError,
                 "cannot allocate %lld bytes for results or intermediate "
                 "results of function '%s'",
                 static_cast<long long>(failure.lackingBytes),
                 signature->name.c_str());
    throw nb::python_error();
  }
  if (failure.message)
    throw nb::value_error(describeFailure(failure.message, *signature,
                                          pointers.data() + firstArgumentSlot())
                              .c_str());
  nb::list arrays =
      takeResults(results.data(), pointers.data() + firstArgumentSlot(),
                  signature->arguments.size());
  if (numCutMappings.load() != 0)
    checkMappings(storage);
  return arrays;
}

/// Throws FileCutError if numbers of this call may be wrong.
void Function::checkMappings(const std::vector<ArgumentStorage> &given) const {
  for (const std::shared_ptr<BoundArgument> &argument : bound)
    checkMapping(argument->storage.array.data());
  for (const ArgumentStorage &argument : given)
    checkMapping(argument.array.data());
}

/// Marks memory that nobody allocated: the address that MLIR gives to constants
/// in place of an allocation.
static constexpr int64_t kConstantMarker = 0xdeadbeef;

/// Returns `descriptor` with its contents moved to memory of its own.
static std::vector<int64_t> copyResult(const TensorSpec &spec,
                                       const int64_t *descriptor) {
  size_t rank = spec.rank(), itemSize = spec.element->size();
  std::vector<int64_t> copy(descriptor, descriptor + getDescriptorWords(rank));
  size_t numElements = 1;
  for (size_t i = rank; i-- > 0;) {
    copy[3 + rank + i] = static_cast<int64_t>(numElements);
    numElements *= static_cast<size_t>(descriptor[3 + i]);
  }
  // Only whole arguments and constants come here, and those are contiguous.
  char *memory = static_cast<char *>(std::malloc(numElements * itemSize));
  if (!memory && numElements > 0)
    throw std::bad_alloc();
  const char *source = reinterpret_cast<const char *>(descriptor[1]) +
                       descriptor[2] * static_cast<int64_t>(itemSize);
  if (numElements > 0)
    std::memcpy(memory, source, numElements * itemSize);
  copy[0] = copy[1] = reinterpret_cast<int64_t>(memory);
  copy[2] = 0;
  return copy;
}

nb::list Function::takeResults(const int64_t *descriptors,
                               void *const *arguments,
                               size_t numArguments) const {
  // Owners first: from there on nothing leaks, whatever is thrown.
  struct Result {
    std::vector<int64_t> descriptor;
    nb::object owner;
  };
  std::vector<Result> owned;
  for (const TensorSpec &spec : signature->results) {
    size_t words = getDescriptorWords(spec.rank());
    int64_t allocated = descriptors[0];
    auto isSame = [&](int64_t address) { return address == allocated; };
    bool isForeign =
        isSame(kConstantMarker) ||
        std::any_of(arguments, arguments + numArguments, [&](void *argument) {
          return isSame(*static_cast<int64_t *>(argument));
        });
    Result result;
    result.descriptor =
        isForeign && allocated != 0
            ? copyResult(spec, descriptors)
            : std::vector<int64_t>(descriptors, descriptors + words);
    auto twin = std::find_if(owned.begin(), owned.end(), [&](Result &other) {
      return other.descriptor[0] == result.descriptor[0];
    });
    if (twin != owned.end())
      result.owner = twin->owner;
    else if (result.descriptor[0] != 0)
      result.owner =
          nb::capsule(reinterpret_cast<void *>(result.descriptor[0]),
                      [](void *memory) noexcept { std::free(memory); });
    else
      result.owner = nb::none();
    owned.push_back(std::move(result));
    descriptors += words;
  }
  nb::list arrays;
  for (size_t i = 0; i < owned.size(); ++i)
    arrays.append(makeResult(signature->results[i], owned[i].descriptor.data(),
                             owned[i].owner));
  return arrays;
}
