"""A model's forward function, compiled: with a KV cache, and without one when that is asked for."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import gpt_mlir
from gpt_mlir.compiler.options import CompileOptions, given_options
from gpt_mlir.compiler.warm_start import load_or_compile, make_alias
from gpt_mlir.dtypes import DType
from gpt_mlir.models import Architecture, ModelConfig
from gpt_mlir.runtime import packing
from gpt_mlir.runtime.threads import check_num_threads, read_environment

if TYPE_CHECKING:
    from gpt_mlir import ir
    from gpt_mlir.graph import Graph
    from gpt_mlir.runtime import Executable
    from gpt_mlir.runtime.packing import PackedMemory

__all__ = ["CompiledModel"]

Array = np.ndarray[Any, np.dtype[Any]]

# Bytes; where each cache begins is a multiple of them.
_CACHE_LINE = 64


class CompiledModel:
    """Configuration and weights, made into functions of arrays.

    The two forms of a model, with and without a KV cache, are modules of their own, compiled when
    they are first used. Usable from many threads.

    Attributes:
        config: The sizes.
        weights: An array of each weight, by name.
        compile_seconds: Seconds spent building graphs and compiling them or finding them in the
            object cache.
        check_unchanged: Raises CheckpointError if weights are no longer what they were.
    """

    def __init__(
        self,
        architecture: Architecture[Any],
        config: ModelConfig,
        weights: Mapping[str, Array],
        *,
        options: CompileOptions | None = None,
        dtype: DType = DType.F32,
        num_threads: int | None = None,
        memory: PackedMemory | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepares a model; compiles nothing yet.

        Args:
            architecture: Builds the graph.
            config: The sizes.
            weights: An array of each weight; they are used where they are.
            options: How to compile.
            dtype: Element type of activations.
            num_threads: Threads to use; None for as many as the process has set.
            memory: Where packed weights are kept; None for memory of this process.
            check: Called before each call for more than one token; raises if weights are no longer
                what they were.

        Raises:
            InputError: `num_threads` or `GPT_MLIR_NUM_THREADS` is not a number of threads.
        """
        check_num_threads(num_threads)
        read_environment()
        self.config = config
        self.compile_seconds = 0.0
        self._architecture = architecture
        self.weights = weights
        self._options = given_options(options)
        self._memory = memory
        self.check_unchanged = check
        self._dtype = dtype
        self._num_threads = num_threads
        self._lock = threading.Lock()
        self._executables: dict[bool, Executable] = {}

    def graph(self) -> Graph:
        """Returns the graph of the forward function, without a KV cache."""
        dtypes = {name: DType.of(array.dtype) for name, array in self.weights.items()}
        return self._architecture.build_graph(self.config, dtypes, dtype=self._dtype)

    def module(self, *, use_cache: bool = True) -> ir.Module:
        """Returns the IR that is compiled: `prefill` and `decode`, or `forward`."""
        graph = self.graph()
        return graph.insert_kv_cache(keep_function=False) if use_cache else graph.module

    def executable(
        self, *, use_cache: bool = True, progress: Callable[[str], None] | None = None
    ) -> Executable:
        """Returns the compiled form with or without a KV cache, weights bound.

        Args:
            use_cache: Which form.
            progress: Called before each step that takes time, if it has to be compiled.

        Raises:
            CompileError: The compiler fails.
        """
        with self._lock:
            if use_cache not in self._executables:
                begin = time.perf_counter()
                executable = load_or_compile(
                    self._alias(use_cache),
                    lambda: self.module(use_cache=use_cache),
                    self._options,
                    progress=progress,
                ).with_num_threads(self._num_threads)
                self._executables[use_cache] = executable.bind(self.weights, memory=self._memory)
                self.compile_seconds += time.perf_counter() - begin
            return self._executables[use_cache]

    def _alias(self, use_cache: bool) -> str | None:
        """Returns a name for the code that can be told without building the module."""
        kind = type(self._architecture)
        # Of another's architecture we do not know on which sources its graph depends.
        if not kind.__module__.startswith(f"{gpt_mlir.__name__}."):
            return None
        dtypes = sorted((name, str(array.dtype)) for name, array in self.weights.items())
        return make_alias(
            self._options,
            f"{kind.__module__}.{kind.__qualname__}",
            repr(self.config),
            repr(dtypes),
            str(self._dtype),
            str(use_cache),
        )

    def forward(self, ids: Array) -> Array:
        """Returns logits `[batch, seq, vocab]` of token ids `[batch, seq]`."""
        run = self.executable(use_cache=False).function("forward")
        self.check_unchanged()
        return _array(run(ids))

    def allocate(self, batch: int, capacity: int) -> list[Array]:
        """Returns caches `[batch, heads, capacity, features]` for that many tokens each."""
        names = {"batch": batch, "capacity": capacity}
        signatures = self.executable().function("prefill").signature.caches
        shapes = [
            [
                names[dim] if size is None else size
                for size, dim in zip(cache.shape, cache.dims, strict=True)
            ]
            for cache in signatures
        ]
        dtypes = [cache.dtype.numpy for cache in signatures]
        sizes = [
            math.prod(shape) * dtype.itemsize for shape, dtype in zip(shapes, dtypes, strict=True)
        ]
        # All in one piece, for huge pages: a token reads every entry, and without them waits for
        # page tables.
        starts = [0, *itertools.accumulate(-(-size // _CACHE_LINE) * _CACHE_LINE for size in sizes)]
        memory, first = packing.allocate(starts[-1])
        data = np.frombuffer(memory, np.uint8)[first:]
        return [
            data[start : start + size].view(dtype).reshape(shape)
            for start, size, dtype, shape in zip(starts, sizes, dtypes, shapes, strict=False)
        ]

    def prefill(self, ids: Array, positions: Array, caches: Sequence[Array]) -> Array:
        """Appends ids `[batch, seq]` at `positions` `[batch]`; returns logits `[batch, vocab]`."""
        run = self.executable().function("prefill")
        self.check_unchanged()
        return _array(run(ids, positions, *caches))[:, -1]

    def decode(self, ids: Array, positions: Array, caches: Sequence[Array]) -> Array:
        """Appends one id per sequence, `[batch, 1]`; returns logits `[batch, vocab]`."""
        return _array(self.executable().function("decode")(ids, positions, *caches))[:, -1]

    def prepare_decode(
        self, ids: Array, positions: Array, caches: Sequence[Array]
    ) -> Callable[[], Array]:
        """Returns `decode` of these arrays, as they are at each call.

        They are checked once: of a small model, that takes longer than the call itself.
        """
        function = self.executable().function("decode")
        signature = function.signature
        names = [argument.name for argument in (*signature.inputs, *signature.caches)]
        run = function.bind(dict(zip(names, (ids, positions, *caches), strict=True)))
        return lambda: _array(run())[:, -1]


def _array(result: Any) -> Array:
    assert isinstance(result, np.ndarray)
    return result
