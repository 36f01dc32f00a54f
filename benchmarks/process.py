"""Participants as processes: started, asked, paused, stopped.

Everybody has a process of its own, so that thread pools and allocators do not meet. All are bound
to the same processors and told the same number of threads. Between its turns a process is stopped
(SIGSTOP): threads that wait by spinning would take time from the one whose turn it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import Case

__all__ = ["Participant", "ParticipantError", "start_once"]

_ROOT = Path(__file__).resolve().parent.parent
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class ParticipantError(Exception):
    """A request failed; the message is for the report."""


class Participant:
    """The process of one adapter.

    Attributes:
        name: The adapter.
    """

    def __init__(self, name: str, *, threads: int, scratch: Path) -> None:
        """Starts the process.

        Args:
            name: An adapter's name, or `limits.LIMITS`.
            threads: Threads it may use, and processors it is bound to.
            scratch: A folder for logs, checkpoints and conversions.
        """
        self.name = name
        self._log = _log(name, threads, scratch)
        command = [sys.executable, "-m", "benchmarks.worker", name]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, f"--threads={threads}", f"--scratch={scratch}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(threads, scratch),
                cwd=_ROOT,
                bufsize=0,
            )
        os.sched_setaffinity(self._process.pid, _processors(threads))
        self._pending = b""

    def ask(self, request: dict[str, Any], *, timeout: float) -> dict[str, Any]:
        """Sends a request and waits for its answer; the process is paused afterwards.

        Raises:
            ParticipantError: It answers with an error, takes too long, or has ended.
        """
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._read_line(timeout))
        except (BrokenPipeError, EOFError):
            raise ParticipantError(f"the process ended: {self._last_words()}") from None
        except TimeoutError:
            self.stop()
            raise ParticipantError(f"no answer in {timeout:.0f} s") from None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
        if "error" in answer:
            raise ParticipantError(answer["error"])
        return answer

    def stop(self) -> None:
        """Ends the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _read_line(self, timeout: float) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None
        while b"\n" not in self._pending:
            if not select.select([stdout], [], [], timeout)[0]:
                raise TimeoutError
            data = os.read(stdout.fileno(), 1 << 16)
            if not data:
                raise EOFError
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _last_words(self) -> str:
        return _last_words(self._log)


def start_once(name: str, case: Case, *, scratch: Path, timeout: float) -> dict[str, Any]:
    """Runs a cold start; returns what `benchmarks.start` says, and the seconds up to it.

    Raises:
        ParticipantError: The process fails or takes too long.
    """
    log_path = _log(f"{name}-start", case.threads, scratch)
    command = [sys.executable, "-m", "benchmarks.start", name, json.dumps(case.to_json())]
    environment = _environment(case.threads, scratch)
    with tempfile.TemporaryDirectory(prefix="gpt-mlir-bench-") as empty, log_path.open("w") as log:
        if case.fresh:
            environment["GPT_MLIR_CACHE"] = empty
        begin = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "--cpu-list", _list(case.threads), *command, f"--scratch={scratch}"],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd=_ROOT,
            bufsize=0,
        )
        try:
            assert process.stdout is not None
            ready = select.select([process.stdout], [], [], timeout)[0]
            line = process.stdout.readline() if ready else b""
            seconds = time.perf_counter() - begin
        finally:
            process.kill()
            process.communicate()
    if not line:
        why = _last_words(log_path) if ready else f"no token in {timeout:.0f} s"
        raise ParticipantError(why)
    answer: dict[str, Any] = json.loads(line)
    return {"seconds": seconds} | answer


def _list(threads: int) -> str:
    return ",".join(map(str, _processors(threads)))


def _processors(threads: int) -> list[int]:
    return sorted(os.sched_getaffinity(0))[:threads]


def _environment(threads: int, scratch: Path) -> dict[str, str]:
    # NumPy's BLAS shall find out by itself what the processor is.
    kept = {name: value for name, value in os.environ.items() if name not in _BLAS_VARIABLES}
    return (
        kept
        | dict.fromkeys(_THREAD_VARIABLES, str(threads))
        | {
            "GPT_MLIR_CACHE": str(scratch / "objects"),
            "TORCHINDUCTOR_CACHE_DIR": str(scratch / "inductor"),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
    )


def _log(name: str, threads: int, scratch: Path) -> Path:
    folder = scratch / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name.replace(' ', '-')}-{threads}.log"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"
