"""Benchmarks: gpt-mlir beside the peers that are installed, in one run.

`python -m benchmarks` (or `make bench`) measures; `docs/Performance.md` is written from its result.
"""
