"""Two kernels that reach the limits of a machine, as MLIR: multiply-adds, and reading memory.

They go through our own code generation, so a limit is what this compiler can get from the machine
at best, without any of its passes for models. Vectors are as wide as the registers; the chains are
independent and more than latency times throughput of any x86 or Arm core in use, and few enough
that none is spilled.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gpt_mlir import ir
from gpt_mlir.compiler import CompileOptions, compile_module
from gpt_mlir.dialects import arith, func, scf, tensor, vector
from gpt_mlir.graph.tensor import Value
from gpt_mlir.runtime import Function

__all__ = ["CHAINS", "compile_fma", "compile_read", "vector_lanes"]

CHAINS = 12

_PIPELINE = "gpt-linalg-to-loops-pipeline,gpt-loops-to-llvm-pipeline"


def vector_lanes() -> int:
    """Returns how many f32 a vector register of this machine holds."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    return 16 if "avx512f" in flags else 8 if "avx2" in flags else 4


def compile_fma(lanes: int) -> Function:
    """Returns fma(rounds `[1]` i64, start `[CHAINS, lanes]`, factors `[2, lanes]`).

    Every round is one multiply-add of vectors in each chain.
    """

    def body(rounds: Value, start: Value, factors: Value) -> Value:
        zero, one = _index(0), _index(1)
        count = arith.index_cast(ir.IndexType.get(), tensor.extract(rounds, [zero]))
        scale, shift = (_load(factors, [_index(i), zero], lanes) for i in range(2))
        chains = [_load(start, [_index(i), zero], lanes) for i in range(CHAINS)]
        loop = scf.ForOp(zero, count, one, chains)
        with ir.InsertionPoint(loop.body):
            scf.YieldOp([vector.fma(x, scale, shift) for x in loop.inner_iter_args])
        return _store_all(loop.results, lanes)

    def types() -> list[ir.Type]:
        f32, i64 = ir.F32Type.get(), ir.IntegerType.get_signless(64)
        tensors = [([1], i64), ([CHAINS, lanes], f32), ([2, lanes], f32)]
        return [ir.RankedTensorType.get(shape, element) for shape, element in tensors]

    return _compile("fma", types, body)


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


def _compile(name: str, types: Callable[[], list[ir.Type]], body: Callable[..., Value]) -> Function:
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            func.FuncOp.from_py_func(*types(), name=name)(body)
        options = CompileOptions(pipeline=_PIPELINE, opt_level=3)
        return compile_module(module, options).function(name)


def _index(value: int) -> Value:
    constant: Value = arith.constant(ir.IndexType.get(), value)
    return constant


def _map(rank: int) -> ir.AffineMapAttr:
    return ir.AffineMapAttr.get(ir.AffineMap.get_minor_identity(rank, 1))


def _load(source: Value, at: list[Value], lanes: int) -> Value:
    f32 = ir.F32Type.get()
    kind = ir.VectorType.get([lanes], f32)
    padding = arith.constant(f32, 0.0)
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
