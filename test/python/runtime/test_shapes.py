"""Dynamic extents that do not fit each other: an error of the call, before anything is computed."""

from __future__ import annotations

import numpy as np
import pytest
from runtime_modules import parse

from gpt_mlir import CompileOptions, Executable, compile_module
from gpt_mlir.errors import InputError
from gpt_mlir.graph import Graph, Tensor, ops

LEVELS = (0, 1, 2, 3)


def compiled(graph: Graph, level: int) -> Executable:
    return graph.compile(opt_level=level, llvm_opt_level=0, cache=False)


def ones(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("names", [(None, None), ("n", "m"), (None, "n")])
def test_sum(level: int, names: tuple[str | None, str | None]) -> None:
    graph = Graph()
    x, y = (graph.input(name, (dim, 4)) for name, dim in zip(("x", "y"), names, strict=True))
    graph.output("z", x + y)
    call = compiled(graph, level)
    for rows in (0, 1, 3):
        np.testing.assert_array_equal(call(x=ones(rows, 4), y=ones(rows, 4)), 2 * ones(rows, 4))
    # Not even one row is broadcast: only a static extent is.
    for left, right in ((3, 1), (1, 3), (3, 0), (20_000_000, 1)):
        message = (
            f"^function 'forward': expected 'y' dim 0 to match 'x' dim 0, as gpt.add requires; "
            rf"got 'x' of shape \({left}, 4\), 'y' of shape \({right}, 4\)$"
        )
        with pytest.raises(InputError, match=message):
            call(x=ones(left, 4), y=ones(right, 4))
    np.testing.assert_array_equal(call(x=ones(2, 4), y=ones(2, 4)), 2 * ones(2, 4))


@pytest.mark.parametrize("level", LEVELS)
def test_attention(level: int) -> None:
    graph = Graph()
    q, k, v = (graph.input(name, (None, None, 8)) for name in "qkv")
    graph.output("z", ops.attention(q, k, v, num_heads=2, causal=True))
    call = compiled(graph, level)
    assert call(q=ones(2, 3, 8), k=ones(2, 5, 8), v=ones(2, 5, 8)).shape == (2, 3, 8)
    for shapes, message in (
        ((2, 3, 1, 3, 2, 3), "'k' dim 0 to match 'q' dim 0"),
        ((1, 3, 1, 3, 1, 2), "'v' dim 1 to match 'k' dim 1"),
    ):
        arrays = {n: ones(*shapes[2 * i : 2 * i + 2], 8) for i, n in enumerate("qkv")}
        with pytest.raises(InputError, match=f"expected {message}, as gpt.attention requires"):
            call(**arrays)


def product(block: Graph, x: Tensor, weight: Tensor) -> Tensor:
    return ops.linear(x, weight)


@pytest.mark.parametrize("level", [0, 3])
def test_blocks(level: int) -> None:
    graph = Graph()
    x = graph.input("x", ("n", None))
    weight = graph.input("w", (None, None))

    graph.output("z", ops.silu(graph.call(product, graph.call(product, x, weight), weight)))
    call = compiled(graph, level)
    assert call(x=ones(2, 3), w=ones(3, 3)).shape == (2, 3)
    with pytest.raises(
        InputError,
        match=r"expected 'w' dim 1 to match 'x' dim 1, as gpt.linear requires; "
        r"got 'x' of shape \(2, 4\), 'w' of shape \(3, 3\)",
    ):
        call(x=ones(2, 4), w=ones(3, 3))
    # The second product takes what the first one gives.
    with pytest.raises(InputError, match=r"expected 'w' dim 1 to match 'w' dim 0, as gpt.linear"):
        call(x=ones(2, 3), w=ones(2, 3))


def test_caches_stay_as_they_are() -> None:
    text = """
    func.func @step(%x: tensor<?x?x8xf32> {gpt.name = "x"}, %y: tensor<?x?x8xf32> {gpt.name = "y"},
        %kc: tensor<?x2x?x4xf32> {gpt.cache = "key", gpt.name = "kc"},
        %vc: tensor<?x2x?x4xf32> {gpt.cache = "value", gpt.name = "vc"},
        %p: tensor<?xi64> {gpt.positions, gpt.name = "p"})
        -> (tensor<?x?x8xf32>, tensor<?x2x?x4xf32> {gpt.cache = "key"},
            tensor<?x2x?x4xf32> {gpt.cache = "value"}) {
      %0:3 = gpt.cached_attention %x, %x, %x cache(%kc, %vc) positions(%p)
          {num_heads = 2 : i64, num_kv_heads = 2 : i64}
          : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x2x?x4xf32>,
             tensor<?x2x?x4xf32>, tensor<?xi64>)
          -> (tensor<?x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>)
      %1 = gpt.add %0#0, %y : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
      return %1, %0#1, %0#2 : tensor<?x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>
    }
    """
    step = compile_module(parse(text), CompileOptions(cache=False)).function("step")
    caches = {"kc": np.zeros((1, 2, 6, 4), np.float32), "vc": np.zeros((1, 2, 6, 4), np.float32)}
    p = np.zeros(1, np.int64)
    with pytest.raises(InputError, match=r"expected 'y' dim 1 to match 'x' dim 1, as gpt\.add"):
        step(x=ones(1, 2, 8), y=ones(1, 3, 8), p=p, **caches)
    assert not caches["kc"].any()
    step(x=ones(1, 2, 8), y=ones(1, 2, 8), p=p, **caches)
    assert caches["kc"].any()
    caches["vc"] = np.zeros((1, 2, 5, 4), np.float32)
    with pytest.raises(InputError, match="expected 'vc' dim 2 to match 'kc' dim 2"):
        step(x=ones(1, 2, 8), y=ones(1, 2, 8), p=p, **caches)


def test_assertions_of_users() -> None:
    """What a module asserts itself ends the call, too, and not the process."""
    text = """
    func.func @even(%x: tensor<?xf32> {gpt.name = "x"}) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %n = tensor.dim %x, %c0 : tensor<?xf32>
      %rest = arith.remui %n, %c2 : index
      %is_even = arith.cmpi eq, %rest, %c0 : index
      cf.assert %is_even, "expected an even number of elements in 'x'"
      %0 = gpt.silu %x : (tensor<?xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    }
    """
    even = compile_module(parse(text), CompileOptions(cache=False)).function("even")
    assert even(x=ones(4)).shape == (4,)
    with pytest.raises(
        InputError, match=r"function 'even': expected an even number of elements in 'x'; got 'x' of"
    ):
        even(x=ones(3))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_assertions_within_loops(threads: int) -> None:
    """A call is left when all threads are done with the loop, and the next one is as good."""
    text = """
    func.func private @row(%x: tensor<1024xf32>, %y: tensor<?xf32>) -> tensor<1024xf32>
        attributes {no_inline} {
      %c0 = arith.constant 0 : index
      %c1024 = arith.constant 1024 : index
      %n = tensor.dim %y, %c0 : tensor<?xf32>
      %fits = arith.cmpi eq, %n, %c1024 : index
      cf.assert %fits, "expected rows of 1024"
      %0 = gpt.add %x, %y : (tensor<1024xf32>, tensor<?xf32>) -> tensor<1024xf32>
      return %0 : tensor<1024xf32>
    }
    func.func @rows(%x: tensor<512x1024xf32> {gpt.name = "x"},
                    %last: tensor<?xf32> {gpt.name = "last"})
        -> tensor<512x1024xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %last, %c0 : tensor<?xf32>
      %empty = tensor.empty() : tensor<512x1024xf32>
      %r = scf.forall (%i) in (512) shared_outs(%out = %empty) -> tensor<512x1024xf32> {
        %s = tensor.extract_slice %x[%i, 0] [1, 1024] [1, 1]
            : tensor<512x1024xf32> to tensor<1024xf32>
        %size = affine.min affine_map<(d0)[s0] -> (1024, s0 - d0)>(%i)[%n]
        %p = tensor.extract_slice %last[0] [%size] [1] : tensor<?xf32> to tensor<?xf32>
        %t = func.call @row(%s, %p) : (tensor<1024xf32>, tensor<?xf32>) -> tensor<1024xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %t into %out[%i, 0] [1, 1024] [1, 1]
              : tensor<1024xf32> into tensor<512x1024xf32>
        }
      }
      return %r : tensor<512x1024xf32>
    }
    """
    options = CompileOptions(cache=False, opt_level=3, llvm_opt_level=0)
    rows = compile_module(parse(text), options).with_num_threads(threads).function("rows")
    x = ones(512, 1024)
    for size in (1024 + 100, 1024 + 511, 1024 + 400):
        if size == 1024 + 511:
            np.testing.assert_array_equal(rows(x=x, last=ones(size)), 2 * x)
            continue
        with pytest.raises(InputError, match=r"function 'rows': expected rows of 1024$"):
            rows(x=x, last=ones(size))


@pytest.mark.parametrize("level", [0, 3])
def test_sizes_that_are_computed(level: int) -> None:
    """Slices begin within their tensor, and sizes are not negative."""
    text = """
    func.func @ends(%x: tensor<?xf32> {gpt.name = "x"}) -> (tensor<4xf32>, tensor<?xf32>) {
      %c0 = arith.constant 0 : index
      %c3 = arith.constant 3 : index
      %c4 = arith.constant 4 : index
      %n = tensor.dim %x, %c0 : tensor<?xf32>
      %begin = arith.subi %n, %c4 : index
      %0 = tensor.extract_slice %x[%begin] [4] [1] : tensor<?xf32> to tensor<4xf32>
      %size = arith.subi %n, %c3 : index
      %1 = tensor.extract_slice %x[3] [%size] [1] : tensor<?xf32> to tensor<?xf32>
      return %0, %1 : tensor<4xf32>, tensor<?xf32>
    }
    """
    options = CompileOptions(cache=False, opt_level=level, llvm_opt_level=0)
    ends = compile_module(parse(text), options).function("ends")
    x = np.arange(6, dtype=np.float32)
    last, rest = ends(x=x).values()
    np.testing.assert_array_equal(last, x[-4:])
    np.testing.assert_array_equal(rest, x[3:])
    for size in (3, 2, 0):
        with pytest.raises(InputError, match=r"expected 'x' dim 0 - 4 to be at least 0"):
            ends(x=x[:size])
