//===- GptModule.cpp - registration of the gpt dialect ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module `_gpt`: what MLIR's Python package calls to make a context know
// the gpt dialect and all upstream dialects, and the pass manager know all
// passes and pipelines. `_site_initialize_0.py` connects it. Also, what Python
// asks of text and of IR.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Dialects.h"
#include "gpt-c/Input.h"
#include "gpt-c/Shape.h"
#include "gpt-c/Threads.h"
#include "mlir/Bindings/Python/Nanobind.h"
#include "mlir/Bindings/Python/NanobindAdaptors.h"

#include <string>
#include <vector>

namespace nb = nanobind;

NB_MODULE(_gpt, m) {
  m.doc() = "Registration of the gpt dialect, its passes and pipelines.";

  m.def("register_dialects", &gptRegisterAllDialects, nb::arg("registry"),
        "Adds the gpt dialect and all upstream dialects and extensions.");
  m.def(
      "load_dialects",
      [](MlirContext context, const std::vector<std::string> &names) {
        for (const std::string &name : names)
          if (mlirDialectIsNull(mlirContextGetOrLoadDialect(
                  context, mlirStringRefCreate(name.data(), name.size()))))
            throw nb::value_error(
                ("dialect '" + name + "' is not registered").c_str());
      },
      nb::arg("context"), nb::arg("names"),
      "Loads registered dialects without importing their Python modules.");
  m.def("share_threads", &gptShareThreads, nb::arg("context"),
        "Lets a context run on the threads that all contexts share; see "
        "gpt-c/Threads.h.");
  m.def("register_passes", &gptRegisterAllPasses,
        "Registers all passes and pipelines; repeated calls have no effect.");
  m.def(
      "check_nesting",
      [](const std::string &text) {
        std::string error;
        auto keep = [](MlirStringRef message, void *data) {
          static_cast<std::string *>(data)->assign(message.data,
                                                   message.length);
        };
        if (mlirLogicalResultIsFailure(gptCheckNesting(
                mlirStringRefCreate(text.data(), text.size()), keep, &error)))
          throw nb::value_error(error.c_str());
      },
      nb::arg("text"),
      "Raises ValueError, with the line, if brackets of the text are nested "
      "so\n"
      "deeply that MLIR's parser would end the process.");
  m.def(
      "find_dim_source",
      [](MlirValue value, intptr_t axis) {
        gptFindDimSource(&value, &axis);
        return nb::make_tuple(value, axis);
      },
      nb::arg("value"), nb::arg("axis"),
      "Returns the value and axis where the size of a dimension comes from.");
}
