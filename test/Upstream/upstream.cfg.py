"""lit configuration: upstream's own tests, with gpt-opt in mlir-opt's place.

The tests are those of the MLIR source that set-up fetches; nothing of them is copied.
`--param opt=mlir-opt` runs them with mlir-opt itself, to tell our failures from others.
"""

# `config` and `lit_config` are put into this file's namespace by lit.
# ruff: noqa: F821

import os
import sys

sys.path.insert(0, os.path.join(config.gpt_source_dir, "test", "Upstream"))

from upstream_tests import UpstreamTest

binaries = os.path.join(config.gpt_binary_dir, "bin")
config.name = "upstream"
config.test_format = UpstreamTest(os.path.join(binaries, "gpt-opt"))
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = config.upstream_test_dir
config.test_exec_root = os.path.join(config.gpt_binary_dir, "test", "Upstream")

config.environment["PATH"] = os.pathsep.join(
    [binaries, config.llvm_tools_dir, config.environment.get("PATH", "")]
)
# The tool's name as a word of its own.
tool = lit_config.params.get("opt", "gpt-opt")
config.substitutions.append((r"(?<![\w./-])mlir-opt(?![\w./-])", tool))
