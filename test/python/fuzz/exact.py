"""What a program computes in float64, and how far a compiled result may be from it.

The program is evaluated several times with noise: after each op, every element is moved, up or down
by chance, by the largest error that the op itself may make (`gpt_mlir.verify.tolerance`: sums in
f32, the result rounded to its type). What the noise does to a result is what rounding can do to it:
errors grow, cancel and are damped on their way through the graph as real ones do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import linalg_values
import numpy as np
from programs import Array, Program, single_threaded_context

from gpt_mlir import DType, ir
from gpt_mlir.compiler.manifest import read_signatures
from gpt_mlir.verify.evaluator import Computed, Expected, Interpreter, Noise
from gpt_mlir.verify.reference import softmax, widen
from gpt_mlir.verify.tolerance import F32_ROUNDOFF, LIBM, allowed

# Calls a function with arrays by argument name; returns arrays by output name. Caches are updated
# in the dict of the arguments.
Run = Callable[[str, dict[str, Array]], dict[str, Array]]

# Evaluations with noise by chance, and by how much their spread is multiplied: it is an estimate
# from few samples of a sum of many small errors, and one that is too small by chance must do no
# harm.
SAMPLES = 6
SAFETY = 6.0

# The largest value of an f16 that a program may have: others may overflow in f16.
F16_LIMIT = 2.0**14


class UndecidableError(Exception):
    """The program says nothing: a choice is within rounding, or a number overflows."""


class Rounding(Noise):
    """The noise: each element is off by the greatest error it may have.

    By chance up or down; or all in one direction, since the largest of some numbers may stay where
    it is when one falls and the next one rises.
    """

    def __init__(self, seed: int, signs: Sequence[float] = (-1.0, 1.0)) -> None:
        super().__init__(seed)
        self._signs = signs

    def disturb(self, computed: Computed, dtype: DType) -> Array:
        if computed.error is None or not dtype.is_float:
            return computed.value
        with np.errstate(invalid="ignore"):
            limit = allowed(computed.value, dtype, np.asarray(computed.error))
        sign = self._rng.choice(self._signs, computed.value.shape)
        result: Array = computed.value + sign * np.where(np.isfinite(limit), limit, 0.0)
        return result

    def unrounded(self, computed: Computed, dtype: DType) -> Array:
        return self.disturb(computed, dtype)


class Watch:
    """Looks at the ops of an evaluation for what makes a program undecidable.

    Attributes:
        margins: For each op that chooses an index, how clear its choices are: in each row, numbers
            of which none may change its sign.
    """

    def __init__(self) -> None:
        self.margins: list[Array] = []

    def __call__(self, op: Any, operands: Sequence[Array], results: Sequence[Computed]) -> None:
        if op.name == "gpt.argmax":
            x = np.where(np.isnan(operands[0]), -np.inf, operands[0])
            best = x.argmax(-1)[..., None]
            with np.errstate(invalid="ignore"):
                margin = np.take_along_axis(x, best, -1) - x
            np.put_along_axis(margin, best, np.inf, -1)
            self.margins.append(margin)
        elif op.name == "gpt.sample":
            sums = np.cumsum(softmax(operands[0]), -1)[..., :-1]
            margin = sums - operands[1][..., None]
            # Sums in f32 of as many terms: where a number is that close, they decide.
            unclear = np.abs(margin) <= F32_ROUNDOFF * (LIBM + operands[0].shape[-1])
            self.margins.append(np.where(unclear, 0.0, margin))
        for value, result in zip(op.results, results, strict=True):
            if value.type.element_type == ir.F16Type.get(value.context):
                finite = np.where(np.isfinite(result.value), np.abs(result.value), 0)
                if finite.max(initial=0) > F16_LIMIT:
                    raise UndecidableError("a value is too large for f16")


@dataclasses.dataclass(frozen=True)
class _Evaluation:
    results: dict[str, Array]
    margins: list[Array]


class Exact:
    """A program's module, the data of its arguments, and what each of its results should be.

    Raises:
        UndecidableError: The program says nothing.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.module = self.parse()
        self.signatures = {s.name: s for s in read_signatures(self.module)}
        forward = self.signatures["forward"]
        self.arrays = program.arrays({a.name: a.dtype for a in forward.arguments})
        exact = self._evaluate(None)
        noises = [Rounding(seed) for seed in range(SAMPLES)]
        noises += [Rounding(0, [sign]) for sign in (-1.0, 1.0)]
        samples = [self._evaluate(noise) for noise in noises]
        self._refuse_unclear_choices(exact, samples)
        self.expected = {
            name: Expected(value, dtype, _allowed(value, [s.results[name] for s in samples], dtype))
            for (name, value), dtype in zip(exact.results.items(), self._dtypes(), strict=True)
        }
        if program.generation is not None and not any(program.generation.starts):
            self._check_cached_functions(exact)

    def parse(self) -> ir.Module:
        """Returns the module, in a new context."""
        return ir.Module.parse(self.program.text, single_threaded_context())

    def _dtypes(self) -> list[DType]:
        generation = self.program.generation
        functions = ["forward"]
        if generation is not None:
            functions = [generation.function(chunk) for chunk in generation.chunks]
        return [r.dtype for name in functions for r in self.signatures[name].results]

    def computes(self, arrays: dict[str, Array]) -> bool:
        """Whether `forward` can be computed with these arguments, and not with those of its own."""
        interpreter = self._interpreter(None, None)
        forward = self.signatures["forward"]
        try:
            interpreter.call("forward", [arrays[a.name] for a in forward.arguments])
        except (ValueError, IndexError):
            return False
        return True

    def _interpreter(self, noise: Rounding | None, watch: Watch | None) -> Interpreter:
        interpreter = Interpreter(self.module, noise=noise, observer=watch)
        interpreter.handlers = {**interpreter.handlers, **linalg_values.HANDLERS}
        return interpreter

    def _evaluate(self, noise: Rounding | None) -> _Evaluation:
        watch = Watch()
        interpreter = self._interpreter(noise, watch)
        if noise is not None:
            interpreter.handlers = {
                **interpreter.handlers,
                "gpt.cached_attention": _rounding_into_cache(interpreter, noise),
            }

        def run(function: str, arrays: dict[str, Array]) -> dict[str, Array]:
            signature = self.signatures[function]
            results = interpreter.call(function, [arrays[a.name] for a in signature.arguments])
            caches = [a.name for a in signature.arguments if a.kind == "cache"]
            arrays.update(zip(caches, results[len(signature.results) :], strict=True))
            return dict(zip([r.name for r in signature.results], results, strict=False))

        return _Evaluation(self.play(run, widened=True), watch.margins)

    def play(self, run: Run, *, widened: bool = False) -> dict[str, Array]:
        """Calls the functions of the program in their order; returns all results by name.

        Args:
            run: Calls one function.
            widened: Whether caches are float64, not of their own types.
        """
        generation = self.program.generation
        if generation is None:
            return run("forward", dict(self.arrays))
        results: dict[str, Array] = {}
        caches = {
            name: widen(cache) if widened else cache for name, cache in self._caches().items()
        }
        position = 0
        for index, chunk in enumerate(generation.chunks):
            function = generation.function(chunk)
            arrays = {**self.arrays, **caches}
            for argument in self.signatures[function].arguments:
                if argument.kind == "positions":
                    arrays[argument.name] = np.array(generation.starts, np.int64) + position
                elif argument.kind == "input":
                    part = self.arrays[argument.name][:, position : position + chunk]
                    arrays[argument.name] = np.ascontiguousarray(part)
            for name, result in run(function, arrays).items():
                results[f"{index}.{name}"] = result
            caches = {name: arrays[name] for name in caches}
            position += chunk
        return results

    def _caches(self) -> dict[str, Array]:
        """Returns caches that hold what precedes the first call, and NaN behind it."""
        generation = self.program.generation
        assert generation is not None
        caches = {}
        for cache in self.signatures["decode"].caches:
            heads, size = cache.shape[1], cache.shape[3]
            shape = (len(generation.starts), heads or 0, generation.capacity, size or 0)
            data = self.program.rng(cache.name).standard_normal(shape)
            for row, start in enumerate(generation.starts):
                data[row, :, start:] = np.nan
            caches[cache.name] = data.astype(cache.dtype.numpy)
        return caches

    def _check_cached_functions(self, exact: _Evaluation) -> None:
        """The functions with a cache compute, in float64, what the one without does."""
        forward = self.signatures["forward"]
        values = [self.arrays[a.name] for a in forward.arguments]
        wholes = Interpreter(self.module).call("forward", values)
        for result, whole in zip(forward.results, wholes, strict=True):
            parts = [v for name, v in exact.results.items() if name.endswith(f".{result.name}")]
            np.testing.assert_allclose(
                np.concatenate(parts, 1),
                whole,
                rtol=1e-6,
                atol=1e-9,
                err_msg=f"'{result.name}' with a KV cache, in float64",
            )

    def _refuse_unclear_choices(self, exact: _Evaluation, samples: list[_Evaluation]) -> None:
        for index, margin in enumerate(exact.margins):
            others = [sample.margins[index] for sample in samples]
            with np.errstate(invalid="ignore"):
                if (np.abs(margin) <= 2 * _spread(margin, others)).any():
                    raise UndecidableError("a choice is within rounding")


def _rounding_into_cache(interpreter: Interpreter, noise: Rounding) -> Callable[..., Any]:
    """Returns how a cached attention is evaluated whose caches round keys and values."""
    inner = interpreter.handlers["gpt.cached_attention"]

    def handle(frame: Any, op: Any, operands: Sequence[Array]) -> Any:
        operands = list(operands)
        types = [DType.of(operand.type.element_type) for operand in op.operands]
        for new, cache in ((1, 3), (2, 4)):
            if types[new] != types[cache]:
                operands[new] = noise.disturb(Computed(operands[new], 0.0), types[cache])
        return inner(frame, op, operands)

    return handle


def _spread(value: Array, samples: Sequence[Array]) -> Array:
    """Returns how far noise may move each element: by itself, its row, and all, a little."""
    value = np.asarray(value, np.float64)
    if not value.size:
        return np.zeros(value.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        off = [np.nan_to_num(sample - value, posinf=0, neginf=0) ** 2 for sample in samples]
        mean = np.mean(off, axis=0)
    row = mean.mean(-1, keepdims=True) if mean.ndim else mean
    result: Array = SAFETY * np.sqrt(mean + row + mean.mean() / 16)
    return result


def _allowed(value: Array, samples: Sequence[Array], dtype: DType) -> Array:
    if not dtype.is_float:
        return np.zeros(value.shape)
    result: Array = allowed(value, dtype, 0.0) + _spread(value, samples)
    return result
