"""Checks of names, shapes and dtypes as a user declares them, and the attributes they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gpt_mlir import ir
from gpt_mlir.dtypes import DType, DTypeLike
from gpt_mlir.graph.call_site import CallSite, show
from gpt_mlir.graph.scalars import TEXT_TYPES
from gpt_mlir.graph.tensor import Dim
from gpt_mlir.integers import integer_of

__all__ = ["Declaration", "ShapeLike", "check_name", "check_symbol", "interface_attributes"]

ShapeLike = Sequence[int | str | Dim | None]


class Declaration:
    """The type of an input or weight as asked for at one line.

    Attributes:
        sizes: The extents, None where dynamic.
        dim_names: The name of each dimension, or "".
        dtype: The element type.
    """

    __slots__ = ("dim_names", "dtype", "sizes")

    def __init__(self, what: str, shape: ShapeLike, dtype: DTypeLike, site: CallSite) -> None:
        """Checks a shape and a dtype.

        Raises:
            GraphError: Either is not valid; the message names `what`.
        """
        if isinstance(shape, TEXT_TYPES) or not isinstance(shape, Sequence):
            raise site.error(f"expected the shape of {what} to be a sequence, found {shape!r}")
        self.sizes: list[int | None] = []
        self.dim_names: list[str] = []
        for axis, size in enumerate(shape):
            number = integer_of(size)
            if number is None and not isinstance(size, (str, Dim, type(None))):
                raise site.error(
                    f"expected dimension {axis} of {what} to be an int, a str or None, "
                    f"found {size!r}"
                )
            if size == "" or (number is not None and number < 0):
                raise site.error(
                    f"expected dimension {axis} of {what} not to be negative or empty, "
                    f"found {show(size)}"
                )
            if isinstance(size, str) and not _is_utf8(size):
                raise site.error(
                    f"expected the name of dimension {axis} of {what} to have a form in UTF-8, "
                    f"found {show(size)}"
                )
            if number is not None and number >= 2**63:
                raise site.error(
                    f"expected dimension {axis} of {what} to fit 64 bits, found {show(size)}"
                )
            self.sizes.append(number)
            name = size.name if isinstance(size, Dim) else size
            self.dim_names.append(name if isinstance(name, str) else "")
        try:
            self.dtype = DType.of(dtype)
        except TypeError as error:
            raise site.error(f"{what}: {error}") from None

    @property
    def is_static(self) -> bool:
        """Whether every extent is known."""
        return None not in self.sizes

    def type(self, location: ir.Location) -> ir.Type:
        """Returns the MLIR type."""
        dynamic = ir.ShapedType.get_dynamic_size()
        extents = [dynamic if size is None else size for size in self.sizes]
        element = self.dtype.mlir(location.context)
        return ir.RankedTensorType.get(extents, element, loc=location)

    def __str__(self) -> str:
        sizes = ", ".join(
            name or ("?" if size is None else str(size))
            for size, name in zip(self.sizes, self.dim_names, strict=True)
        )
        return f"[{sizes}], {self.dtype}"


def interface_attributes(
    context: ir.Context, strings: Mapping[str, str], dim_names: Sequence[str]
) -> dict[str, ir.Attribute]:
    """Returns the attributes of an argument or result: `strings`, and `gpt.dims` if it has any."""
    attributes: dict[str, ir.Attribute] = {
        key: ir.StringAttr.get(text, context) for key, text in strings.items()
    }
    if any(dim_names):
        texts = [ir.StringAttr.get(name, context) for name in dim_names]
        attributes["gpt.dims"] = ir.ArrayAttr.get(texts, context)
    return attributes


def check_name(kind: str, name: object, site: CallSite) -> None:
    """Checks the name of an input, weight, output or scope.

    Raises:
        GraphError: It is not a non-empty str, or has lone surrogates.
    """
    if not isinstance(name, str) or not name:
        raise site.error(f"expected the name of {kind} to be a non-empty str, found {name!r}")
    if not _is_utf8(name):
        raise site.error(f"expected the name of {kind} to have a form in UTF-8, found {show(name)}")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_symbol(name: object, site: CallSite, what: str = "the name of a function") -> None:
    """Checks the name of a function, which the message calls `what`.

    Raises:
        GraphError: It is not an identifier.
    """
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise site.error(f"expected {what} to be an identifier, found {show(name)}")
