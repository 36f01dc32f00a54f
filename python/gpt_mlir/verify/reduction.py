"""Reduces a module to the smallest part that still shows a failure.

Calls are inlined; then single ops are tried, each as a function of its own; then the ops of a
function are taken away by delta debugging. Of what is left, static extents are divided and dynamic
ones made small. A candidate that is not valid, or that cannot be evaluated, does not count.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gpt_mlir import ir
from gpt_mlir.compiler import lower, run_pipeline
from gpt_mlir.errors import GptMlirError
from gpt_mlir.verify.extraction import extract
from gpt_mlir.verify.inputs import InputOptions, dynamic_dims

__all__ = ["Fails", "reduce_module"]

# Whether a module still fails with such inputs.
Fails = Callable[[Any, InputOptions], bool]

_DIVISORS = (2, 3, 5, 7)
_SMALL = (1, 2, 3, 5, 9)


def reduce_module(module: Any, inputs: InputOptions, fails: Fails) -> tuple[Any, InputOptions]:
    """Returns a smaller module that still fails, and inputs that show it.

    Args:
        module: A module that fails with `inputs`; it is not changed.
        inputs: Its inputs.
        fails: The test.
    """
    flat = lower(module, "gpt")
    run_pipeline(flat, "inline,symbol-dce", quiet=True)
    test = _careful(fails)
    if not test(flat, inputs):
        return module, inputs
    by_place = dataclasses.replace(inputs, sizes={})
    with flat.context:
        ops = next(_failing_ops(flat, by_place, test), None)
        if ops is None:
            return flat, inputs
        reduced = _divide_extents(extract(ops), by_place, test)
    return reduced, _fewer_inputs(reduced, by_place, test)


def _careful(fails: Fails) -> Fails:
    def test(module: Any, inputs: InputOptions) -> bool:
        try:
            return bool(module.operation.verify()) and fails(module, inputs)
        except (GptMlirError, ValueError, ir.MLIRError):  # type: ignore[attr-defined]
            return False

    return test


def _failing_ops(module: Any, inputs: InputOptions, fails: Fails) -> Iterator[list[Any]]:
    """Yields sets of ops that fail, a single op if there is one."""
    functions = [_body(view.operation) for view in module.body.operations]
    seen = set()
    for op in (op for body in functions for op in body if op.name.startswith("gpt.")):
        key = (op.name, str(op.attributes), str([o.type for o in op.operands]))
        if key not in seen:
            seen.add(key)
            if fails(extract([op]), inputs):
                yield [op]
    for body in functions:
        if body and fails(extract(body), inputs):
            yield _without(body, inputs, fails)


def _without(ops: Sequence[Any], inputs: InputOptions, fails: Fails) -> list[Any]:
    """Takes ops away, in halves first, as long as the rest fails."""
    kept = list(ops)
    size = len(kept) // 2
    while size >= 1:
        begin = 0
        while begin < len(kept):
            fewer = kept[:begin] + kept[begin + size :]
            if fewer and fails(extract(fewer), inputs):
                kept = fewer
            else:
                begin += size
        size //= 2
    return kept


def _body(function: Any) -> list[Any]:
    """Returns the ops of a function that can be taken apart."""
    if function.name != "func.func" or not function.regions[0].blocks:
        return []
    operations = [view.operation for view in function.regions[0].blocks[0].operations]
    return [op for op in operations[:-1] if not len(op.regions)]


def _divide_extents(module: Any, inputs: InputOptions, fails: Fails) -> Any:
    """Divides static extents by small numbers as long as the module fails."""
    progress = True
    while progress:
        progress = False
        ops = _body(module.body.operations[0].operation)
        for divisor in _DIVISORS:
            candidate = extract(ops, functools.partial(_divided, divisor=divisor))
            if str(candidate) != str(module) and fails(candidate, inputs):
                module, progress = candidate, True
                break
    return module


def _divided(kind: Any, divisor: int) -> Any:
    if not isinstance(kind, ir.RankedTensorType):
        return kind
    shape = [
        size // divisor if size > divisor and size % divisor == 0 else size
        for size in (
            ir.ShapedType.get_dynamic_size() if kind.is_dynamic_dim(i) else kind.get_dim_size(i)
            for i in range(kind.rank)
        )
    ]
    return ir.RankedTensorType.get(shape, kind.element_type)


def _fewer_inputs(module: Any, inputs: InputOptions, fails: Fails) -> InputOptions:
    """Returns as few and as small inputs as still show the failure."""
    for trials in range(1, inputs.trials):
        fewer = dataclasses.replace(inputs, trials=trials)
        if fails(module, fewer):
            inputs = fewer
            break
    sizes: Mapping[str, int] = {}
    for name in dynamic_dims(module):
        for size in _SMALL:
            candidate = dataclasses.replace(inputs, sizes={**sizes, name: size})
            if fails(module, candidate):
                sizes = candidate.sizes
                break
    return dataclasses.replace(inputs, sizes=sizes)
