"""What verification runs: calls of functions, the same in compiled code and in the evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gpt_mlir.compiler.manifest import read_signatures
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import InputError
from gpt_mlir.runtime import Executable, FunctionSignature
from gpt_mlir.verify.evaluator import Expected, Interpreter, Noise, expect_all
from gpt_mlir.verify.inputs import InputOptions, check_memory, check_sizes, make_inputs
from gpt_mlir.verify.reference import Array

__all__ = ["Call", "ModuleProgram", "Observation", "Program", "call_compiled", "call_evaluated"]

# Shapes in a message.
_SHOWN = 8

# Runs a function with one array per argument; returns one per result, then the updated caches.
Call = Callable[[str, Sequence[Array]], list[Array]]


@dataclass(frozen=True)
class Observation:
    """One result that is compared.

    Attributes:
        what: Names it: function, trial or step, result.
        value: The array.
        dtype: Its element type in compiled code.
        token: Whether its largest element in the last row is the next token.
    """

    what: str
    value: Array
    dtype: DType
    token: bool = False


class Program:
    """Calls of the functions of one module.

    Attributes:
        module: The module.
        signatures: Its public functions, by name.
    """

    def __init__(self, module: Any) -> None:
        """Reads the signatures.

        Raises:
            CompileError: The module has no public function of tensors.
        """
        self.module = module
        self.signatures: Mapping[str, FunctionSignature] = {
            signature.name: signature for signature in read_signatures(module)
        }

    def run(self, call: Call) -> list[Observation]:
        """Makes all calls through `call` and returns the results, always the same ones."""
        raise NotImplementedError

    @cached_property
    def expected(self) -> list[Expected]:
        """What each observation should be, by the evaluator."""
        types = [observation.dtype for observation in self.run(self.evaluator())]

        def run(noise: Noise | None) -> list[Array]:
            return [observation.value for observation in self.run(self.evaluator(noise))]

        return expect_all(run, types)

    def evaluator(self, noise: Noise | None = None) -> Call:
        """Returns a call of the evaluator."""
        return call_evaluated(Interpreter(self.module, noise=noise), self.module)

    def result_types(self, name: str) -> list[DType]:
        """Returns the element types of what a call of a function returns."""
        signature = self.signatures[name]
        return [tensor.dtype for tensor in (*signature.results, *signature.caches)]


class ModuleProgram(Program):
    """Every public function of a module, with random inputs."""

    def __init__(self, module: Any, options: InputOptions) -> None:
        """Makes the inputs.

        Raises:
            CompileError: The module has no public function of tensors.
            InputError: A size is given for a dimension that there is not, or the inputs do not fit
                into memory.
        """
        super().__init__(module)
        check_sizes(list(self.signatures.values()), options)
        check_memory(list(self.signatures.values()), options)
        self._calls = [
            (signature, trial, make_inputs(signature, trial, options))
            for signature in self.signatures.values()
            for trial in range(options.trials)
        ]

    def run(self, call: Call) -> list[Observation]:
        """See `Program.run`."""
        return [
            Observation(f"@{signature.name} trial {trial} result {index}", value, dtype)
            for signature, trial, arrays in self._calls
            for index, (value, dtype) in enumerate(
                zip(call(signature.name, arrays), self.result_types(signature.name), strict=True)
            )
        ]


def call_compiled(executable: Executable, weights: Mapping[str, Array] | None = None) -> Call:
    """Returns a call of compiled code in the form of a `Program`: by position, caches functional.

    Args:
        executable: The code.
        weights: Weights by name, bound once for all calls; others are passed with each call.
    """
    bound = executable.bind(weights) if weights else executable

    def call(name: str, arguments: Sequence[Array]) -> list[Array]:
        function = bound.function(name)
        signature = function.signature
        named = {
            argument.name: np.array(array) if argument.kind == "cache" else array
            for argument, array in zip(signature.arguments, arguments, strict=True)
        }
        own = {weight.name: named[weight.name] for weight in function.unbound_weights}
        # A call refuses positions that code clamps; of what is bound it looks at the shape only.
        own |= {a.name: named[a.name] for a in signature.of_kind("positions")}
        if own:
            function = function.bind(own)
        inputs: dict[str, Any] = {
            a.name: named[a.name] for a in signature.of_kind("input", "cache")
        }
        returned = function(**inputs)
        results = list(returned.values()) if isinstance(returned, dict) else [returned]
        values = [value for value in results if value is not None]
        return [*values, *(named[cache.name] for cache in signature.caches)]

    return call


def call_evaluated(interpreter: Interpreter, module: Any) -> Call:
    """Returns a call of an evaluator of `module` in the form of a `Program`.

    Raises, when called:
        InputError: The module cannot be computed for inputs of these shapes.
    """

    def call(name: str, arguments: Sequence[Array]) -> list[Array]:
        try:
            results = interpreter.call(name, arguments)
        except (ValueError, IndexError) as error:
            shapes = ", ".join(str(list(array.shape)) for array in arguments[:_SHOWN])
            raise InputError(
                f"function '{name}' cannot be computed for inputs of shapes {shapes}: {error}; "
                "extents that must be equal need one name (gpt.dims), or sizes that fit (--size)"
            ) from None
        caches = _cache_results(module, name)
        order = sorted(range(len(results)), key=lambda index: index in caches)
        return [results[index] for index in order]

    return call


def _cache_results(module: Any, name: str) -> set[int]:
    """Returns which results of a function are updated caches."""
    for view in module.body.operations:
        attributes = view.operation.attributes
        if "sym_name" in attributes and attributes["sym_name"].value == name:
            if "res_attrs" not in attributes:
                return set()
            return {
                index
                for index, result in enumerate(attributes["res_attrs"])
                if "gpt.cache" in result
            }
    return set()
