"""Compiled code as a whole: a loaded library with its functions.

Made by `gpt_mlir.compile_module`, or from an entry of the object cache without the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gpt_mlir import _runtime
from gpt_mlir.errors import InputError
from gpt_mlir.runtime.function import Function, Result
from gpt_mlir.runtime.packing import (
    AnonymousMemory,
    PackedMemory,
    PackedWeight,
    Packer,
    Packing,
    provide,
)
from gpt_mlir.runtime.signature import FunctionSignature
from gpt_mlir.runtime.threads import read_environment

__all__ = ["Executable"]


class Executable:
    """Functions of one compiled module.

    Attributes:
        key: The content hash under which the object cache knows this code, or "".
    """

    def __init__(self, functions: Mapping[str, Function], *, key: str = "") -> None:
        self._functions = MappingProxyType(dict(functions))
        self.key = key

    @classmethod
    def load(
        cls, manifest: Mapping[str, Any], *, path: Path | None = None, image: bytes | None = None
    ) -> Executable:
        """Loads compiled code.

        Args:
            manifest: Key, signatures and packing, as the compiler wrote them (`make_manifest`).
            path: The file of the shared library; tried first.
            image: Its bytes; used if there is no file or it cannot be loaded, for example from a
                file system mounted noexec.

        Raises:
            RuntimeError: The code cannot be loaded or does not fit its manifest.
            InputError: `GPT_MLIR_NUM_THREADS` is not a number of threads.
        """
        read_environment()
        if path is None and image is None:
            raise ValueError("expected a path, an image or both")
        library = None
        if path is not None:
            try:
                library = _runtime.Library.open(str(path))
            except RuntimeError:
                if image is None:
                    raise
        if library is None:
            assert image is not None
            library = _runtime.Library.from_bytes(image, f"gpt-mlir-{manifest['key'][:12]}")
        packing = Packing.from_json(manifest["packing"])
        signatures = map(FunctionSignature.from_json, manifest["functions"])
        functions = {
            signature.name: Function(library, signature, packing) for signature in signatures
        }
        return cls(functions, key=manifest["key"])

    @property
    def functions(self) -> Mapping[str, Function]:
        """All functions by name."""
        return self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __repr__(self) -> str:
        return f"<executable with {', '.join(self._functions) or 'no functions'}>"

    def function(self, name: str) -> Function:
        """Returns the function called `name`.

        Raises:
            InputError: There is none; the message lists those there are.
        """
        try:
            return self._functions[name]
        except KeyError:
            known = ", ".join(f"'{known}'" for known in self._functions)
            raise InputError(f"no compiled function '{name}'; there are {known}") from None

    def bind(self, weights: Mapping[str, Any], *, memory: PackedMemory | None = None) -> Executable:
        """Returns this executable with weights bound, in every function that takes them.

        Weights that compiled code reads in another form are packed now, once for all functions.

        Args:
            weights: Arrays by checkpoint name. Each must be a weight of at least one function.
            memory: Where packed weights are kept; None for memory of this process.

        Raises:
            InputError: A name is unknown or an array does not fit.
        """
        values: dict[str, dict[str, Any]] = {}
        packers: dict[PackedWeight, Packer] = {}
        for name, function in self._functions.items():
            mine = {w.name: weights[w.name] for w in function.unbound_weights if w.name in weights}
            values[name] = function.check(mine)
            packers.update(function.ready_packers(values[name]))
        used = {weight for mine in values.values() for weight in mine}
        unknown = [name for name in weights if name not in used]
        if unknown:
            raise InputError(
                f"no function has an unbound weight '{unknown[0]}'"
                + (f" (nor {len(unknown) - 1} other names given)" if len(unknown) > 1 else "")
            )
        memory = memory or AnonymousMemory()
        packed = provide(packers, memory)
        memory.expect_rows({name for f in self._functions.values() for name in f.also_packed})
        functions = {
            name: function.bind_packed(values[name], packed)
            for name, function in self._functions.items()
        }
        return Executable(functions, key=self.key)

    def with_num_threads(self, count: int | None) -> Executable:
        """Returns this executable, using so many threads.

        Args:
            count: 1 to 256; None for as many as `gpt_mlir.get_num_threads()` says at a call.

        Raises:
            InputError: `count` is something else.
        """
        functions = {
            name: function.with_num_threads(count) for name, function in self._functions.items()
        }
        return Executable(functions, key=self.key)

    def __call__(self, *args: Any, **inputs: Any) -> Result:
        """Calls the only function; see `Function.__call__`.

        Raises:
            InputError: There are several functions; the message lists them.
        """
        if len(self._functions) != 1:
            known = ", ".join(f"'{known}'" for known in self._functions)
            raise InputError(f"expected a function name: use .function(name); there are {known}")
        (function,) = self._functions.values()
        return function(*args, **inputs)
