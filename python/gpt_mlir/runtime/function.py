"""A compiled function as a Python callable.

`Function` adds names to the extension module's positional functions: inputs by keyword, weights by
checkpoint name, results by output name. Binding is done once and checked then; a call checks only
what it is given. A function never changes, so threads may share it; each `bind` makes another one.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gpt_mlir import _runtime
from gpt_mlir.errors import InputError
from gpt_mlir.runtime.arrays import from_carrier, to_carrier
from gpt_mlir.runtime.signature import FunctionSignature, TensorSignature, names
from gpt_mlir.runtime.threads import check_num_threads

__all__ = ["Function", "Result"]

Result = np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]] | None


def _describe(tensor: TensorSignature) -> tuple[str, str, list[int], list[str], bool]:
    """The form in which the extension module takes a signature."""
    shape = [-1 if size is None else size for size in tensor.shape]
    return tensor.name, str(tensor.dtype), shape, list(tensor.dims), tensor.kind == "cache"


class Function:
    """A function of compiled code.

    Call it with its inputs by name or in order (`signature.inputs`, then `signature.caches`,
    without what is bound). The result is an array if the function has one output, a dict of arrays
    by output name if it has several, None if it has none. Results are new arrays that own their
    memory. Caches are arguments that the call updates in place; they must be contiguous and
    writable and must not be used by another call at the same time.

    Inputs of the expected dtype that are row-major and contiguous are not copied.
    """

    def __init__(self, library: _runtime.Library, signature: FunctionSignature) -> None:
        arguments = [_describe(argument) for argument in signature.arguments]
        results = [_describe(result) for result in signature.results]
        self._setup(signature, _runtime.Function(library, signature.name, arguments, results))

    def _setup(self, signature: FunctionSignature, raw: _runtime.Function) -> None:
        self._signature = signature
        self._raw = raw
        free = [signature.arguments[index] for index in raw.free]
        self._free = free
        self._unbound_weights = [argument for argument in free if argument.kind == "weight"]
        order = [*(a for a in free if a.kind in ("input", "positions"))]
        order += [a for a in free if a.kind == "cache"]
        self._order = [argument.name for argument in order]

    @property
    def name(self) -> str:
        """The function's name in the module it was compiled from."""
        return self._signature.name

    @property
    def signature(self) -> FunctionSignature:
        """All arguments and results, bound or not."""
        return self._signature

    @property
    def unbound_weights(self) -> list[TensorSignature]:
        """The weights that must be bound before a call."""
        return list(self._unbound_weights)

    def __repr__(self) -> str:
        return f"<compiled function {self._signature}>"

    def bind(self, weights: Mapping[str, Any] | None = None, /, **arguments: Any) -> Function:
        """Returns this function with some arguments fixed.

        The arrays are kept, not copied (unless they are not contiguous): weights may be views of a
        memory-mapped file.

        Args:
            weights: Arrays by argument name, which for weights is the checkpoint name.
            **arguments: The same, for names that are identifiers.

        Raises:
            InputError: There is no such argument, it is bound already, or an array does not fit.
        """
        values: dict[int, Any] = {}
        for name, value in {**(weights or {}), **arguments}.items():
            index = self._signature.index(name)
            if index is None:
                raise InputError(self._unknown(name))
            if index not in self._raw.free:
                raise InputError(f"function '{self.name}': argument '{name}' is bound already")
            values[index] = value
        try:
            arguments_of = self._signature.arguments
            raw = self._raw.bind(
                {index: to_carrier(value, arguments_of[index]) for index, value in values.items()}
            )
        except ValueError as error:
            raise InputError(f"function '{self.name}': {error}") from None
        return self._replace(raw)

    def with_num_threads(self, count: int | None) -> Function:
        """Returns this function, using so many threads.

        Args:
            count: 1 to 256; None for as many as `gpt_mlir.get_num_threads()` says at a call.

        Raises:
            InputError: `count` is something else.
        """
        return self._replace(self._raw.with_num_threads(check_num_threads(count)))

    def _replace(self, raw: _runtime.Function) -> Function:
        other = object.__new__(type(self))
        other._setup(self._signature, raw)
        return other

    def __call__(
        self, *args: Any, weights: Mapping[str, Any] | None = None, **inputs: Any
    ) -> Result:
        """Runs the function.

        Args:
            *args: Inputs, then caches, in order, without those that are bound.
            weights: Weights to bind for this call only.
            **inputs: Inputs and caches by name.

        Raises:
            InputError: An argument is missing, unknown, or does not fit the signature.
        """
        if weights is not None:
            return self.bind(weights)(*args, **inputs)
        if self._unbound_weights:
            raise InputError(
                f"function '{self.name}' needs weights that are not bound: "
                f"{names(self._unbound_weights)}; pass weights={{...}} or use bind()"
            )
        values = self._collect(args, inputs)
        try:
            arrays = self._raw(
                *[to_carrier(values[argument.name], argument) for argument in self._free]
            )
        except ValueError as error:
            raise InputError(f"function '{self.name}': {error}") from None
        results = self._signature.results
        if len(results) == 1:
            return from_carrier(arrays[0], results[0].dtype)
        if not results:
            return None
        return {
            result.name: from_carrier(array, result.dtype)
            for result, array in zip(results, arrays, strict=True)
        }

    def _collect(self, args: tuple[Any, ...], inputs: dict[str, Any]) -> dict[str, Any]:
        """Gives every passed value its name; checks that none is missing or too many."""
        if len(args) > len(self._order):
            raise InputError(
                f"function '{self.name}' expected at most {len(self._order)} positional arguments "
                f"({', '.join(self._order)}), got {len(args)}"
            )
        values = dict(zip(self._order, args, strict=False))
        for name, value in inputs.items():
            if name not in self._order:
                index = self._signature.index(name)
                raise InputError(
                    self._unknown(name)
                    if index is None
                    else f"function '{self.name}': argument '{name}' is bound already"
                )
            if name in values:
                raise InputError(
                    f"function '{self.name}': argument '{name}' is given twice, "
                    "by position and by name"
                )
            values[name] = value
        if len(values) < len(self._order):
            missing = [argument for argument in self._free if argument.name not in values]
            raise InputError(f"function '{self.name}': missing arguments {names(missing)}")
        return values

    def _unknown(self, name: str) -> str:
        known = [argument.name for argument in self._signature.arguments]
        close = difflib.get_close_matches(name, known, n=1)
        hint = (
            f"did you mean '{close[0]}'?"
            if close
            else f"it has {names(self._signature.arguments) or 'none'}"
        )
        return f"function '{self.name}' has no argument '{name}'; {hint}"
