"""The ops of a program, each compiled alone: what the `gpt` dialect says, op by op."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpt_mlir import ir
from gpt_mlir.compiler import lower, run_pipeline
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import InputError
from gpt_mlir.verify.evaluator import Computed, Interpreter
from gpt_mlir.verify.evaluator.interpreter import Frame, Handler
from gpt_mlir.verify.extraction import extract, outer_values
from gpt_mlir.verify.program import Call, Observation, Program, call_evaluated
from gpt_mlir.verify.reference import Array

__all__ = ["OpsProgram"]

_WEIGHT_NAME = re.compile(r'gpt\.weight = "[^"]*"')

# Computes the results of an op of the flat module, or leaves it to the evaluator (None).
_Compute = Callable[[Frame, Any], "list[Array] | None"]


@dataclass(frozen=True)
class _Sample:
    """An op with operands.

    Attributes:
        function: The function that is made of the op.
        what: The op with the shapes of its operands.
        arrays: The operands.
    """

    function: str
    what: str
    arrays: Sequence[Array]


class OpsProgram(Program):
    """Each distinct op of another program, alone, on operands that it has there.

    Ops are the same if they have the same attributes and types, and the same operands are weights.
    An op is run once for each combination of shapes, on the operands that come first.
    """

    def __init__(self, program: Program) -> None:
        """Makes a function of each op and collects operands.

        Raises:
            InputError: The program has no op of the dialect.
        """
        self._program = program
        self._flat = lower(program.module, "gpt")
        run_pipeline(self._flat, "inline,symbol-dce", quiet=True)
        # By the first result of the op.
        self._functions: dict[Any, str] = {}
        super().__init__(self._extract_ops())
        self._samples: dict[str, _Sample] = {}
        program.run(self._evaluate(self._collect))

    def run(self, call: Call) -> list[Observation]:
        """See `Program.run`."""
        observations = []
        for sample in self._samples.values():
            values = call(sample.function, sample.arrays)
            types = self.result_types(sample.function)
            for index, (value, dtype) in enumerate(zip(values, types, strict=True)):
                what = f"{sample.what}#{index}" if len(types) > 1 else sample.what
                observations.append(Observation(what, value, dtype))
        return observations

    def run_op_by_op(self, call: Call) -> list[Observation]:
        """Runs the whole program, each op of the dialect by a function of its own.

        Args:
            call: Runs the functions of this program.
        """

        def compute(frame: Frame, op: Any) -> list[Array] | None:
            name = self._functions.get(op.results[0])
            return None if name is None else call(name, _operands(frame, op))

        return self._program.run(self._evaluate(compute))

    def _extract_ops(self) -> Any:
        module: Any = None
        known: dict[str, str] = {}

        def visit(op: Any) -> Any:
            nonlocal module
            if op.name.startswith("gpt.") and _is_extractable(op):
                key = _WEIGHT_NAME.sub("gpt.weight", str(extract([op])))
                if key not in known:
                    known[key] = f"op{len(known)}_{op.name.removeprefix('gpt.')}"
                    module = extract([op], module=module, name=known[key])
                self._functions[op.results[0]] = known[key]
            return ir.WalkResult.ADVANCE

        with self._flat.context:
            self._flat.operation.walk(visit, ir.WalkOrder.PRE_ORDER)
        if module is None:
            raise InputError("the module has no op of the gpt dialect that could be run alone")
        return module

    def _evaluate(self, compute: _Compute) -> Call:
        """Returns a call of the evaluator that asks `compute` first."""
        interpreter = Interpreter(self._flat)

        def overriding(inner: Handler) -> Handler:
            def handle(frame: Frame, op: Any, operands: Sequence[Array]) -> Sequence[Computed]:
                found = compute(frame, op)
                return inner(frame, op, operands) if found is None else [*map(Computed, found)]

            return handle

        handlers: Mapping[str, Handler] = interpreter.handlers
        interpreter.handlers = {
            name: overriding(handler) if name.startswith("gpt.") else handler
            for name, handler in handlers.items()
        }
        return call_evaluated(interpreter, self._flat)

    def _collect(self, frame: Frame, op: Any) -> None:
        function = self._functions.get(op.results[0])
        if function is None:
            return
        shapes = " x ".join(
            str([*np.shape(frame.value(operand))]) for operand in op.operands if _is_tensor(operand)
        )
        what = f"{op.name} {shapes}"
        self._samples.setdefault(
            f"{function} {what}", _Sample(function, what, _operands(frame, op))
        )


def _is_tensor(value: Any) -> bool:
    return isinstance(value.type, ir.RankedTensorType)


def _is_extractable(op: Any) -> bool:
    """Whether all that a function of `op` needs can be passed to it."""
    return all(_is_tensor(value) for value in (*outer_values([op]), *op.results))


def _operands(frame: Frame, op: Any) -> list[Array]:
    """Returns what the function of `op` is called with, in the types that it is stored in."""
    return [
        np.asarray(frame.value(value)).astype(DType.of(value.type.element_type).numpy, copy=False)
        for value in outer_values([op])
    ]
