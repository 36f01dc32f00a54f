"""Kernels that reach the limits of a machine, as MLIR: multiply-adds, and reading memory.

They go through our own code generation, so a limit is what this compiler can get from the machine
at best, without any of its passes for models. Vectors are as wide as the registers; the chains are
independent and more than latency times throughput of any x86 or Arm core in use, and few enough
that none is spilled.
"""

from __future__ import annotations

from collections.abc import Callable

from gpt_mlir import ir
from gpt_mlir.compiler import CompileOptions, compile_module
from gpt_mlir.dialects import arith, func, scf, tensor, vector
from gpt_mlir.graph.tensor import Value
from gpt_mlir.runtime import Function

__all__ = ["CHAINS", "compile_bf16_dot", "compile_fma", "compile_read"]

CHAINS = 12

_PIPELINE = "gpt-linalg-to-loops-pipeline,gpt-loops-to-llvm-pipeline"
# The loops of a model may not contain an instruction of one processor; there is nothing in this
# kernel but its result that has to be made a buffer.
_DOT_PIPELINE = (
    "one-shot-bufferize{bufferize-function-boundaries=true "
    "function-boundary-type-conversion=identity-layout-map},canonicalize,cse,"
    "gpt-loops-to-llvm-pipeline"
)


def compile_fma(lanes: int) -> Function:
    """Returns multiply_add(rounds `[1]` i64, start `[CHAINS, lanes]`, factors `[2, lanes]`).

    Every round is one multiply-add of vectors in each chain.
    """

    def body(rounds: Value, start: Value, factors: Value) -> Value:
        scale, shift = (_load(factors, [_index(i), _index(0)], lanes) for i in range(2))
        return _repeat(rounds, start, lanes, lambda sum_: vector.fma(sum_, scale, shift))

    def types() -> list[ir.Type]:
        f32, i64 = ir.F32Type.get(), ir.IntegerType.get_signless(64)
        tensors = [([1], i64), ([CHAINS, lanes], f32), ([2, lanes], f32)]
        return [ir.RankedTensorType.get(shape, element) for shape, element in tensors]

    return _compile("multiply_add", types, body)


def compile_bf16_dot() -> Function:
    """Returns dot(rounds `[1]` i64, start `[CHAINS, 16]` f32, factors `[2, 32]` bf16).

    Every round adds products of pairs of bf16 to 16 sums in each chain.
    """
    lanes = 16

    def body(rounds: Value, start: Value, factors: Value) -> Value:
        left, right = (
            _load(factors, [_index(i), _index(0)], 2 * lanes, ir.BF16Type.get()) for i in range(2)
        )

        def dot(sum_: Value) -> Value:
            op = ir.Operation.create(
                "llvm.inline_asm",
                results=[sum_.type],
                operands=[left, right, sum_],
                attributes={
                    "asm_string": ir.StringAttr.get("vdpbf16ps $2, $1, $0"),
                    "constraints": ir.StringAttr.get("=v,v,v,0"),
                },
            )
            result: Value = op.result
            return result

        return _repeat(rounds, start, lanes, dot)

    def types() -> list[ir.Type]:
        f32, bf16 = ir.F32Type.get(), ir.BF16Type.get()
        tensors = [
            ([1], ir.IntegerType.get_signless(64)),
            ([CHAINS, lanes], f32),
            ([2, 2 * lanes], bf16),
        ]
        return [ir.RankedTensorType.get(shape, element) for shape, element in tensors]

    return _compile("dot", types, body, _DOT_PIPELINE)


def _repeat(rounds: Value, start: Value, lanes: int, step: Callable[[Value], Value]) -> Value:
    """Applies `step` to each chain as often as `rounds` says."""
    zero = _index(0)
    count = arith.index_cast(ir.IndexType.get(), tensor.extract(rounds, [zero]))
    chains = [_load(start, [_index(i), zero], lanes) for i in range(CHAINS)]
    loop = scf.ForOp(zero, count, _index(1), chains)
    with ir.InsertionPoint(loop.body):
        scf.YieldOp([step(chain) for chain in loop.inner_iter_args])
    return _store_all(loop.results, lanes)


def compile_read(lanes: int) -> Function:
    """Returns read(x `[n]`): sums all of x, `n` a multiple of `CHAINS * lanes`, front to back."""

    def body(x: Value) -> Value:
        zero = _index(0)
        zeros = arith.constant(
            ir.VectorType.get([lanes], ir.F32Type.get()),
            ir.DenseElementsAttr.get_splat(
                ir.VectorType.get([lanes], ir.F32Type.get()),
                ir.FloatAttr.get(ir.F32Type.get(), 0.0),
            ),
        )
        loop = scf.ForOp(zero, tensor.dim(x, zero), _index(CHAINS * lanes), [zeros] * CHAINS)
        with ir.InsertionPoint(loop.body):
            sums = []
            for i, chain in enumerate(loop.inner_iter_args):
                at = arith.addi(loop.induction_variable, _index(i * lanes))
                sums.append(arith.addf(chain, _load(x, [at], lanes)))
            scf.YieldOp(sums)
        return _store_all(loop.results, lanes)

    def types() -> list[ir.Type]:
        dynamic = ir.ShapedType.get_dynamic_size()
        return [ir.RankedTensorType.get([dynamic], ir.F32Type.get())]

    return _compile("read", types, body)


def _compile(
    name: str,
    types: Callable[[], list[ir.Type]],
    body: Callable[..., Value],
    pipeline: str = _PIPELINE,
) -> Function:
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            func.FuncOp.from_py_func(*types(), name=name)(body)
        options = CompileOptions(pipeline=pipeline, opt_level=3)
        return compile_module(module, options).function(name)


def _index(value: int) -> Value:
    constant: Value = arith.constant(ir.IndexType.get(), value)
    return constant


def _map(rank: int) -> ir.AffineMapAttr:
    return ir.AffineMapAttr.get(ir.AffineMap.get_minor_identity(rank, 1))


def _load(source: Value, at: list[Value], lanes: int, element: ir.Type | None = None) -> Value:
    element = element or ir.F32Type.get()
    kind = ir.VectorType.get([lanes], element)
    padding = arith.constant(element, 0.0)
    value: Value = vector.transfer_read(kind, source, at, _map(len(at)), padding, in_bounds=[True])
    return value


def _store_all(chains: ir.OpResultList, lanes: int) -> Value:
    """Makes a tensor of the chains, so that none of them is dead."""
    f32 = ir.F32Type.get()
    result: Value = tensor.empty([CHAINS, lanes], f32)
    kind = ir.RankedTensorType.get([CHAINS, lanes], f32)
    for i, chain in enumerate(chains):
        at = [_index(i), _index(0)]
        result = vector.transfer_write(kind, chain, result, at, _map(2), in_bounds=[True])
    return result
