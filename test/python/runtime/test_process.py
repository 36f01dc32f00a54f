"""The runtime in a process: threads, the GIL, and running without the compiler."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from runtime_modules import AFFINE, SPIN, Compile, parse

from gpt_mlir import CompileOptions, Executable, compile_module
from gpt_mlir.runtime.packing import Packing

WEIGHTS = {"scale.weight": np.ones(4, np.float32), "scale.bias": np.zeros(4, np.float32)}


def test_threads_share_a_function(affine: Executable) -> None:
    run = affine.bind(WEIGHTS)

    def work(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            x = rng.standard_normal((seed % 3 + 1, 5, 4), dtype=np.float32)
            if not np.array_equal(run(x, x), x + x):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


def test_calls_release_the_gil(compiled: Compile) -> None:
    run = compiled(SPIN)
    steps = 1 << 22
    start = time.perf_counter()
    run(np.int64(steps), np.float32(0))
    steps = int(steps * 0.3 / (time.perf_counter() - start))  # about 0.3 s

    ticks = 0
    done = threading.Event()

    def work() -> None:
        run(np.int64(steps), np.float32(0))
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(0.005):
        ticks += 1
    thread.join()
    assert ticks > 5


IMPORTS = """
import sys
import gpt_mlir.runtime, gpt_mlir.compiler.cache, gpt_mlir.compiler.fingerprint
maps = open("/proc/self/maps").read()
assert "libMLIR" not in maps and "libLLVM" not in maps, "the compiler is loaded"
assert not any(name.startswith("gpt_mlir._mlir_libs") for name in sys.modules)
"""

WARM = """
import sys
from pathlib import Path
import numpy as np
from gpt_mlir.compiler.cache import ObjectCache
from gpt_mlir.runtime import Executable
entry = ObjectCache(Path(sys.argv[1])).get(sys.argv[2])
run = Executable.load(entry.manifest, path=entry.path, image=entry.image)
w = {"scale.weight": np.full(4, 3, np.float32), "scale.bias": np.ones(4, np.float32)}
x = np.ones((1, 2, 4), np.float32)
assert run.bind(w)(x=x, y=x).tolist() == [[[5.0] * 4] * 2]
assert "libMLIR" not in open("/proc/self/maps").read()
"""


def test_the_runtime_loads_no_compiler() -> None:
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)


def test_cached_code_runs_without_the_compiler(tmp_path: Path) -> None:
    run = compile_module(parse(AFFINE), CompileOptions(cache_folder=tmp_path))
    subprocess.run([sys.executable, "-c", WARM, tmp_path, run.key], check=True)


def test_file_that_cannot_be_opened_by_the_loader(tmp_path: Path) -> None:
    run = compile_module(parse(AFFINE), CompileOptions(cache_folder=tmp_path))
    (entry,) = tmp_path.glob("*.so")
    manifest = {
        "key": run.key,
        "functions": [function.signature.to_json() for function in run.functions.values()],
        "packing": Packing().to_json(),
    }
    loaded = Executable.load(manifest, path=tmp_path / "missing.so", image=entry.read_bytes())
    assert loaded.function("affine").signature == run.function("affine").signature


def test_libraries_of_the_same_functions_are_apart(tmp_path: Path) -> None:
    other = AFFINE.replace("arith.mulf", "arith.subf")
    options = CompileOptions(cache=False)
    runs = [compile_module(parse(text), options).bind(WEIGHTS) for text in (AFFINE, other)]
    x = np.full((1, 1, 4), 5, np.float32)
    assert [run(x, x)[0, 0, 0] for run in runs] == [10, 9]
    del runs[0]
    assert runs[0](x, x)[0, 0, 0] == 9
