//===- RuntimeModule.cpp - Python module that runs compiled code -*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `gpt_mlir._runtime`: loading compiled libraries and calling their functions.
// It links neither MLIR nor LLVM: a process that finds its code in the object
// cache never loads the compiler.
//
//===----------------------------------------------------------------------===//

#include "RuntimeFunction.h"
#include "RuntimeLibrary.h"
#include "RuntimeMapping.h"
#include "RuntimeProcessors.h"
#include "RuntimeTeam.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace nb = nanobind;
using namespace nanobind::literals;
using namespace gpt::runtime;

NB_MODULE(_runtime, m) {
  // As in MLIR's own modules: what is still referenced when the interpreter
  // ends (a cached function, another thread) is no leak to tell a user about.
  nb::set_leak_warnings(false);
  m.doc() = "Loads and runs compiled code; needs neither MLIR nor LLVM.";
  loadSystemLibraries();

  nb::exception<FileCutError>(m, "FileCutError", PyExc_RuntimeError);
  nb::register_exception_translator(
      [](const std::exception_ptr &pointer, void *) {
        try {
          std::rethrow_exception(pointer);
        } catch (const std::system_error &error) {
          errno = error.code().value();
          PyErr_SetFromErrno(PyExc_OSError);
        }
      });

  nb::class_<FileMapping>(m, "FileMapping", "A file mapped for reading.")
      .def(nb::init<int, size_t, std::string>(), "file"_a, "size"_a, "name"_a,
           "Maps the first `size` bytes of an open file, which may be closed\n"
           "then. `name` is what messages call it. Raises OSError.")
      .def_prop_ro(
          "bytes",
          [](nb::handle self) {
            auto *mapping = nb::cast<FileMapping *>(self);
            return nb::ndarray<nb::numpy, const uint8_t, nb::ndim<1>>(
                mapping->getData(), {mapping->getSize()}, self);
          },
          "The bytes, as a read-only NumPy array.")
      .def_prop_ro("file_size", &FileMapping::getFileSize,
                   "How long the file is now.")
      .def("release", &FileMapping::release, "begin"_a, "size"_a,
           "Says that these bytes are not needed for a while.")
      .def("expect_rows", &FileMapping::expectRows, "begin"_a, "size"_a,
           "Says that of these bytes only few will be read, here and there.")
      .def("check", &FileMapping::check,
           "Raises FileCutError if a page was touched that is not in the file\n"
           "any more; it reads as zeros.");

  nb::class_<Library>(m, "Library", "A loaded shared library.")
      .def_static("open", &Library::open, "path"_a,
                  "Loads a file. Raises RuntimeError.")
      .def_static(
          "from_bytes",
          [](nb::bytes bytes, const std::string &name) {
            return Library::fromBytes(
                std::string_view(bytes.c_str(), bytes.size()), name);
          },
          "bytes"_a, "name"_a = "gpt-mlir",
          "Loads a library from memory. Raises RuntimeError.")
      .def_prop_ro(
          "workspace_bytes", &Library::getWorkspaceBytes,
          "The memory that is kept for intermediates of the next calls.");

  nb::class_<Function>(m, "Function", "A compiled function.")
      .def(nb::init<std::shared_ptr<Library>, const std::string &,
                    const std::vector<PythonSpec> &,
                    const std::vector<PythonSpec> &>(),
           "library"_a, "name"_a, "arguments"_a, "results"_a,
           "Finds function `name`. Arguments and results are described by\n"
           "(name, dtype, shape with -1 for dynamic, names of dims, writable).")
      .def("bind", &Function::bind, "values"_a,
           "Returns a function with the arguments of these indices bound.")
      .def("with_num_threads", &Function::withNumThreads, "count"_a,
           "Returns this function, for calls that use `count` threads; 0 for\n"
           "as many as the process has set.")
      .def("__call__", &Function::call, "values"_a,
           "Runs the function on the arguments that are not bound. Returns\n"
           "the results as new NumPy arrays; bf16 comes as uint16.")
      .def_prop_ro("free", &Function::getFree,
                   "The indices of the arguments that a call takes.");

  m.attr("MAX_THREADS") = kMaxThreads;
  m.def("set_num_threads", &setNumThreads, "count"_a,
        "Sets the threads that calls use unless told otherwise; 0 for as many\n"
        "as there are usable processors.");
  m.def("get_num_threads", &getNumThreads,
        "Returns how many threads a call would use.");
  m.def("set_spin_time", &setSpinTime, "microseconds"_a,
        "Sets how long a thread without work looks out for more before it\n"
        "sleeps.");
  m.def("usable_processors", &countUsableProcessors,
        "Returns the processors that affinity and control groups leave.");
  m.def(
      "processor_quota", &readProcessorQuota, "root"_a = "",
      "Returns the limit of control groups in processors, or None. Looks for\n"
      "all files below folder `root`.");
}
