"""The Python in the README does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tolerance import assert_close

from gpt_mlir.verify import reference

README = Path(__file__).parents[2] / "README.md"


def code_block(word: str) -> str:
    """Returns the Python block of the README that contains `word`."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if word in block)
    return str(block)


def test_graph_example(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    exec(compile(code_block("Graph("), str(README), "exec"), names)
    assert "gpt.attention" in capsys.readouterr().out
    # All inputs are one: the norm gives its bias, the values are sums of 64 ones.
    ones = np.ones((2, 7, 64))
    qkv = reference.linear(ones, np.ones((192, 64)))
    q, k, v = reference.split(qkv, 3)
    want, error = reference.attention_with_error(q, k, v, num_heads=4, causal=True)
    y = names["y"]
    assert isinstance(y, np.ndarray)
    assert_close(y, ones + want, error)


def test_graph_example_has_ten_lines() -> None:
    lines = code_block("Graph(").strip().splitlines()
    assert len([line for line in lines if line and not line.startswith(("import", "from"))]) <= 10
