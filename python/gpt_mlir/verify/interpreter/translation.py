"""Makes closures of a function's ops, so that running it does not walk the IR.

Every value of a function has a slot in a list, its frame. An op becomes a step, a closure that
reads and writes slots; regions become lists of steps, and the blocks of a function end in a closure
that gives the next one. What an op does is in one module per dialect, found by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gpt_mlir.verify.interpreter.values import InterpretError

if TYPE_CHECKING:
    from gpt_mlir.verify.interpreter.machine import Machine

__all__ = ["RESULTS", "Block", "Code", "Frame", "Leave", "Region", "Step", "Translation"]

Frame = list[Any]
Step = Callable[[Frame], None]
# Gives the block that comes next; None where the function returns.
Leave = Callable[[Frame], "Block | None"]
Translate = Callable[["Translation", Any], "Step | None"]
TranslateEnd = Callable[["Translation", Any], Leave]

# The slot of what a function returns.
RESULTS = 0


class Block:
    """A block of a function's body.

    Attributes:
        arguments: The slots of its arguments.
        steps: Its ops but the last.
        leave: The last one.
    """

    __slots__ = ("arguments", "leave", "steps")

    def __init__(self, arguments: Sequence[int]) -> None:
        self.arguments = list(arguments)
        self.steps: list[Step] = []
        self.leave: Leave = lambda _: None


class Region:
    """A region of one block.

    Attributes:
        arguments: The slots of its arguments.
        steps: Its ops.
        yields: The slots of what it yields.
    """

    __slots__ = ("arguments", "steps", "yields")

    def __init__(
        self, arguments: Sequence[int], steps: Sequence[Step], yields: Sequence[int]
    ) -> None:
        self.arguments = list(arguments)
        self.steps = list(steps)
        self.yields = list(yields)

    def run(self, frame: Frame) -> None:
        """Runs its ops."""
        for step in self.steps:
            step(frame)


class Code:
    """A function that can be run.

    Attributes:
        machine: What runs it.
        name: Its name.
        frame: A frame with the constants in their slots.
        entry: The first block.
    """

    def __init__(self, machine: Machine, name: str, frame: Frame, entry: Block) -> None:
        self.machine = machine
        self.name = name
        self.frame = frame
        self.entry = entry

    def __call__(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Runs it; returns its results."""
        frame = self.frame.copy()
        for slot, argument in zip(self.entry.arguments, arguments, strict=True):
            frame[slot] = argument
        block: Block | None = self.entry
        tick = self.machine.tick
        while block is not None:
            tick()
            for step in block.steps:
                step(frame)
            block = block.leave(frame)
        results: tuple[Any, ...] = frame[RESULTS]
        return results


class Translation:
    """The translation of one function.

    Attributes:
        machine: What will run it.
    """

    def __init__(
        self,
        machine: Machine,
        handlers: Mapping[str, Translate],
        ends: Mapping[str, TranslateEnd],
    ) -> None:
        self.machine = machine
        self._handlers = handlers
        self._ends = ends
        self._slots: dict[Any, int] = {}
        self._frame: Frame = [()]
        self._blocks: dict[Any, Block] = {}
        self._points: list[int] = []

    def translate(self, name: str, body: Any) -> Code:
        """Returns the code of a function.

        Args:
            name: Its name.
            body: Its region.

        Raises:
            InterpretError: It holds an op that is not known.
        """
        blocks = list(body.blocks)
        self._blocks = {block: Block(self.arguments(block)) for block in blocks}
        for source, block in self._blocks.items():
            operations = [view.operation for view in source.operations]
            block.steps = self._steps(operations[:-1])
            end = self._ends.get(operations[-1].name)
            if end is None:
                raise InterpretError(f"op '{operations[-1].name}' cannot be interpreted")
            block.leave = end(self, operations[-1])
        return Code(self.machine, name, self._frame, self._blocks[blocks[0]])

    def region(self, block: Any) -> Region:
        """Returns the code of a region's only block."""
        arguments = self.arguments(block)
        operations = [view.operation for view in block.operations]
        steps = self._steps(operations[:-1])
        return Region(arguments, steps, self.uses(operations[-1]))

    def use(self, value: Any) -> int:
        """Returns the slot of a value that exists."""
        return self._slots[value]

    def uses(self, op: Any) -> list[int]:
        """Returns the slots of the operands of an op."""
        return [self._slots[operand] for operand in op.operands]

    def define(self, value: Any) -> int:
        """Returns the slot of a value; a new one, unless a block before has used it."""
        slot = self._slots.get(value)
        if slot is None:
            slot = self._slots[value] = self.new_slot()
        return slot

    def defines(self, op: Any) -> list[int]:
        """Returns slots for the results of an op."""
        return [self.define(result) for result in op.results]

    def arguments(self, block: Any) -> list[int]:
        """Returns slots for the arguments of a block."""
        return [self.define(argument) for argument in block.arguments]

    def set_constant(self, value: Any, constant: Any) -> None:
        """Gives a value a constant, for which there is nothing to run."""
        self._frame[self.define(value)] = constant

    def new_slot(self) -> int:
        """Returns a slot of no value."""
        self._frame.append(None)
        return len(self._frame) - 1

    def block(self, source: Any) -> Block:
        """Returns the code of a block of the function."""
        return self._blocks[source]

    @contextmanager
    def point(self) -> Iterator[int]:
        """Yields a slot for the point of the iteration space of a `linalg` op, within its body."""
        self._points.append(self.new_slot())
        yield self._points[-1]
        self._points.pop()

    @property
    def innermost_point(self) -> int:
        """The slot of the point of the innermost `linalg` op."""
        return self._points[-1]

    def _steps(self, operations: Sequence[Any]) -> list[Step]:
        steps = []
        for op in operations:
            handler = self._handlers.get(op.name)
            if handler is None:
                raise InterpretError(f"op '{op.name}' cannot be interpreted")
            step = handler(self, op)
            if step is not None:
                steps.append(step)
        return steps
