"""Threads: the same results with any number of them, from any caller, after a fork."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_modules import parse

import gpt_mlir
from gpt_mlir import LLM, CompileOptions, Executable, InputError, _runtime, compile_module
from gpt_mlir.compiler import emit

WIDTH = 512
DEFAULT_SPIN = 200  # microseconds

# y[i] = tanh-like sum over row i, and the row's number; the attribute says what one row is worth.
ROWS = """
func.func @rows(%x: tensor<?x512xf32> {{gpt.name = "x", gpt.dims = ["n", ""]}})
    -> (tensor<?x512xf32> {{gpt.name = "y", gpt.dims = ["n", ""]}}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c512 = arith.constant 512 : index
  %third = arith.constant 0.333333 : f32
  %n = tensor.dim %x, %c0 : tensor<?x512xf32>
  %e = tensor.empty(%n) : tensor<?x512xf32>
  %y = scf.forall (%i) in (%n) shared_outs(%o = %e) -> tensor<?x512xf32> {{
    %row = tensor.extract_slice %o[%i, 0] [1, 512] [1, 1]
        : tensor<?x512xf32> to tensor<1x512xf32>
    %number = arith.index_cast %i : index to i64
    %float = arith.sitofp %number : i64 to f32
    %new = scf.for %j = %c0 to %c512 step %c1 iter_args(%r = %row) -> tensor<1x512xf32> {{
      %a = tensor.extract %x[%i, %j] : tensor<?x512xf32>
      %b = arith.mulf %a, %third : f32
      %c = math.exp %b : f32
      %d = arith.addf %c, %float : f32
      %s = tensor.insert %d into %r[%c0, %j] : tensor<1x512xf32>
      scf.yield %s : tensor<1x512xf32>
    }}
    scf.forall.in_parallel {{
      tensor.parallel_insert_slice %new into %o[%i, 0] [1, 512] [1, 1]
          : tensor<1x512xf32> into tensor<?x512xf32>
    }}
  }} {attributes}
  return %y : tensor<?x512xf32>
}}
"""

PIPELINE = (
    "gpt-to-linalg-pipeline,gpt-linalg-to-loops-pipeline{{{options}}},gpt-loops-to-llvm-pipeline"
)


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    yield
    gpt_mlir.set_num_threads(None)


@pytest.fixture(scope="module")
def rows() -> Executable:
    return compile_rows(threads=True)


def compile_rows(*, threads: bool, attributes: str = "") -> Executable:
    pipeline = PIPELINE.format(options=f"threads={str(threads).lower()}")
    module = parse(ROWS.format(attributes=attributes))
    return compile_module(module, CompileOptions(pipeline=pipeline, cache=False))


def make(n: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(n).standard_normal((n, WIDTH), dtype=np.float32)


def count_workers() -> int:
    names = Path("/proc/self/task").glob("*/comm")
    return sum(name.read_text().strip() == "gpt-mlir" for name in names)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 17, 64, 1009])
def test_results_do_not_depend_on_threads(rows: Executable, n: int) -> None:
    x = make(n)
    alone = rows.with_num_threads(1)(x)
    np.testing.assert_allclose(
        alone, np.exp(x * np.float32(1 / 3)) + np.arange(n)[:, None], rtol=1e-4
    )
    for count in (2, 3, 4, 7, 33):  # most of them more than there are processors
        shared = rows.with_num_threads(count)(x)
        assert shared.tobytes() == alone.tobytes(), f"{count} threads"


def test_code_that_shares_nothing() -> None:
    """It exports no pointer to a runtime, and is loaded all the same."""
    x = make(65)
    gpt_mlir.set_num_threads(2)
    assert np.array_equal(compile_rows(threads=False)(x), compile_rows(threads=True)(x))


def test_code_without_a_runtime(tmp_path: Path) -> None:
    """Whoever loads the library may leave the pointer null."""
    options = CompileOptions(pipeline=PIPELINE.format(options="threads=true"))
    path = tmp_path / "rows.so"
    path.write_bytes(emit(parse(ROWS.format(attributes="")), "shared", options))
    library = ctypes.CDLL(str(path))
    assert ctypes.c_void_p.in_dll(library, "gpt_parallel_runtime").value is None
    x = make(100)
    argument = np.array([x.ctypes.data, x.ctypes.data, 0, 100, WIDTH, WIDTH, 1], np.int64)
    result = np.zeros(7, np.int64)
    library.gpt_entry_rows((ctypes.c_void_p * 2)(result.ctypes.data, argument.ctypes.data))
    values = (ctypes.c_float * x.size).from_address(int(result[1]))
    expected = compile_rows(threads=True).with_num_threads(2)(x)
    assert bytes(values) == expected.tobytes()


def test_many_calls(rows: Executable) -> None:
    x = make(24)
    run = rows.with_num_threads(2)
    expected = rows.with_num_threads(1)(x)
    for _ in range(3000):
        assert np.array_equal(run(x), expected)


@pytest.mark.parametrize("spin", [0, 100])
def test_sleeping_and_spinning(rows: Executable, spin: int) -> None:
    x = make(200)
    expected = rows.with_num_threads(1)(x)
    _runtime.set_spin_time(spin)
    try:
        for pause in (0, 0.001, 0.02):
            threading.Event().wait(pause)
            assert np.array_equal(rows.with_num_threads(3)(x), expected)
    finally:
        _runtime.set_spin_time(DEFAULT_SPIN)


def read_sleeps() -> int:
    """Returns how often workers have waited for something other than a processor."""
    sleeps = 0
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().strip() == "gpt-mlir":
            status = (task / "status").read_text()
            sleeps += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return sleeps


@pytest.mark.skipif(_runtime.usable_processors() < 2, reason="workers without processors sleep")
def test_workers_stay_awake_between_regions(rows: Executable) -> None:
    run, x = rows.with_num_threads(2), make(200)
    run(x)
    _runtime.set_spin_time(10_000_000)
    try:
        run(x)  # wakes them once
        before = read_sleeps()
        for _ in range(100):
            run(x)
        # A page that is not there yet may make a worker wait, too, but not in every call.
        assert read_sleeps() - before < 10
    finally:
        _runtime.set_spin_time(DEFAULT_SPIN)
        run(x)  # tells them


def test_workers_sleep_when_there_is_nothing_to_do(rows: Executable) -> None:
    rows.with_num_threads(2)(make(300))
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1, "seconds of processor time of an idle process"


def test_callers_at_the_same_time(rows: Executable) -> None:
    """One of them has the team, the others run alone; none waits for another for ever."""
    gpt_mlir.set_num_threads(3)

    def work(seed: int) -> bool:
        x = make(seed + 30)
        expected = rows.with_num_threads(1)(x)
        return all(np.array_equal(rows(x), expected) for _ in range(50))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(12)))


SMALL = """
import sys
sys.path[:0] = sys.argv[1:]
from test_threads import compile_rows, count_workers, make
import gpt_mlir
gpt_mlir.set_num_threads(4)
little = compile_rows(threads=True)
much = compile_rows(threads=True, attributes="{gpt.work = 9999999}")
little(make(2))
assert count_workers() == 0, "a thread for a few microseconds of work"
much(make(1))
assert count_workers() == 0, "a thread without an iteration"
much(make(2))
assert count_workers() == 1, "threads without iterations"
much(make(100))
assert count_workers() == 3
gpt_mlir.set_num_threads(2)
much(make(100))
assert count_workers() == 3
"""


def test_little_work_stays_on_one_thread() -> None:
    here = Path(__file__).parent
    subprocess.run([sys.executable, "-c", SMALL, here, here.parent], check=True, timeout=120)


def test_work_of_the_attribute_counts() -> None:
    run = compile_rows(threads=True, attributes="{gpt.work = 1}")
    x = make(64)
    assert np.array_equal(run.with_num_threads(2)(x), run.with_num_threads(1)(x))


def _run_in_child(rows: Executable, queue: Any) -> None:
    before = count_workers()
    x = make(300)
    equal = np.array_equal(rows.with_num_threads(2)(x), rows.with_num_threads(1)(x))
    queue.put((before, equal, count_workers()))


def test_fork(rows: Executable) -> None:
    """A child has none of its parent's threads; it makes its own."""
    x = make(300)
    expected = rows.with_num_threads(2)(x)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    for _ in range(3):
        child = context.Process(target=_run_in_child, args=(rows, queue))
        child.start()
        assert queue.get(timeout=60) == (0, True, 1)
        child.join(60)
        assert child.exitcode == 0
        assert np.array_equal(rows.with_num_threads(2)(x), expected)


def test_fork_while_the_team_works(rows: Executable) -> None:
    done = threading.Event()
    x = make(64)

    def keep_busy() -> None:
        while not done.is_set():
            rows.with_num_threads(2)(x)

    thread = threading.Thread(target=keep_busy)
    thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                _runtime.set_spin_time(0)
                same = np.array_equal(rows.with_num_threads(2)(x), rows.with_num_threads(1)(x))
                os._exit(0 if same else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        done.set()
        thread.join()


def test_number_of_threads() -> None:
    usable = gpt_mlir.get_num_threads()
    assert 1 <= usable <= len(os.sched_getaffinity(0))
    gpt_mlir.set_num_threads(usable + 1)
    assert gpt_mlir.get_num_threads() == usable + 1
    gpt_mlir.set_num_threads(None)
    assert gpt_mlir.get_num_threads() == usable


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "num_threads expected 1 to 256, found 0"),
        (-1, "num_threads expected 1 to 256, found -1"),
        (257, "num_threads expected 1 to 256, found 257"),
        (True, "num_threads expected an integer, found True"),
        ("2", "num_threads expected an integer, found '2'"),
        (2.0, "num_threads expected an integer, found 2.0"),
    ],
)
def test_wrong_numbers_of_threads(rows: Executable, count: Any, message: str) -> None:
    for call in (gpt_mlir.set_num_threads, rows.with_num_threads):
        with pytest.raises(InputError) as error:
            call(count)
        assert str(error.value) == message


ENVIRONMENT = """
import gpt_mlir
try:
    print(gpt_mlir.get_num_threads())
except gpt_mlir.InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("5", "5"),
        ("", str(_runtime.usable_processors())),
        ("many", "GPT_MLIR_NUM_THREADS expected an integer, found 'many'"),
        ("0", "GPT_MLIR_NUM_THREADS expected 1 to 256, found 0"),
    ],
)
def test_environment(value: str, output: str) -> None:
    environment = {**os.environ, "GPT_MLIR_NUM_THREADS": value}
    run = subprocess.run(
        [sys.executable, "-c", ENVIRONMENT], env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == output, run.stderr


AFFINITY = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import gpt_mlir
assert gpt_mlir.get_num_threads() == 1
"""


def test_affinity() -> None:
    subprocess.run([sys.executable, "-c", AFFINITY], check=True)


def test_a_model_computes_the_same_bits() -> None:
    """Projections, attention and norms of prefill and decode, shared and not."""
    llm = LLM.default()
    model = llm.model.executable()
    ids = np.arange(40, dtype=np.int64)[None] % llm.config.vocab_size
    results = []
    for count in (1, 2, 5):
        run = model.with_num_threads(count)
        caches = llm.model.allocate(1, 64)
        prefill = run.function("prefill")(ids, np.array([0]), *caches)
        decode = run.function("decode")(ids[:, :1], np.array([40]), *caches)
        results.append([np.asarray(array).tobytes() for array in (prefill, decode, *caches)])
    assert results[0] == results[1] == results[2]


def test_number_of_threads_of_a_model() -> None:
    with pytest.raises(InputError, match="num_threads expected 1 to 256, found 0"):
        LLM.default(num_threads=0)
    texts = [
        LLM.default(num_threads=n).generate("ROMEO:", max_new_tokens=8, seed=1).text for n in (1, 2)
    ]
    assert texts[0] == texts[1]
