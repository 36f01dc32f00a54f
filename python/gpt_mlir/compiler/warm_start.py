"""Finding compiled code without making the module it was compiled from.

The key of a cached object is a hash of the module, and making the module takes MLIR. Whoever can
name all that decides the module by a hash of its own, an alias, finds the object by that: neither
MLIR nor LLVM is loaded then.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gpt_mlir
from gpt_mlir.compiler.cache import ObjectCache
from gpt_mlir.compiler.fingerprint import compiler_fingerprint, digest, host_fingerprint
from gpt_mlir.compiler.options import CompileOptions
from gpt_mlir.runtime.executable import Executable

if TYPE_CHECKING:
    from gpt_mlir import ir

__all__ = ["load_or_compile", "make_alias"]

# The sources that make a module of a configuration.
_BUILDERS = ("dialects", "graph", "models")


def make_alias(options: CompileOptions, *parts: str) -> str:
    """Returns the alias of the code of a module.

    Args:
        options: How it is compiled.
        *parts: All that decides the module besides the sources of this package.

    Raises:
        CompileError: The schedule cannot be read.
    """
    return digest(
        options.identity(),
        compiler_fingerprint(),
        host_fingerprint(),
        _builder_fingerprint(),
        *parts,
    )


def load_or_compile(
    alias: str | None,
    build: Callable[[], ir.Module],
    options: CompileOptions,
    *,
    progress: Callable[[str], None] | None = None,
) -> Executable:
    """Returns compiled code, from the object cache if it is there.

    Args:
        alias: What `make_alias` returned; None if there is no such name.
        build: Makes the module; called if the alias leads nowhere.
        options: How to compile.
        progress: Called before each step that takes time, if there is one.

    Raises:
        CompileError: The compiler fails.
    """
    cache = ObjectCache(options.cache_folder) if options.cache and alias is not None else None
    if cache is not None and alias is not None:
        key = cache.recall(alias)
        entry = cache.get(key) if key is not None else None
        if entry is not None:
            try:
                return Executable.load(entry.manifest, path=entry.path, image=entry.image)
            except RuntimeError:
                pass  # compiling says what is wrong, if anything is
    from gpt_mlir.compiler.driver import compile_module

    executable = compile_module(build(), options, progress=progress)
    if cache is not None and alias is not None:
        cache.remember(alias, executable.key)
    return executable


@functools.cache
def _builder_fingerprint() -> str:
    """Returns a hash of the Python sources that make modules."""
    package = Path(gpt_mlir.__file__).parent
    result = hashlib.sha256()
    for folder in _BUILDERS:
        for path in sorted((package / folder).rglob("*.py")):
            result.update(path.read_bytes())
    return result.hexdigest()
