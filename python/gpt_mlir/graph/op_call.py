"""One call of an op function: checks its arguments, builds the op, verifies it.

What Python can get wrong before there is an op is checked here: an argument that is not a tensor, a
tensor of another graph, an attribute of the wrong kind. Everything about shapes and element types
is left to the op's own inference and verifier, whose diagnostics become a `GraphError`.
"""

from __future__ import annotations

import enum
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpt_mlir.dtypes import DType, DTypeLike
from gpt_mlir.errors import GraphError
from gpt_mlir.graph.call_site import CallSite, MLIRError, describe, show
from gpt_mlir.graph.scalars import TEXT_TYPES, float_of
from gpt_mlir.graph.tensor import Tensor, Value

if TYPE_CHECKING:
    from gpt_mlir.graph.graph import Graph

__all__ = ["OpCall"]


class OpCall:
    """A call of the function `name` of `gpt_mlir.graph.ops` from the line that is running."""

    __slots__ = ("graph", "name", "site")

    def __init__(self, name: str, graph: Graph | None = None) -> None:
        self.name = name
        self.graph = graph
        self.site = CallSite.find()

    def error(self, message: str) -> GraphError:
        """Returns an error that names the op and the user's line."""
        return self.site.error(f"'gpt.{self.name}' {message}")

    def tensor(self, parameter: str, value: Any) -> Value:
        """Returns the value of a tensor argument.

        Raises:
            GraphError: `value` is not a `Tensor`, or one of another graph or of a block whose
                function raised.
        """
        if not isinstance(value, Tensor):
            raise self.error(f"expected {parameter} to be a Tensor, found {describe(value)}")
        if value.graph._is_abandoned:
            raise self.error(f"expected {parameter} to be of a graph to build on, found {value!r}")
        if self.graph is None:
            self.graph = value.graph
        elif value.graph is not self.graph:
            raise self.error(
                f"expected {parameter} to belong to graph {self.graph.name!r}, found {value!r} of "
                f"graph {value.graph.name!r}; a block gets tensors as arguments of Graph.call"
            )
        return value.value

    def optional_tensor(self, parameter: str, value: Any) -> Value | None:
        """Returns the value of a tensor argument that may be None."""
        return None if value is None else self.tensor(parameter, value)

    def integer(self, parameter: str, value: Any) -> int:
        """Returns an integer argument.

        Raises:
            GraphError: `value` is not an integer that fits 64 bits.
        """
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise self.error(f"expected {parameter} to be an int, found {describe(value)}")
        if not -(2**63) <= int(value) < 2**63:
            raise self.error(f"expected {parameter} to fit 64 bits, found {show(value)}")
        return int(value)

    def optional_integer(self, parameter: str, value: Any) -> int | None:
        """Returns an integer argument that may be None."""
        return None if value is None else self.integer(parameter, value)

    def real(self, parameter: str, value: Any) -> float:
        """Returns a float argument.

        Raises:
            GraphError: `value` is not a real number, or too large for f64.
        """
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise self.error(f"expected {parameter} to be a float, found {describe(value)}")
        number = float_of(value)
        if number is None:
            raise self.error(f"expected {parameter} to fit f64, found {describe(value)}")
        return number

    def optional_real(self, parameter: str, value: Any) -> float | None:
        """Returns a float argument that may be None."""
        return None if value is None else self.real(parameter, value)

    def flag(self, parameter: str, value: Any) -> bool:
        """Returns a bool argument.

        Raises:
            GraphError: `value` is not a bool.
        """
        if not isinstance(value, bool):
            raise self.error(f"expected {parameter} to be a bool, found {describe(value)}")
        return value

    def choice(self, parameter: str, value: Any, cases: type[enum.Enum]) -> enum.Enum:
        """Returns the case of a dialect enumeration that `value` names.

        Raises:
            GraphError: `value` is no case; the message lists them.
        """
        for case in cases:
            if value is case or value == str(case):
                return case
        legal = ", ".join(repr(str(case)) for case in cases)
        raise self.error(f"expected {parameter} to be one of {legal}, found {describe(value)}")

    def dtype(self, parameter: str, value: DTypeLike) -> DType:
        """Returns a dtype argument.

        Raises:
            GraphError: `value` names no dtype.
        """
        try:
            return DType.of(value)
        except TypeError as error:
            raise self.error(f"{parameter}: {error}") from None

    def integers(self, parameter: str, value: Any) -> list[int]:
        """Returns an argument that is a sequence of integers."""
        if not isinstance(value, Sequence) or isinstance(value, TEXT_TYPES):
            raise self.error(
                f"expected {parameter} to be a sequence of ints, found {describe(value)}"
            )
        return [self.integer(f"{parameter}[{i}]", item) for i, item in enumerate(value)]

    def build_all(self, op_class: Any, **arguments: Any) -> tuple[Tensor, ...]:
        """Builds and verifies an op; returns its results.

        Args:
            op_class: The generated class.
            **arguments: The parameters of its constructor.

        Raises:
            GraphError: Type inference or the verifier of the op rejects it. The graph is as before.
        """
        assert self.graph is not None
        graph = self.graph
        try:
            op = op_class(
                **arguments,
                loc=self.site.location(graph.context),
                ip=graph._before_terminator(),
            )
        except MLIRError as error:
            raise self.site.error_from(error, f"'gpt.{self.name}'") from None
        try:
            op.verify()
        except MLIRError as error:
            op.operation.erase()
            raise self.site.error_from(error, f"'gpt.{self.name}'") from None
        return tuple(Tensor(graph, result) for result in op.results)

    def build(self, op_class: Any, **arguments: Any) -> Tensor:
        """Builds and verifies an op with one result; returns it. See `build_all`."""
        (result,) = self.build_all(op_class, **arguments)
        return result
