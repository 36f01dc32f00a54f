"""Upstream's tests as lit runs them here, and which of them are left out.

A test may need what exists in upstream's build only: passes and dialects of its test folder. Rules
find those, since rules hold for other releases, too; what no rule catches is named.
"""

import re
import subprocess

import lit.formats
import lit.Test

_TEST_OP = "ops of upstream's test dialect, unregistered here, have no known effects or regions"
_TEST_BYTECODE = "bytecode with upstream's test dialect"

# Tests that no rule catches, by their path in upstream's test folder.
NAMED: dict[str, str] = {
    "Bytecode/versioning/versioned_attr.mlir": _TEST_BYTECODE,
    "Bytecode/versioning/versioned_bytecode.mlir": _TEST_BYTECODE,
    "Bytecode/versioning/versioned_op.mlir": _TEST_BYTECODE,
    "Bytecode/versioning/versioned_op_with_native_properties.mlir": _TEST_BYTECODE,
    "Dialect/Bufferization/Transforms/one-shot-bufferize-partial.mlir": (
        "upstream's dialect filter dereferences the missing dialect of an unregistered op"
    ),
    "Dialect/Func/func-transform.mlir": _TEST_OP,
    "Dialect/Transform/test-pdl-extension.mlir": (
        "upstream's PDL interpreter crashes on an op of the test dialect if that is not registered"
    ),
    "Dialect/Vector/canonicalize.mlir": _TEST_OP,
    "IR/check-help-output.mlir": "expects the name of upstream's tool",
    "IR/invalid-file-metadata.mlir": "resources of upstream's test dialect",
    "IR/pretty-region-args.mlir": _TEST_OP,
    "IR/print-value-users.mlir": _TEST_OP,
    "Transforms/canonicalize-block-merge.mlir": _TEST_OP,
    "Transforms/inlining-dce.mlir": _TEST_OP,
    "Transforms/sccp.mlir": _TEST_OP,
    "mlir-opt/commandline.mlir": "lists the dialects of upstream's tool",
}

_RUN = re.compile(r"RUN:\s?(.*)")
# Passes, pipelines and options that upstream keeps in its test folder are called so.
_TEST_OPTION = re.compile(r"(?<![\w./%-])-{0,2}(test-[a-z0-9][\w-]*|[a-z][\w-]*-test)\b(?![\w.-])")
_TEST_PASS = re.compile(r"\"(test-[a-z0-9][\w-]*)\"")
# Ops, attributes and types of the dialects there; in quotes an op need not be registered.
_TEST_DIALECT = re.compile(r"(?<![\w\"%@.$/-])[#!]?(test(?:_\w+)?\.[a-z]\w*)")
_QUOTED_TEST_OP = re.compile(r"\"(test(?:_\w+)?\.\w+)\"")
_TEST_TRANSFORM = re.compile(r"\b(transform\.(?:test|debug_test)_\w+|transform\.test\.\w+)")


class UpstreamTest(lit.formats.ShTest):
    """A test with RUN lines; one that is left out is unsupported, and says why."""

    def __init__(self, tool):
        """Asks a tool, which takes mlir-opt's place, for its options."""
        super().__init__(execute_external=False)
        text = subprocess.run([tool, "--help-hidden"], capture_output=True, text=True, check=True)
        names = re.findall(r"^\s+--?=?([\w-]+)", text.stdout, re.MULTILINE)
        self.options = frozenset(names)

    def execute(self, test, lit_config):
        """Runs a test, or says why not."""
        with open(test.getSourcePath(), encoding="utf-8", errors="replace") as file:
            text = file.read()
        why = self.why_not("/".join(test.path_in_suite), text)
        if why is not None:
            return lit.Test.Result(lit.Test.UNSUPPORTED, why)
        return super().execute(test, lit_config)

    def why_not(self, name, text):
        """Returns why a test is left out, or None if it is to pass."""
        if name in NAMED:
            return NAMED[name]
        runs = "\n".join(_RUN.findall(text))
        body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
        for option in _TEST_OPTION.findall(runs) + _TEST_PASS.findall(body):
            if option not in self.options:
                return f"'{option}' is only in upstream's mlir-opt"
        found = _TEST_TRANSFORM.search(body) or _TEST_DIALECT.search(body)
        if found is None and "allow-unregistered-dialect" not in runs:
            found = _QUOTED_TEST_OP.search(body)
        return f"'{found[1]}' is only in upstream's mlir-opt" if found else None
