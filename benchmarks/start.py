"""The process of a cold start: loads a model, runs a prompt, says its first token, ends.

The parent takes the time from before this process exists to the line that it prints. Also printed
is the most memory that was resident, and how much of what is resident at the end is not a file.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.peers import adapter

__all__ = ["main"]

_FIELDS = {"VmHWM": "peak", "RssAnon": "anonymous"}


def _memory() -> dict[str, int]:
    """Returns bytes that the kernel counts for this process."""
    found = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in _FIELDS:
            found[_FIELDS[name]] = int(value.split()[0]) << 10
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("case")
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    case = Case.from_json(json.loads(arguments.case))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    participant = adapter(arguments.name)(threads=case.threads, scratch=arguments.scratch)
    job = participant.prepare(case)
    answer = job.answer(job.call())
    # Who gives no logits gives a token.
    token = int(answer[0]) if answer.dtype.kind in "iu" else int(answer.argmax())
    answers.write(json.dumps({"token": token} | _memory()) + "\n")
    answers.flush()
    os._exit(0)  # what comes after the token is nobody's concern


if __name__ == "__main__":
    main()
