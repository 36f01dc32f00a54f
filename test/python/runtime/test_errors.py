"""What a wrong call says: which argument, what was expected, what was found."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from runtime_modules import ACCUMULATE, AFFINE, DTYPES, Compile, parse

from gpt_mlir import Executable, _runtime
from gpt_mlir.compiler import emit
from gpt_mlir.errors import GptMlirError, InputError

X = np.ones((2, 3, 4), np.float32)
WEIGHTS = {"scale.weight": np.ones(4, np.float32), "scale.bias": np.ones(4, np.float32)}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.astype(np.float64), "argument 'x': expected dtype f32, got float64"),
        (X.astype(np.uint16), "argument 'x': expected dtype f32, got uint16"),
        (X[0], r"argument 'x': expected rank 3 \(batch, seq, 4\), got rank 2 \(3, 4\)"),
        (
            X[..., :3],
            r"argument 'x': expected shape \(batch, seq, 4\), got \(2, 3, 3\): "
            "dim 2 is 3 instead of 4",
        ),
        (X.astype(ml_dtypes.bfloat16), "argument 'x': expected dtype f32, got bfloat16"),
        (X.astype(object), "argument 'x': expected dtype f32, got object"),
        (X.astype(np.longdouble), "argument 'x': expected dtype f32, got float128"),
        (X.astype("M8[s]"), r"argument 'x': expected dtype f32, got datetime64\[s\]"),
        (X.astype([("a", "f4")]), r"argument 'x': expected dtype f32, got \[\('a', '<f4'\)\]"),
        (X.astype(">f4"), "argument 'x': expected native byte order, got dtype >f4"),
        (
            np.ma.masked_array(X, X > 0),
            "argument 'x': expected an array without a mask, got MaskedArray; .*filled",
        ),
        (np.ma.masked_array(X), "argument 'x': expected an array without a mask, got MaskedArray"),
        (np.ma.masked, "argument 'x': expected an array without a mask, got MaskedConstant"),
        ("text", "argument 'x': expected an array of dtype f32, got str"),
        ([[1, 2], [3]], "argument 'x': .*inhomogeneous"),
        (None, "argument 'x': expected an array of dtype f32, got NoneType"),
    ],
)
def test_wrong_array(affine: Executable, x: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"function 'affine': {message}"):
        affine.bind(WEIGHTS)(x, X)


def test_named_dims_must_agree(affine: Executable) -> None:
    message = r"argument 'y': expected dim 1 \('seq'\) to be 3 as in argument 'x', got 2"
    with pytest.raises(InputError, match=message):
        affine.bind(WEIGHTS)(X, X[:, :2])
    function = affine.function("affine").bind(x=X)
    with pytest.raises(InputError, match=message):
        function.bind(y=X[:, :2])


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing arguments 'x', 'y'"),
        ((X,), {}, "missing arguments 'y'"),
        ((X, X, X), {}, r"expected at most 2 positional arguments \(x, y\), got 3"),
        ((X,), {"x": X}, "argument 'x' is given twice, by position and by name"),
        ((X,), {"yy": X}, "function 'affine' has no argument 'yy'; did you mean 'y'?"),
        ((X,), {"scale.bias": X}, "argument 'scale.bias' is bound already"),
    ],
)
def test_wrong_arguments(
    affine: Executable, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        affine.bind(WEIGHTS)(*args, **kwargs)


def test_unbound_weights_are_named(affine: Executable) -> None:
    with pytest.raises(
        InputError, match=r"weights that are not bound: 'scale.weight', 'scale.bias'; .*bind\(\)"
    ):
        affine(X, X)
    with pytest.raises(InputError, match=r"weights that are not bound: 'scale.bias';"):
        affine(X, X, weights={"scale.weight": WEIGHTS["scale.weight"]})


def test_wrong_weights(affine: Executable) -> None:
    with pytest.raises(InputError, match=r"argument 'scale.bias': expected an array without a ma"):
        affine.bind({"scale.bias": np.ma.masked_array(WEIGHTS["scale.bias"])})
    with pytest.raises(InputError, match="no function has an unbound weight 'other'"):
        affine.bind({**WEIGHTS, "other": X})
    with pytest.raises(InputError, match=r"argument 'scale.bias': expected rank 1"):
        affine.bind({**WEIGHTS, "scale.bias": X})
    function = affine.function("affine").bind(WEIGHTS)
    with pytest.raises(InputError, match=r"argument 'scale.bias' is bound already"):
        function.bind({"scale.bias": WEIGHTS["scale.bias"]})
    with pytest.raises(InputError, match=r"no argument 'scale\.bais'; did you mean 'scale.bias'"):
        function.bind({"scale.bais": WEIGHTS["scale.bias"]})


def test_functions_by_name(compiled: Compile, affine: Executable) -> None:
    with pytest.raises(InputError, match="no compiled function 'decode'; there are 'affine'"):
        affine.function("decode")
    both = compiled(AFFINE + ACCUMULATE)
    with pytest.raises(InputError, match=r"use \.function\(name\); .* 'affine', 'accumulate'"):
        both(X, X)


def test_caches_must_be_usable_in_place(compiled: Compile) -> None:
    run = compiled(ACCUMULATE)
    x = np.ones(4, np.float32)
    frozen = np.ones(4, np.float32)
    frozen.flags.writeable = False
    with pytest.raises(InputError, match="argument 'sum': expected a writable array, got a read-"):
        run(x, frozen)
    with pytest.raises(InputError, match="argument 'sum': expected a contiguous row-major array"):
        run(x, np.ones(8, np.float32)[::2])
    with pytest.raises(InputError, match="argument 'sum': expected a writable array, got list"):
        run(x, [1.0, 2.0, 3.0, 4.0])


def test_caches_do_not_share_memory(compiled: Compile) -> None:
    run = compiled(ACCUMULATE)
    both = np.ones(8, np.float32)
    message = "argument 'sum' is written to and shares memory with argument 'x'; expected an array"
    with pytest.raises(InputError, match=message):
        run(both[:4], both[1:5])
    function = run.function("accumulate").bind({"x": both[:4]})
    with pytest.raises(InputError, match=message):
        function(both[3:7])
    with pytest.raises(InputError, match=message):
        function.bind({"sum": both[3:7]})
    function(both[4:])
    np.testing.assert_array_equal(both, [1] * 4 + [2] * 4)


def test_numbers_that_do_not_fit(compiled: Compile) -> None:
    run = compiled(DTYPES.format(dtype="i32"))
    with pytest.raises(InputError, match="argument 'x': a value is out of the range of i32"):
        run([[1, 2, 1 << 40]])
    with pytest.raises(InputError, match="expected an array of dtype i32, got list of dtype float"):
        run([[1.5, 2, 3]])


# Rounded to nearest, what is less than half a unit beyond the largest number is that number.
@pytest.mark.parametrize(
    ("dtype", "largest", "beyond"),
    [
        ("f32", 3.4028235e38, 3.4028236e38),
        ("bf16", 3.39e38, 3.4e38),
        ("f16", 65519, 65520),
    ],
)
def test_numbers_beyond_a_float_type(
    compiled: Compile, dtype: str, largest: float, beyond: float
) -> None:
    run = compiled(DTYPES.format(dtype=dtype))
    for value in (largest, -largest, float("inf"), float("nan")):
        first = float(run([[value, 0, 0]])["first"])
        assert np.isfinite(first) == np.isfinite(value)
    for value in (beyond, -beyond, 1e300):
        with pytest.raises(
            InputError, match=f"argument 'x': a value is out of the range of {dtype}"
        ):
            run([[value, 0, 0]])


def test_arrays_of_another_bf16(compiled: Compile) -> None:
    run = compiled(DTYPES.format(dtype="bf16"))
    with pytest.raises(InputError, match="expected dtype bf16, got float16"):
        run(np.ones((1, 3), np.float16))
    with pytest.raises(InputError, match="expected dtype bf16, got uint16"):
        run(np.ones((1, 3), np.uint16))


def test_input_errors_are_value_errors() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, GptMlirError)


def test_signature_that_does_not_fit_the_code() -> None:
    library = _runtime.Library.from_bytes(emit(parse(ACCUMULATE), "shared"))
    vector = ("x", "f32", [4], [""], False)
    _runtime.Function(library, "accumulate", [vector, vector], [])
    for arguments, results in (([vector], []), ([vector] * 2, [vector]), ([vector] * 3, [])):
        with pytest.raises(RuntimeError, match="'accumulate' does not fit its signature"):
            _runtime.Function(library, "accumulate", arguments, results)
    with pytest.raises(RuntimeError, match="the compiled library has no function 'other'"):
        _runtime.Function(library, "other", [], [])


def test_files_that_are_no_libraries(tmp_path: Any) -> None:
    with pytest.raises(RuntimeError, match=r"cannot load compiled code from .*no\.so"):
        _runtime.Library.open(str(tmp_path / "no.so"))
    with pytest.raises(RuntimeError, match=r"cannot load compiled code from .*invalid ELF header"):
        _runtime.Library.from_bytes(b"nonsense" * 100)
