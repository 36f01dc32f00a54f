"""Reads damaged checkpoint files: `make fuzz-files`.

Blocks of files are read in processes of their own. A file that is refused with anything but an
error of ours, or that crashes or hangs its reader, is kept; so is the growth of memory within a
block reported, after the first files have warmed the process up.

    run_files.py [--inputs N] [--seed S] [--keep FOLDER] [TARGET ...]
"""

from __future__ import annotations

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from file_mutations import Target, targets

from gpt_mlir.verify.isolation import CrashError, run_isolated

BLOCK = 20_000
MEMORY = Path("/dev/shm")  # where files cost no disk
WARM_UP = 2000
SECONDS = 1800.0  # for a block
GROWTH = 64 << 20  # bytes that a block may take on top of its warm-up


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def run_block(target: Target, folder: Path, seed: int, count: int) -> tuple[int, int]:
    """Tries `count` files; returns how many were accepted and by how much memory grew."""
    rng = random.Random(seed)
    accepted, before = 0, 0
    for index in range(count):
        if index == WARM_UP:
            before = _resident()
        accepted += target.try_one(folder, rng)
    return accepted, _resident() - before if count > WARM_UP else 0


def run_target(name: str, target: Target, inputs: int, seed: int, keep: Path) -> int:
    """Tries `inputs` files of one kind; returns the number of failures."""
    began = time.monotonic()
    accepted = failures = growth = 0
    for first in range(0, inputs, BLOCK):
        count = min(BLOCK, inputs - first)
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:

            def work(folder: str = folder, first: int = first, count: int = count) -> object:
                return run_block(target, Path(folder), seed + first, count)

            try:
                result = run_isolated(work, seconds=SECONDS)
            except CrashError as error:
                failures += 1
                kept = keep / f"{name}-{seed + first}{Path(target.file).suffix}"
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(folder) / target.file, kept)
                print(f"{name}: {error}\nthe file is kept as {kept}", flush=True)
                continue
        assert isinstance(result, tuple)
        accepted += result[0]
        growth = max(growth, result[1])
    if growth > GROWTH:
        failures += 1
    print(
        f"{name}: {inputs} files, {accepted} accepted, {failures} failures, memory grew by "
        f"{growth / 2**20:.1f} MiB at most in {min(BLOCK, inputs)} files, "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )
    return failures


def main() -> int:
    known = targets()
    parser = argparse.ArgumentParser(description="Read damaged checkpoint files.")
    parser.add_argument("targets", nargs="*", choices=[*known, []], help="default: all")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="files of each kind")
    parser.add_argument("--seed", type=int, default=None, help="a random one if not given")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="for failures")
    options = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    failures = sum(
        run_target(name, known[name], options.inputs, seed, options.keep)
        for name in options.targets or known
    )
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
