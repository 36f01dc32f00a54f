"""A process that has run passes forks: its modules are of use in the child, and nobody waits.

Each case is a process of its own, since threads that are not forked make others wait for ever.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import gc, os, signal, sys
from gpt_mlir import ir
from gpt_mlir.compiler import run_pipeline

functions = "".join(f"func.func @f{i}() {{ return }}" for i in range(8))

def make():
    with ir.Context():
        module = ir.Module.parse(functions)
    run_pipeline(module, "func.func(canonicalize)")
    return module

module = make()
child = os.fork()
if child == 0:
    signal.alarm(60)
    WORK
    print("done", flush=True)
    END
assert os.waitpid(child, 0)[1] == 0
run_pipeline(module, "func.func(cse)")
"""


@pytest.mark.parametrize(
    "work",
    [
        "pass",
        "del module",
        "cycle = [module]; cycle.append(cycle); del module, cycle; gc.collect()",
        'run_pipeline(module, "func.func(cse)")',
        'run_pipeline(make(), "func.func(cse)")',
    ],
    ids=["nothing", "drop", "collect", "run", "make"],
)
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"], ids=["at once", "as usual"])
def test_modules_of_the_parent(work: str, end: str) -> None:
    program = PROGRAM.replace("WORK", work).replace("END", end)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr[-2000:]
