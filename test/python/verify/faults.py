"""Miscompiles on purpose: which fault, in what graph, behind which pass.

The faults are those of the pass plugin in `test/Plugins`. Each is put into the compiler's own
pipeline, right after the first pass with a certain label; or inside of that pass, in all pipelines,
as if the pass itself were wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gpt_mlir
from gpt_mlir import Graph, ir
from gpt_mlir.compiler import CompileOptions, list_passes, llvm_pipeline, load_pass_plugin
from gpt_mlir.graph import ops
from gpt_mlir.verify import stages
from gpt_mlir.verify.stages import pass_label

# Not a multiple of any tile.
FEATURES = 24


@functools.cache
def plugin() -> Path:
    """Loads the plugin; returns its file, which the build leaves beside the staged package."""
    file = Path(gpt_mlir.__file__).parents[2] / "test" / "plugins" / "GPTSeededFaults.so"
    load_pass_plugin(file)
    return file


def attention(**attributes: int) -> ir.Module:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", FEATURES))
    q, k, v = ops.split(ops.linear(x, graph.weight("qkv", (3 * FEATURES, FEATURES))), 3)
    graph.output("y", ops.attention(q, k, v, num_heads=4, causal=True, **attributes))
    return graph.module


def cached_attention() -> ir.Module:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", FEATURES))
    q, k, v = ops.split(ops.linear(x, graph.weight("qkv", (3 * FEATURES, FEATURES))), 3)
    q, k = (ops.rope(tensor, num_heads=4) for tensor in (q, k))
    graph.output("y", ops.attention(q, k, v, num_heads=4, causal=True))
    return graph.insert_kv_cache(keep_function=False)


def norms(**attributes: bool) -> ir.Module:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", FEATURES)) * 0.5
    scale = graph.weight("scale", (FEATURES,))
    y = ops.rms_norm(x, scale, epsilon=1e-5, **attributes)
    graph.output("y", ops.layer_norm(x + y, scale, epsilon=1e-5))
    return graph.module


def feed_forward() -> ir.Module:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", 32))
    wide = ops.linear(x, graph.weight("up", (64, 32)), graph.weight("bias", (64,)))
    graph.output("y", ops.gelu(wide, approximate="none") + wide)
    return graph.module


def square_projections() -> ir.Module:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", FEATURES))
    weight = graph.weight("weight", (FEATURES, FEATURES))
    graph.output("y", ops.linear(ops.rope(ops.linear(x, weight), num_heads=3), weight))
    return graph.module


def softmax() -> ir.Module:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", FEATURES))
    graph.output("y", ops.softmax(x * 4.0) + x)
    return graph.module


def embedding() -> ir.Module:
    graph = Graph()
    table = graph.weight("table", (50, FEATURES))
    graph.output("y", ops.embedding(table, graph.input("ids", ("batch", "seq"), "i64")) * 2.0)
    return graph.module


def narrow() -> ir.Module:
    graph = Graph()
    graph.output("y", ops.cast(graph.input("x", ("batch", "seq", FEATURES)) * 1.1, dtype="bf16"))
    return graph.module


@dataclasses.dataclass(frozen=True)
class SeededFault:
    """A fault in a place.

    Attributes:
        name: Of the fault, as the plugin knows it.
        build: Builds the graph that shows it.
        after: Label of the pass that it follows.
        level: Optimization level whose pipeline it is put into.
        inside: Whether it takes the place of that pass, which it runs.
    """

    name: str
    build: Callable[[], ir.Module]
    after: str
    level: int = 1
    inside: bool = False

    @property
    def id(self) -> str:
        """Names it among all faults."""
        return f"{self.name}-inside-{self.after}" if self.inside else self.name

    @functools.cached_property
    def text(self) -> str:
        """The pass, as it is to be found."""
        return next(text for text in self._passes if text.startswith("gpt-seed-fault"))

    @functools.cached_property
    def _passes(self) -> list[str]:
        return list_passes(self.put_into(llvm_pipeline(CompileOptions(opt_level=self.level))))

    def put_into(self, pipeline: str) -> str:
        """Returns a pipeline with the fault, if it does not have it already."""
        passes = list_passes(pipeline)
        if any(text.startswith("gpt-seed-fault") for text in passes):
            return pipeline
        place = [pass_label(text) for text in passes].index(self.after)
        if self.inside:
            passes[place] = f"gpt-seed-fault{{fault={self.name} runs={{{passes[place]}}}}}"
        else:
            passes.insert(place + 1, f"gpt-seed-fault{{fault={self.name}}}")
        return ",".join(passes)

    def options(self) -> CompileOptions:
        """Returns options that compile with the fault; LLVM does the least, which is fast."""
        return CompileOptions(llvm_opt_level=0, pipeline=",".join(self._passes), cache=False)

    @contextlib.contextmanager
    def seeded(self) -> Iterator[CompileOptions]:
        """Yields the options, and puts a fault inside of a pass into every pipeline meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            if self.inside:
                patch.setattr(
                    stages, "llvm_pipeline", lambda options: self.put_into(llvm_pipeline(options))
                )
            yield self.options()


LINALG = "convert-gpt-to-linalg"
GENERIC = "linalg-generalize-named-ops"
LOOPS = "convert-linalg-to-loops"
LLVM = "convert-arith-to-llvm"
MATH = "gpt-approximate-math"
TILES = "gpt-apply-schedule tile"

# One per stage without a schedule: these are tried by default, all by `make faults`.
FEW = (
    SeededFault("lost-causal-mask", attention, "cse"),
    SeededFault("no-maximum-subtracted", softmax, "gpt-decompose-aggregates"),
    SeededFault("dropped-last-iteration", feed_forward, LOOPS),
    SeededFault("llvm-swapped-operands", softmax, LLVM),
)
MORE = (
    SeededFault("window-off-by-one", functools.partial(attention, window=3), "cse"),
    SeededFault("wrong-scale", attention, "cse"),
    SeededFault("lost-epsilon", norms, "cse"),
    SeededFault("lost-unit-offset", functools.partial(norms, unit_offset=True), "cse"),
    SeededFault("dropped-bias", feed_forward, "canonicalize"),
    SeededFault("transposed-square-weight", square_projections, "cse"),
    SeededFault("wrong-rope-pairing", square_projections, "cse"),
    SeededFault("lost-position", cached_attention, "cse"),
    SeededFault("stale-cache", cached_attention, "cse"),
    SeededFault("swapped-parts", attention, "cse"),
    SeededFault("wrong-activation", feed_forward, "cse"),
    SeededFault("comparison-flipped", attention, LINALG),
    SeededFault("clamp-removed", embedding, LINALG),
    SeededFault("truncated-accumulation", feed_forward, GENERIC),
    SeededFault("rounded-towards-zero", narrow, LINALG),
    SeededFault("wrong-sign", feed_forward, GENERIC),
    SeededFault("accumulator-not-zeroed", square_projections, LINALG),
    SeededFault("wrong-reduction-axis", square_projections, LINALG),
    SeededFault("dropped-tail", feed_forward, TILES, level=2),
    SeededFault("overlapping-tiles", feed_forward, TILES, level=2),
    SeededFault("lost-accumulator", feed_forward, TILES, level=2),
    SeededFault("shifted-store", norms, LOOPS),
    SeededFault("stale-load", norms, LOOPS),
    SeededFault("wrong-coefficients", feed_forward, MATH, level=2),
    SeededFault("swapped-select", feed_forward, MATH, level=2),
    SeededFault("llvm-wrong-operation", norms, LLVM),
    SeededFault("llvm-wrong-comparison", softmax, LLVM),
)

BUFFERIZE = "one-shot-bufferize"
FINALIZE = "finalize-memref-to-llvm"

# Inside of passes that every lowering needs: of each stage one by default, all by `make faults`.
FEW_INSIDE = (
    SeededFault("comparison-flipped", attention, LINALG, inside=True),
    SeededFault("shared-buffers", feed_forward, BUFFERIZE, inside=True),
    SeededFault("lost-innermost-index", feed_forward, FINALIZE, inside=True),
)
MORE_INSIDE = (
    SeededFault("wrong-reduction-axis", square_projections, LINALG, inside=True),
    SeededFault("dropped-epsilon", norms, LINALG, inside=True),
    SeededFault("accumulator-not-zeroed", square_projections, LINALG, inside=True),
    SeededFault("clamp-removed", embedding, LINALG, inside=True),
    SeededFault("no-maximum-subtracted", softmax, "gpt-decompose-aggregates", inside=True),
    SeededFault("dropped-copies", cached_attention, BUFFERIZE, inside=True),
    SeededFault("overlapping-places", attention, "gpt-plan-memory", inside=True),
    SeededFault(
        "dropped-last-iteration", feed_forward, "gpt-linalg-reductions-to-loops", inside=True
    ),
    SeededFault("bound-off-by-one", norms, LOOPS, inside=True),
    SeededFault("stale-load", attention, "fold-memref-alias-ops", inside=True),
    SeededFault("wrong-stride", feed_forward, FINALIZE, inside=True),
    SeededFault("swapped-select", softmax, "arith-expand", inside=True),
    SeededFault("swapped-branch", softmax, "convert-scf-to-cf", inside=True),
    SeededFault("swapped-functions", square_projections, "convert-math-to-llvm", inside=True),
    SeededFault("llvm-swapped-operands", softmax, LLVM, inside=True),
    SeededFault("llvm-swapped-branch", norms, "convert-cf-to-llvm", inside=True),
)
