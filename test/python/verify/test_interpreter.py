"""The interpreter: what its arithmetic and its memory do, and what it refuses."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gpt_mlir import ir
from gpt_mlir.verify.interpreter import InterpretError, LimitError, Machine
from gpt_mlir.verify.interpreter.memory import Buffer
from gpt_mlir.verify.isolation import CrashError


def machine(text: str, limit: int = 10_000) -> Machine:
    with ir.Context():
        module = ir.Module.parse(text)
    assert module.operation.verify()
    return Machine(module, limit=limit)


def run(text: str, *arguments: Any) -> Any:
    """Runs `@main`; returns its only result."""
    (result,) = machine(text).invoke("main", arguments)
    return result


def run_op(op: str, kind: str, *arguments: Any) -> Any:
    names = ", ".join(f"%x{i}" for i in range(len(arguments)))
    inputs = ", ".join(f"%x{i}: {kind}" for i in range(len(arguments)))
    result = op.rpartition(" to ")[2] if " to " in op else kind
    text = op.replace("ARGS", names)
    return run(
        f"func.func @main({inputs}) -> {result} {{ %r = {text} return %r : {result} }}", *arguments
    )


@pytest.mark.parametrize(
    ("op", "kind", "arguments", "want"),
    [
        ("arith.addi ARGS : i8", "i8", (127, 1), -128),
        ("arith.muli ARGS : i64", "i64", (1 << 62, 2), -(1 << 63)),
        ("arith.divsi ARGS : i32", "i32", (-7, 2), -3),
        ("arith.remsi ARGS : i32", "i32", (-7, 2), -1),
        ("arith.floordivsi ARGS : index", "index", (-7, 2), -4),
        ("arith.divui ARGS : i8", "i8", (-1, 2), 127),
        ("arith.shrui ARGS : i16", "i16", (-1, 12), 15),
        ("arith.maxui ARGS : i32", "i32", (-1, 1), -1),
        ("arith.extsi ARGS : i1 to i32", "i1", (1,), -1),
        ("arith.extui ARGS : i1 to i32", "i1", (1,), 1),
        ("arith.trunci ARGS : i64 to i8", "i64", (384,), -128),
        ("arith.bitcast ARGS : f32 to i32", "f32", (np.float32(1.0),), 0x3F800000),
        ("arith.sitofp ARGS : i64 to f32", "i64", ((1 << 24) + 1,), np.float32(1 << 24)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arithmetic_is_that_of_the_type(
    op: str, kind: str, arguments: tuple[Any, ...], want: Any
) -> None:
    got = run_op(op, kind, *arguments)
    assert got == want
    assert type(got) is type(want)


def test_every_result_is_rounded_to_its_type() -> None:
    one, tiny = np.float32(1.0), np.float32(2.0**-25)
    assert run_op("arith.addf ARGS : f32", "f32", one, tiny) == one
    narrow = ml_dtypes.bfloat16
    got = run_op("arith.mulf ARGS : bf16", "bf16", narrow(1.0078125), narrow(1.0078125))
    assert got == narrow(1.0078125**2)
    assert type(got) is narrow


@pytest.mark.parametrize(
    ("predicate", "want"), [("olt", 0), ("ult", 1), ("une", 1), ("oeq", 0), ("uno", 1), ("ord", 0)]
)
def test_comparisons_with_nan(predicate: str, want: int) -> None:
    text = "func.func @main(%x: f32, %y: f32) -> i1 { %r = arith.cmpf PREDICATE, %x, %y : f32 "
    text = text.replace("PREDICATE", predicate) + "return %r : i1 }"
    assert run(text, np.float32(np.nan), np.float32(1.0)) == want


VIEWS = """
func.func @main(%x: memref<4x6xf32>) -> f32 {
  %c1 = arith.constant 1 : index
  %seven = arith.constant 7.0 : f32
  %part = memref.subview %x[1, 2] [2, 2] [1, 2]
    : memref<4x6xf32> to memref<2x2xf32, strided<[6, 2], offset: 8>>
  %row = memref.subview %part[1, 0] [1, 2] [1, 1]
    : memref<2x2xf32, strided<[6, 2], offset: 8>> to memref<2xf32, strided<[2], offset: 14>>
  memref.store %seven, %row[%c1] : memref<2xf32, strided<[2], offset: 14>>
  %flat = memref.collapse_shape %x [[0, 1]] : memref<4x6xf32> into memref<24xf32>
  %place = arith.constant 16 : index
  %read = memref.load %flat[%place] : memref<24xf32>
  return %read : f32
}
"""


def buffer(used: Machine, array: np.ndarray[Any, Any], *, writable: bool = True) -> Buffer:
    allocation = used.memory.store_array(array, writable=writable)
    return Buffer.contiguous(used.memory, array.dtype, allocation, array.shape)


def test_views_share_their_memory() -> None:
    used = machine(VIEWS)
    x = buffer(used, np.zeros((4, 6), np.float32))
    assert used.invoke("main", [x]) == (7.0,)
    assert x.array[2, 4] == 7.0


SHIFT = """
func.func @main(%x: memref<5xf32>) {
  %from = memref.subview %x[0] [4] [1] : memref<5xf32> to memref<4xf32, strided<[1]>>
  %to = memref.subview %x[1] [4] [1] : memref<5xf32> to memref<4xf32, strided<[1], offset: 1>>
  linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>],
                  iterator_types = ["parallel"]}
      ins(%from : memref<4xf32, strided<[1]>>) outs(%to : memref<4xf32, strided<[1], offset: 1>>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}
"""


def test_an_op_in_place_does_what_its_loops_do() -> None:
    used = machine(SHIFT)
    x = buffer(used, np.arange(5, dtype=np.float32))
    used.invoke("main", [x])
    np.testing.assert_array_equal(x.array, np.zeros(5))


def test_values_are_not_changed_by_ops_on_tensors() -> None:
    text = """
    func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
      %zero = arith.constant 0.0 : f32
      %filled = linalg.fill ins(%zero : f32) outs(%x : tensor<3xf32>) -> tensor<3xf32>
      %sum = linalg.add ins(%x, %filled : tensor<3xf32>, tensor<3xf32>)
        outs(%x : tensor<3xf32>) -> tensor<3xf32>
      return %sum : tensor<3xf32>
    }
    """
    x = np.ones(3, np.float32)
    np.testing.assert_array_equal(run(text, x), np.ones(3))
    np.testing.assert_array_equal(x, np.ones(3))


def test_memory_that_was_not_written_is_nan() -> None:
    text = """
    func.func @main() -> f32 {
      %c0 = arith.constant 0 : index
      %x = memref.alloc() : memref<2xf32>
      %y = memref.load %x[%c0] : memref<2xf32>
      return %y : f32
    }
    """
    assert np.isnan(run(text))


BROKEN = {
    "uses the element": "%y = memref.load %x[%c9] : memref<4xf32>",
    "has been freed": "%a = memref.alloc() : memref<4xf32> memref.dealloc %a : memref<4xf32> "
    "%y = memref.load %a[%c0] : memref<4xf32>",
    "only read": "memref.store %f, %x[%c0] : memref<4xf32>",
    "more than its buffer": "%v = memref.reinterpret_cast %x to offset: [0], sizes: [2], strides: "
    "[4] : memref<4xf32> to memref<2xf32, strided<[4]>> "
    "%y = memref.load %v[%c0] : memref<2xf32, strided<[4]>>",
    "by zero": "%y = arith.divsi %c0, %c0 : index",
    "has no meaning": "%u = llvm.mlir.poison : i64 %v = arith.addi %u, %u : i64",
    "within a buffer": "%v = memref.reinterpret_cast %x to offset: [0], sizes: [2], strides: [1] "
    ": memref<4xf32> to memref<2xf32> "
    "%i = memref.extract_aligned_pointer_as_index %v : memref<2xf32> -> index "
    "%four = arith.constant 4 : index %j = arith.addi %i, %four : index "
    "%k = arith.index_cast %j : index to i64 %p = llvm.inttoptr %k : i64 to !llvm.ptr "
    "llvm.call @free(%p) : (!llvm.ptr) -> ()",
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_has_no_meaning_ends_the_call(message: str) -> None:
    used = machine(
        "llvm.func @free(!llvm.ptr)\nfunc.func @main(%x: memref<4xf32>) {"
        "%c0 = arith.constant 0 : index %c9 = arith.constant 9 : index"
        f" %f = arith.constant 1.0 : f32 {BROKEN[message]} return }}"
    )
    with pytest.raises(CrashError, match=message):
        used.invoke("main", [buffer(used, np.ones(4, np.float32), writable=False)])


def test_structs_and_pointers() -> None:
    text = """
    llvm.mlir.global internal constant @table(dense<[5, 6, 7]> : tensor<3xi32>)
      : !llvm.array<3 x i32>
    llvm.func @main(%i: i64, %x: f32) -> f32 {
      %one = llvm.mlir.constant(1 : i64) : i64
      %place = llvm.alloca %one x !llvm.struct<(i8, array<2 x f32>, i64)> : (i64) -> !llvm.ptr
      %poison = llvm.mlir.poison : !llvm.struct<(i8, array<2 x f32>, i64)>
      %value = llvm.insertvalue %x, %poison[1, 1] : !llvm.struct<(i8, array<2 x f32>, i64)>
      llvm.store %value, %place : !llvm.struct<(i8, array<2 x f32>, i64)>, !llvm.ptr
      %element = llvm.getelementptr %place[0, 1, %i]
        : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.struct<(i8, array<2 x f32>, i64)>
      %read = llvm.load %element : !llvm.ptr -> f32
      %table = llvm.mlir.addressof @table : !llvm.ptr
      %entry = llvm.getelementptr %table[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i32
      %six = llvm.load %entry : !llvm.ptr -> i32
      %number = llvm.sitofp %six : i32 to f32
      %sum = llvm.fadd %read, %number : f32
      llvm.return %sum : f32
    }
    """
    assert run(text, 1, np.float32(0.5)) == 6.5


def test_branches_pass_their_operands_at_once() -> None:
    text = """
    func.func @main(%n: i64) -> i64 {
      %zero = arith.constant 0 : i64
      %one = arith.constant 1 : i64
      cf.br ^head(%zero, %one, %n : i64, i64, i64)
    ^head(%a: i64, %b: i64, %left: i64):
      %more = arith.cmpi sgt, %left, %zero : i64
      cf.cond_br %more, ^body, ^end
    ^body:
      %sum = arith.addi %a, %b : i64
      %fewer = arith.subi %left, %one : i64
      cf.br ^head(%b, %sum, %fewer : i64, i64, i64)
    ^end:
      return %a : i64
    }
    """
    assert run(text, 10) == 55
    with pytest.raises(LimitError, match="does not end within 10000 iterations"):
        run(text, 1 << 40)


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(InterpretError, match=r"op 'vector\.broadcast' cannot be interpreted"):
        run("func.func @main(%x: f32) { %y = vector.broadcast %x : f32 to vector<4xf32> return }")
    with pytest.raises(InterpretError, match="function 'other' has no body"):
        run("func.func private @other() func.func @main() { call @other() : () -> () return }")
