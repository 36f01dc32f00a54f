"""Runs the functions of a module of the plainest lowering, at any point of it.

The dialects are `func`, `cf`, `scf`, `arith`, `math`, `index` arithmetic of `affine`, `tensor`,
`linalg`, `memref`, `bufferization` and `llvm`, in any mixture: what a conversion has left in the
middle is run, too. Loops of `linalg` ops run in the order of their dimensions, one element at a
time, so that operands that share memory do what loops would do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gpt_mlir import ir
from gpt_mlir.verify.interpreter.layout import Layout, read_layout
from gpt_mlir.verify.interpreter.library import FUNCTIONS
from gpt_mlir.verify.interpreter.memory import Allocation, Memory
from gpt_mlir.verify.interpreter.translation import Code, Translation
from gpt_mlir.verify.interpreter.values import InterpretError, dense
from gpt_mlir.verify.isolation import CrashError

__all__ = ["DEFAULT_LIMIT", "LimitError", "Machine"]

# Iterations of loops and blocks that a call may take: some minutes.
DEFAULT_LIMIT = 30_000_000
# Calls within each other.
_DEPTH = 200


class LimitError(InterpretError):
    """A run takes more iterations than it may."""


_Callee = Callable[[Sequence[Any]], tuple[Any, ...]]


class Machine:
    """Interprets one module.

    Attributes:
        memory: Its memory: constants and globals, and what calls allocate.
        taken: Iterations that have been taken so far.
    """

    def __init__(self, module: Any, *, limit: int = DEFAULT_LIMIT) -> None:
        """Prepares a module.

        Args:
            module: An `ir.Module`; it is not changed.
            limit: How many iterations of loops and blocks may be taken in all.
        """
        self._module = module  # its ops are used as long as this lives
        self.memory = Memory()
        self.taken = 0
        self._limit = limit
        self._depth = 0
        self.symbols = {
            view.operation.attributes["sym_name"].value: view.operation
            for view in module.body.operations
            if "sym_name" in view.operation.attributes
        }
        self._callees: dict[str, _Callee] = {}
        self._globals: dict[str, Allocation] = {}
        self._addresses: dict[int, str] = {}

    def tick(self) -> None:
        """Counts an iteration.

        Raises:
            LimitError: There have been too many.
        """
        self.taken += 1
        if self.taken > self._limit:
            raise LimitError(f"does not end within {self._limit} iterations")

    def invoke(self, name: str, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Runs a function of the module.

        Args:
            name: Its name.
            arguments: Its arguments, as values of the interpreter.

        Raises:
            InterpretError: There is an op, a type or a function that is not known.
            CrashError: The code does what has no meaning: reads outside of a buffer, say.
        """
        with np.errstate(all="ignore"):
            try:
                return self.callee(name)(arguments)
            except IndexError as error:
                raise CrashError(f"reads or writes outside of an array: {error}") from None
            except ZeroDivisionError:
                raise CrashError("divides an index by zero") from None
            except TypeError as error:
                if "NoneType" not in str(error):
                    raise
                raise CrashError("computes with a value that has no meaning") from None

    def callee(self, name: str) -> _Callee:
        """Returns what runs a function, of the module or of the system."""
        found = self._callees.get(name)
        if found is None:
            found = self._callees[name] = self._make_callee(name)
        return found

    def callee_at(self, address: int) -> _Callee:
        """Returns what runs the function at an address."""
        if address not in self._addresses:
            raise CrashError(f"calls the address {address:#x}, which is no function")
        return self.callee(self._addresses[address])

    def address_of(self, name: str) -> int:
        """Returns the address of a global or of a function."""
        return self.global_(name).base

    def global_(self, name: str) -> Allocation:
        """Returns the memory of a global; of a function, what has its address."""
        if name not in self._globals:
            op = self.symbols.get(name)
            if op is None:
                raise InterpretError(f"there is no symbol '{name}'")
            self._globals[name] = self._make_global(name, op)
        return self._globals[name]

    def _make_callee(self, name: str) -> _Callee:
        from gpt_mlir.verify.interpreter.dialects import ENDS, HANDLERS

        op = self.symbols.get(name)
        body = op.regions[0] if op is not None and len(op.regions) else None
        if body is not None and len(body.blocks):
            code = Translation(self, HANDLERS, ENDS).translate(name, body)
            return self._guard(code)
        if name in FUNCTIONS:
            function = FUNCTIONS[name]
            return lambda arguments: function(self.memory, *arguments)
        raise InterpretError(f"function '{name}' has no body and is not known")

    def _guard(self, code: Code) -> _Callee:
        def call(arguments: Sequence[Any]) -> tuple[Any, ...]:
            self._depth += 1
            if self._depth > _DEPTH:
                raise CrashError(f"has more than {_DEPTH} calls of functions within each other")
            try:
                return code(arguments)
            finally:
                self._depth -= 1

        return call

    def _make_global(self, name: str, op: Any) -> Allocation:
        if op.name == "memref.global":
            kind = ir.MemRefType(op.attributes["type"].value)
            array = dense(op.attributes["initial_value"], kind)
            return self.memory.store_array(array, writable="constant" not in op.attributes)
        if op.name == "llvm.mlir.global":
            return self._make_llvm_global(op)
        allocation = self.memory.allocate(1)
        allocation.writable = False
        self._addresses[allocation.base] = name
        return allocation

    def _make_llvm_global(self, op: Any) -> Allocation:
        from gpt_mlir.verify.interpreter.dialects.llvm_memory import constant_value

        layout: Layout = read_layout(str(op.attributes["global_type"].value))
        allocation = self.memory.allocate(layout.size)
        value = None
        if len(op.regions[0].blocks):
            from gpt_mlir.verify.interpreter.dialects import ENDS, HANDLERS

            (value,) = Translation(self, HANDLERS, ENDS).translate("", op.regions[0])([])
        elif "value" in op.attributes:
            value = constant_value(op.attributes["value"], layout)
        if value is not None:
            layout.write(self.memory, allocation.base, value)
        allocation.writable = "constant" not in op.attributes
        return allocation
