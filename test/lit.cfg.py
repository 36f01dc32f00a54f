"""lit configuration of the FileCheck tests.

The test tree mirrors dialect/, lib/ and python/. Tools of this project come
from the build tree, those of LLVM (FileCheck, not, count, split-file,
mlir-opt, llc ...) from the installed LLVM; both are put in front of PATH, so
a RUN line names them plainly.
"""

# `config` and `lit_config` are put into this file's namespace by lit.
# ruff: noqa: F821

import os

import lit.formats

config.name = "gpt-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".c"]
config.excludes = ["Inputs", "CMakeLists.txt", "Upstream", "python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.gpt_binary_dir, "test")

config.environment["PATH"] = os.pathsep.join(
    [
        os.path.join(config.gpt_binary_dir, "bin"),
        config.llvm_tools_dir,
        config.environment.get("PATH", ""),
    ]
)
# A failing FileCheck shows its input around the mismatch.
config.environment["FILECHECK_OPTS"] = "--enable-var-scope --dump-input=fail"
if "address" in config.sanitizers:
    # MLIR keeps its command-line options and registries for the process's life,
    # and a container filled by the uninstrumented libMLIR has no annotations.
    # LLVM gives the thread that writes its first file a stack for signals, which
    # the sanitizer would take for its own when the thread ends.
    config.environment["ASAN_OPTIONS"] = ":".join(
        ["detect_leaks=0", "detect_container_overflow=0", "use_sigaltstack=0"]
    )

if config.gpt_python_enabled:
    config.available_features.add("python")
    config.environment["PYTHONPATH"] = os.path.join(config.gpt_binary_dir, "python_packages")

config.substitutions.append(("%python", config.python_executable))
config.substitutions.append(("%llvm_lib_dir", config.llvm_library_dir))
config.substitutions.append(("%shlibext", ".so"))
