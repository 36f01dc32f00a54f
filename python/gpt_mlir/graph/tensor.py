"""Values of a graph and their dimensions.

A `Tensor` is a thin handle on an MLIR value: its shape and dtype are read from the value's type, so
they are what type inference found. Dimensions whose size is known only at run time are `Dim`
objects. Their names come from the inputs; the name of a dimension of a computed tensor is found by
asking the ops, through their shape reification, which input dimension it equals.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from gpt_mlir import ir
from gpt_mlir.dtypes import DType
from gpt_mlir.graph.call_site import CallSite, describe
from gpt_mlir.graph.scalars import float_of

if TYPE_CHECKING:
    from gpt_mlir.graph.graph import Graph

__all__ = ["Dim", "Shape", "Tensor", "Value"]

Value: TypeAlias = "ir.Value[Any]"


class Dim:
    """A size known only at run time: one dimension of one tensor of a graph.

    Attributes:
        tensor: The tensor whose dimension this is.
        axis: Which dimension of it.
    """

    __slots__ = ("axis", "tensor")

    def __init__(self, tensor: Tensor, axis: int) -> None:
        self.tensor = tensor
        self.axis = axis

    @property
    def source(self) -> Dim:
        """The dimension of a graph input that this one equals, or itself if none is known."""
        return self.tensor.graph._dims.source(self)

    @property
    def name(self) -> str | None:
        """The name given to this size at an input, or None if it has none."""
        return self.tensor.graph._dims.name(self)

    def __repr__(self) -> str:
        return self.name or "?"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dim):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        graph, name = self.tensor.graph, self.name
        if name is not None:
            return (graph, name)
        source = self.source
        return (graph, source.tensor.value, source.axis)


Shape = tuple[int | Dim, ...]


class Tensor:
    """A value of a graph.

    Tensors are made by `Graph.input`, `Graph.weight` and the functions of `gpt_mlir.graph.ops`.
    Arithmetic works as in NumPy, with the broadcasting of `gpt.add`: `x + y`, `x - y`, `x * y`,
    `x * 0.5`, `x / 8`, `-x`, `a @ b`, `x.T`.

    Attributes:
        graph: The graph this tensor belongs to.
        value: The MLIR value, for use with the generated op classes. It does not keep the graph
            alive: hold on to the tensor or the graph for as long as the value is used.
        name: The name of an input, weight or output; None for other tensors.
    """

    __slots__ = ("graph", "name", "value")

    # NumPy scalars leave `np.float32(2) * tensor` to us.
    __array_ufunc__ = None

    def __init__(self, graph: Graph, value: Value, name: str | None = None) -> None:
        self.graph = graph
        self.value = value
        self.name = name

    @property
    def type(self) -> ir.RankedTensorType:
        """The MLIR type."""
        return ir.RankedTensorType(self.value.type)

    @property
    def shape(self) -> Shape:
        """The extents: an int where static, a `Dim` where known only at run time."""
        kind = self.type
        return tuple(
            Dim(self, axis) if kind.is_dynamic_dim(axis) else kind.get_dim_size(axis)
            for axis in range(kind.rank)
        )

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return self.type.rank

    @property
    def dtype(self) -> DType:
        """The element type."""
        return DType.of(self.type.element_type)

    @property
    def T(self) -> Tensor:  # noqa: N802
        """This tensor with its dimensions reversed, as in NumPy."""
        return self.transpose()

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """This tensor with its last two dimensions exchanged, as in NumPy."""
        if self.rank < 2:
            raise CallSite.find().error(f"mT expects a tensor of rank 2 or more, found {self!r}")
        order = list(range(self.rank))
        order[-2:] = order[:-3:-1]
        return self.transpose(order)

    def transpose(self, permutation: Sequence[int] | None = None) -> Tensor:
        """Returns this tensor with its dimensions permuted.

        Args:
            permutation: Dimension `i` of the result is dimension `permutation[i]` of this tensor;
                None reverses them.

        Raises:
            GraphError: `permutation` is not a permutation of the dimensions.
        """
        from gpt_mlir.graph import ops

        if permutation is None:
            permutation = tuple(reversed(range(self.rank)))
        return ops.transpose(self, permutation=permutation)

    def astype(self, dtype: DType | str) -> Tensor:
        """Returns this tensor converted to another float type.

        Raises:
            GraphError: `dtype` is not a float type.
        """
        from gpt_mlir.graph import ops

        return ops.cast(self, dtype=dtype)

    def __add__(self, other: Tensor) -> Tensor:
        from gpt_mlir.graph import ops

        return ops.add(self, other)

    def __radd__(self, other: Tensor) -> Tensor:
        from gpt_mlir.graph import ops

        return ops.add(other, self)

    def __sub__(self, other: Tensor) -> Tensor:
        from gpt_mlir.graph import ops

        return ops.add(self, ops.scale(other, factor=-1.0))

    def __neg__(self) -> Tensor:
        from gpt_mlir.graph import ops

        return ops.scale(self, factor=-1.0)

    def __mul__(self, other: Tensor | float) -> Tensor:
        from gpt_mlir.graph import ops

        if not isinstance(other, Tensor) and _is_number(other):
            return ops.scale(self, factor=other)
        return ops.mul(self, other)  # type: ignore[arg-type]  # checked, and reported, by `mul`

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Tensor:
        from gpt_mlir.graph import ops

        if not _is_number(other) or other == 0:
            raise CallSite.find().error(
                f"division of {self!r} expects a number other than 0, found {other!r}"
            )
        divisor = float_of(other)
        if not divisor:
            raise CallSite.find().error(
                f"division of {self!r} expects a number in the range of f64, "
                f"found {describe(other)}"
            )
        return ops.scale(self, factor=1.0 / divisor)

    def __matmul__(self, other: Tensor) -> Tensor:
        from gpt_mlir.graph import ops

        return ops.matmul(self, other)

    def __bool__(self) -> bool:
        raise CallSite.find().error(
            f"{self!r} has no truth value: a graph is built before it has data"
        )

    def __iter__(self) -> None:
        raise CallSite.find().error(f"{self!r} cannot be iterated; gpt.split cuts a tensor up")

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        shape = ", ".join(str(size) for size in self.shape)
        text = f"{name}[{shape}], {self.dtype}"
        if self.graph._is_abandoned:
            text += f", of block {self.graph.name!r}, which was not completed"
        return f"Tensor({text})"


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
