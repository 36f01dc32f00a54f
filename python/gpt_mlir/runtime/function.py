"""A compiled function as a Python callable.

`Function` adds names to the extension module's positional functions: inputs by keyword, weights by
checkpoint name, results by output name. Binding is done once and checked then; a call checks only
what it is given. A function never changes, so threads may share it; each `bind` makes another one.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gpt_mlir import _runtime
from gpt_mlir.errors import CheckpointError, InputError
from gpt_mlir.runtime.arrays import from_carrier, to_carrier
from gpt_mlir.runtime.packing import (
    AnonymousMemory,
    PackedWeight,
    Packer,
    Packing,
    provide,
)
from gpt_mlir.runtime.signature import FunctionSignature, TensorSignature, describe, names
from gpt_mlir.runtime.threads import check_num_threads

__all__ = ["Function", "Result"]

Result = np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]] | None


class Function:
    """A function of compiled code.

    Call it with its inputs by name or in order (`signature.inputs`, then `signature.caches`,
    without what is bound). The result is an array if the function has one output, a dict of arrays
    by output name if it has several, None if it has none. Results are new arrays that own their
    memory. Caches are arguments that the call updates in place; they must be contiguous and
    writable and must not be used by another call at the same time.

    Inputs of the expected dtype that are row-major and contiguous are not copied.
    """

    def __init__(
        self,
        library: _runtime.Library,
        signature: FunctionSignature,
        packing: Packing | None = None,
    ) -> None:
        kept, packed = (packing or Packing()).of(signature)
        arguments = [signature.arguments[place] for place in kept]
        specs = [describe(argument) for argument in arguments]
        specs += [describe(weight.signature) for weight in packed]
        results = [describe(result) for result in signature.results]
        self._signature = signature
        # The places of arguments in what the code takes; those of packed weights follow.
        self._places = {argument.name: place for place, argument in enumerate(arguments)}
        by_name = {argument.name: argument for argument in signature.arguments}
        self._packers = {
            len(kept) + i: Packer(library, weight, [by_name[name] for name in weight.sources])
            for i, weight in enumerate(packed)
        }
        self._setup(_runtime.Function(library, signature.name, specs, results), {}, frozenset())

    def _setup(
        self, raw: _runtime.Function, held: Mapping[str, Any], bound: frozenset[str]
    ) -> None:
        self._raw = raw
        # Weights that are bound, but not yet all that have to be packed with them.
        self._held = held
        self._bound = bound
        free = [argument for argument in self._signature.arguments if argument.name not in bound]
        self._unbound_weights = [argument for argument in free if argument.kind == "weight"]
        order = [*(a for a in free if a.kind in ("input", "positions"))]
        order += [a for a in free if a.kind == "cache"]
        self._free = free
        self._sequences = {argument.name for argument in self._signature.sequences}
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

    @property
    def also_packed(self) -> list[str]:
        """The weights that the code takes as they are, too, beside their packed form.

        It reads rows of them that inputs tell, as of an embedding: whatever reads all of a weight
        reads the packed form.
        """
        packed = {name for packer in self._packers.values() for name in packer.weight.sources}
        return [name for name in self._places if name in packed]

    def __repr__(self) -> str:
        return f"<compiled function {self._signature}>"

    def bind(self, weights: Mapping[str, Any] | None = None, /, **arguments: Any) -> Function:
        """Returns this function with some arguments fixed.

        The arrays are kept, not copied (unless they are not contiguous): weights may be views of a
        memory-mapped file. Weights that the code reads in another form are packed now; to pack
        them once for several functions, use `Executable.bind`.

        Args:
            weights: Arrays by argument name, which for weights is the checkpoint name.
            **arguments: The same, for names that are identifiers.

        Raises:
            InputError: There is no such argument, it is bound already, or an array does not fit.
            CheckpointError: A file of weights was cut while they were packed.
        """
        values = self.check({**(weights or {}), **arguments})
        return self.bind_packed(values, provide(self.ready_packers(values), AnonymousMemory()))

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns arrays to bind in the form in which the extension module takes them.

        Raises:
            InputError: There is no such argument, or it is bound already.
        """
        checked: dict[str, Any] = {}
        for name, value in values.items():
            index = self._signature.index(name)
            if index is None:
                raise InputError(self._unknown(name))
            if name in self._bound:
                raise InputError(f"function '{self.name}': argument '{name}' is bound already")
            checked[name] = to_carrier(value, self._signature.arguments[index])
        return checked

    def ready_packers(self, values: Mapping[str, Any]) -> dict[PackedWeight, Packer]:
        """Returns what packs the weights that can be packed once `values` are bound as well.

        Raises:
            InputError: An array does not fit.
        """
        sources = {**self._held, **values}
        ready = {}
        for packer in self._packers.values():
            mine = packer.weight.sources
            if all(name in sources for name in mine) and any(name in values for name in mine):
                try:
                    ready[packer.weight] = packer.bind(sources)
                except ValueError as error:
                    raise InputError(f"function '{self.name}': {error}") from None
                except _runtime.FileCutError as error:
                    raise CheckpointError(str(error)) from None
        return ready

    def bind_packed(
        self, values: Mapping[str, Any], packed: Mapping[PackedWeight, Any]
    ) -> Function:
        """Returns this function with arrays and packed weights bound.

        Args:
            values: What `check` returned.
            packed: The weights of `ready_packers(values)`, and maybe others.

        Raises:
            InputError: An array does not fit.
        """
        places = {
            self._places[name]: value for name, value in values.items() if name in self._places
        }
        waiting: set[str] = set()
        sources = {**self._held, **values}
        free = set(self._raw.free)
        for place, packer in self._packers.items():
            if place not in free:
                continue
            if packer.weight in packed:
                places[place] = packed[packer.weight]
            else:
                waiting.update(packer.weight.sources)
        try:
            raw = self._raw.bind(places)
        except ValueError as error:
            raise InputError(f"function '{self.name}': {error}") from None
        except _runtime.FileCutError as error:
            raise CheckpointError(str(error)) from None
        held = {name: sources[name] for name in sources if name in waiting}
        return self._replace(raw, held, self._bound | values.keys())

    def with_num_threads(self, count: int | None) -> Function:
        """Returns this function, using so many threads.

        Args:
            count: 1 to 256; None for as many as `gpt_mlir.get_num_threads()` says at a call.

        Raises:
            InputError: `count` is something else.
        """
        threads = check_num_threads(count)
        other = self._replace(self._raw.with_num_threads(threads), self._held, self._bound)
        other._packers = {
            place: packer.with_num_threads(threads) for place, packer in self._packers.items()
        }
        return other

    def _replace(
        self, raw: _runtime.Function, held: Mapping[str, Any], bound: frozenset[str]
    ) -> Function:
        other = copy.copy(self)
        other._setup(raw, held, bound)
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
            InputError: An argument is missing, unknown, or does not fit the signature; a position
                is outside of the caches; a cache shares memory with another argument.
            CheckpointError: A file of weights was cut while it is in use: results would be wrong,
                and caches are.
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
            carriers = [to_carrier(values[argument.name], argument) for argument in self._free]
            self._check_positions(carriers)
            arrays = self._raw(*carriers)
        except ValueError as error:
            raise InputError(f"function '{self.name}': {error}") from None
        except _runtime.FileCutError as error:
            raise CheckpointError(str(error)) from None
        results = self._signature.results
        if len(results) == 1:
            return from_carrier(arrays[0], results[0].dtype)
        if not results:
            return None
        return {
            result.name: from_carrier(array, result.dtype)
            for result, array in zip(results, arrays, strict=True)
        }

    def _check_positions(self, carriers: list[Any]) -> None:
        """Raises ValueError if new tokens have no place in the caches: code clamps positions.

        What is bound has been checked by who has bound it.
        """
        shapes = [np.shape(carrier) for carrier in carriers]
        given = list(zip(self._free, carriers, shapes, strict=True))
        capacities = [s[2] for a, _, s in given if a.kind == "cache" and len(s) == 4]
        if not capacities:
            return
        rows = [shape[1] for argument, _, shape in given if argument.name in self._sequences]
        count, capacity = min(rows, default=1), min(capacities)
        if count > capacity:
            raise ValueError(
                f"expected caches of {count} places or more for {count} new tokens, got {capacity}"
            )
        for argument, positions, _ in given:
            if argument.kind != "positions" or np.size(positions) == 0:
                continue
            first, last = int(np.min(positions)), int(np.max(positions))
            if first < 0 or last + count > capacity:
                raise ValueError(
                    f"argument '{argument.name}': expected positions from 0 to {capacity - count} "
                    f"for {count} new tokens in caches of {capacity} places, got "
                    f"{first if first < 0 else last}"
                )

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
