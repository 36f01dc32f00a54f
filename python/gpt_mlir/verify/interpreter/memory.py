"""Memory of interpreted code: buffers with addresses, and typed views of them.

An address is a number, as in compiled code, so that the `memref` and the `llvm` dialect share one
memory. Every buffer lies apart from the others. Memory that was never written holds the bytes 0xff,
which are NaN in every float type and -1 as an integer; what is outside of a buffer, freed or not to
be written is not touched: it ends the call.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt_mlir.verify.isolation import CrashError

__all__ = ["Allocation", "Buffer", "Memory"]

# Addresses of buffers are multiples of this, and buffers are at least so far apart.
_ALIGNMENT = 64
_UNWRITTEN = 0xFF


class Allocation:
    """One buffer.

    Attributes:
        base: The address of its first byte.
        size: How many bytes it has.
        data: The bytes.
        alive: False once it has been freed.
        writable: Whether code may write to it.
    """

    __slots__ = ("_typed", "alive", "base", "data", "size", "writable")

    def __init__(self, base: int, size: int) -> None:
        self.base = base
        self.size = size
        self.data: NDArray[np.uint8] = np.full(max(size, 1), _UNWRITTEN, np.uint8)
        self.alive = True
        self.writable = True
        self._typed: dict[Any, NDArray[Any]] = {}

    def typed(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Returns all its elements of a type, one after the other."""
        found = self._typed.get(dtype)
        if found is None:
            whole = self.data.size // dtype.itemsize * dtype.itemsize
            found = self._typed[dtype] = self.data[:whole].view(dtype)
        return found


class Memory:
    """All buffers of one run."""

    def __init__(self) -> None:
        self._bases: list[int] = []
        self._allocations: list[Allocation] = []
        self._next = 1 << 16
        self._last: Allocation | None = None

    def allocate(self, size: int, alignment: int = _ALIGNMENT) -> Allocation:
        """Returns a new buffer.

        Raises:
            CrashError: The size is negative, or there is not so much memory.
        """
        if size < 0:
            raise CrashError(f"allocates {size} bytes")
        step = max(alignment, _ALIGNMENT)
        base = -(-self._next // step) * step
        try:
            allocation = Allocation(base, size)
        except (MemoryError, ValueError):
            raise CrashError(f"allocates {size} bytes") from None
        self._bases.append(base)
        self._allocations.append(allocation)
        self._next = base + size + _ALIGNMENT
        return allocation

    def store_array(self, array: NDArray[Any], *, writable: bool) -> Allocation:
        """Returns a new buffer with the elements of an array, one row after the other."""
        allocation = self.allocate(array.nbytes)
        allocation.data[: array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
        allocation.writable = writable
        return allocation

    def free(self, address: int) -> None:
        """Frees the buffer that begins at an address; nothing for a null pointer.

        Raises:
            CrashError: None begins there, or it has been freed before.
        """
        if address == 0:
            return
        allocation = self.find(address, 0)
        if allocation.base != address:
            raise CrashError("frees an address within a buffer")
        allocation.alive = False

    def find(self, address: int, size: int) -> Allocation:
        """Returns the buffer that holds `size` bytes at an address.

        Raises:
            CrashError: None does.
        """
        last = self._last
        if last is None or not last.base <= address < last.base + max(last.size, 1):
            index = bisect.bisect_right(self._bases, address) - 1
            if index < 0:
                raise CrashError(f"uses the address {address:#x}, which is of no buffer")
            last = self._last = self._allocations[index]
        if address + size > last.base + max(last.size, 1):
            over = address + size - last.base - last.size
            raise CrashError(f"uses memory {over} bytes behind a buffer of {last.size} bytes")
        if not last.alive:
            raise CrashError(f"uses a buffer of {last.size} bytes that has been freed")
        return last

    def find_to_write(self, address: int, size: int) -> Allocation:
        """Returns the buffer that holds `size` bytes at an address and may be written to."""
        allocation = self.find(address, size)
        if not allocation.writable:
            raise CrashError("writes to a constant or to an argument that is only read")
        return allocation

    def copy(self, target: int, source: int, size: int) -> None:
        """Copies bytes."""
        if size <= 0:
            return
        from_, to = self.find(source, size), self.find_to_write(target, size)
        begin = source - from_.base
        data = from_.data[begin : begin + size].copy()
        to.data[target - to.base : target - to.base + size] = data


class Buffer:
    """What a memref is: a descriptor, as in compiled code.

    Attributes:
        memory: Where it lies.
        dtype: Its element type.
        base: The address that was allocated.
        aligned: The address that offset and strides count from.
        offset: In elements.
        sizes: One per dimension.
        strides: In elements, one per dimension.
    """

    __slots__ = (
        "_allocation",
        "_array",
        "aligned",
        "base",
        "dtype",
        "memory",
        "offset",
        "sizes",
        "strides",
    )

    def __init__(
        self,
        memory: Memory,
        dtype: np.dtype[Any],
        base: int,
        aligned: int,
        offset: int,
        sizes: Sequence[int],
        strides: Sequence[int],
    ) -> None:
        self.memory = memory
        self.dtype = dtype
        self.base = base
        self.aligned = aligned
        self.offset = offset
        self.sizes = tuple(sizes)
        self.strides = tuple(strides)
        self._allocation: Allocation | None = None
        self._array: NDArray[Any] | None = None

    @staticmethod
    def contiguous(
        memory: Memory, dtype: np.dtype[Any], allocation: Allocation, sizes: Sequence[int]
    ) -> Buffer:
        """Returns a buffer that is a whole allocation."""
        base = allocation.base
        return Buffer(memory, dtype, base, base, 0, sizes, row_major(sizes))

    def view(
        self, offset: int, sizes: Sequence[int], strides: Sequence[int], *, base: int | None = None
    ) -> Buffer:
        """Returns another view of the same memory."""
        base = self.base if base is None else base
        return Buffer(self.memory, self.dtype, base, self.aligned, offset, sizes, strides)

    @property
    def array(self) -> NDArray[Any]:
        """Its elements, to read.

        Raises:
            CrashError: They do not all lie in one buffer, or that has been freed.
        """
        if self._array is None or self._allocation is None:
            self._allocation = self.memory.find(self.aligned, 0)
            self._array = self._make_array(self._allocation)
        if not self._allocation.alive:
            raise CrashError(f"uses a buffer of {self._allocation.size} bytes that has been freed")
        return self._array

    @property
    def array_to_write(self) -> NDArray[Any]:
        """Its elements, to write; see `array`."""
        array = self.array
        if self._allocation is not None and not self._allocation.writable:
            raise CrashError("writes to a constant or to an argument that is only read")
        return array

    def _make_array(self, allocation: Allocation) -> NDArray[Any]:
        if any(size < 0 for size in self.sizes):
            raise CrashError(f"makes a view of the shape {list(self.sizes)}")
        if 0 in self.sizes:
            return np.empty(self.sizes, self.dtype)
        item = self.dtype.itemsize
        begin = self.aligned - allocation.base + self.offset * item
        last = begin + item * sum(
            (size - 1) * stride for size, stride in zip(self.sizes, self.strides, strict=True)
        )
        if min(begin, last) < 0 or max(begin, last) + item > allocation.size:
            raise CrashError(
                f"makes a view {list(self.sizes)} with strides {list(self.strides)} and offset "
                f"{self.offset} of {self.dtype}, which is more than its buffer of "
                f"{allocation.size} bytes"
            )
        strides = [stride * item for stride in self.strides]
        return np.ndarray(self.sizes, self.dtype, allocation.data, begin, strides)


def row_major(sizes: Sequence[int]) -> list[int]:
    """Returns the strides of an array whose rows lie one after the other."""
    strides = [1] * len(sizes)
    for index in reversed(range(len(sizes) - 1)):
        strides[index] = strides[index + 1] * sizes[index + 1]
    return strides
