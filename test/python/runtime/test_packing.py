"""Weights that compiled code reads in packed form: packed when bound, seen by nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_modules import parse
from tolerance import assert_close

from gpt_mlir import CompileOptions, Executable, InputError, compile_module
from gpt_mlir.runtime.packing import AnonymousMemory, PackedWeight, Packer, Packing
from gpt_mlir.verify.reference import linear, linear_error

# Two functions take the same weight; one of them reads it unpacked as well.
MODULE = """
func.func private @block(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  return %0 : tensor<?x?x96xf32>
}
func.func @both(%x: tensor<?x?x48xf32> {gpt.name = "x"}, %w: tensor<96x48xf32> {gpt.weight = "w"},
                %b: tensor<48x70xf32> {gpt.weight = "b"})
    -> (tensor<?x?x96xf32> {gpt.name = "wide"}, tensor<?x?x70xf32> {gpt.name = "narrow"}) {
  %0 = call @block(%x, %w) : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.linear %x, %b {weight_layout = #gpt<weight_layout in_out>}
    : (tensor<?x?x48xf32>, tensor<48x70xf32>) -> tensor<?x?x70xf32>
  return %0, %1 : tensor<?x?x96xf32>, tensor<?x?x70xf32>
}
func.func @row(%x: tensor<?x?x48xf32> {gpt.name = "x"}, %i: tensor<?xi64> {gpt.name = "i"},
               %w: tensor<96x48xf32> {gpt.weight = "w"})
    -> (tensor<?x?x96xf32> {gpt.name = "y"}, tensor<?x48xf32> {gpt.name = "rows"}) {
  %0 = call @block(%x, %w) : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.embedding %w, %i : (tensor<96x48xf32>, tensor<?xi64>) -> tensor<?x48xf32>
  return %0, %1 : tensor<?x?x96xf32>, tensor<?x48xf32>
}
"""

Array = np.ndarray[Any, np.dtype[Any]]

RNG = np.random.default_rng(7)
X = RNG.standard_normal((2, 5, 48), np.float32)
W = RNG.standard_normal((96, 48), np.float32)
B = RNG.standard_normal((48, 70), np.float32)
ROWS = np.array([3, 95], np.int64)


@pytest.fixture(scope="module")
def code() -> Executable:
    """Not bound."""
    made = compile_module(parse(MODULE))
    if not made.function("both")._packers:
        pytest.skip("the schedule of this machine packs nothing")
    return made


def check(code: Executable) -> None:
    both, row = code.function("both")(X), code.function("row")(X, ROWS)
    assert isinstance(both, dict)
    assert isinstance(row, dict)
    assert_close(both["wide"], linear(X, W), linear_error(X, W))
    narrow = linear(X, B, weight_layout="in_out")
    assert_close(both["narrow"], narrow, linear_error(X, B, weight_layout="in_out"))
    np.testing.assert_array_equal(row["y"], both["wide"])
    np.testing.assert_array_equal(row["rows"], W[ROWS])


def test_signatures_are_those_of_the_module(code: Executable) -> None:
    signature = code.function("row").signature
    assert [argument.name for argument in signature.arguments] == ["x", "i", "w"]
    assert signature.weights[0].shape == (96, 48)
    assert [w.name for w in code.function("both").unbound_weights] == ["w", "b"]


def test_bound_for_all_functions(code: Executable) -> None:
    check(code.bind({"w": W, "b": B}))


def test_bound_one_after_the_other(code: Executable) -> None:
    check(code.bind({"b": B}).bind({"w": W}))


def test_a_weight_is_packed_once_for_all_functions(code: Executable) -> None:
    packed: list[PackedWeight] = []
    rows: set[str] = set()

    class Counting:
        def provide(self, packers: Sequence[Packer]) -> list[Array]:
            packed.extend(packer.weight for packer in packers)
            return AnonymousMemory().provide(packers)

        def expect_rows(self, names: Iterable[str]) -> None:
            rows.update(names)

    code.bind({"w": W, "b": B}, memory=Counting())
    assert sorted(weight.sources for weight in packed) == [("b",), ("w",)]
    assert rows == {"w"}  # which "row" looks up


def test_weights_passed_with_each_call(code: Executable) -> None:
    function = code.function("both")
    for factor in (1, 2):
        results = function(X, weights={"w": factor * W, "b": B})
        assert isinstance(results, dict)
        assert_close(results["wide"], linear(X, factor * W), linear_error(X, factor * W))
    assert [weight.name for weight in function.unbound_weights] == ["w", "b"]


def test_what_was_packed_from_may_change_afterwards(code: Executable) -> None:
    b = B.copy()
    bound = code.bind({"w": W, "b": b})
    b[:] = np.nan
    check(bound)


def test_weights_that_are_not_contiguous(code: Executable) -> None:
    check(code.bind({"w": np.asfortranarray(W), "b": np.repeat(B, 2, axis=1)[:, ::2]}))


def test_any_number_of_threads(code: Executable) -> None:
    for count in (1, 3):
        check(code.with_num_threads(count).bind({"w": W, "b": B}))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"b": B.T.copy()}, r"argument 'b': expected shape \(48, 70\), got \(70, 48\)"),
        ({"w": W[0]}, r"argument 'w': expected rank 2"),
        ({"b": B.astype(np.float64)}, r"argument 'b': expected dtype f32, got float64"),
    ],
)
def test_weights_that_do_not_fit(code: Executable, weights: dict[str, Array], message: str) -> None:
    with pytest.raises(InputError, match=message):
        code.bind(weights)
    with pytest.raises(InputError, match=message):
        code.function("both").bind(weights)


def test_a_weight_is_bound_once(code: Executable) -> None:
    bound = code.function("both").bind({"b": B})
    with pytest.raises(InputError, match="argument 'b' is bound already"):
        bound.bind({"b": B})
    with pytest.raises(InputError, match="needs weights that are not bound: 'w'"):
        bound(X)


def test_cached_code_packs_as_well(tmp_path: Path) -> None:
    for _ in range(2):
        made = compile_module(parse(MODULE), CompileOptions(cache_folder=tmp_path))
        check(made.bind({"w": W, "b": B}))
    assert len(list(tmp_path.glob("*.so"))) == 1


def test_json(code: Executable) -> None:
    packing = Packing(weights=tuple(p.weight for p in code.function("both")._packers.values()))
    assert Packing.from_json(packing.to_json()) == packing
