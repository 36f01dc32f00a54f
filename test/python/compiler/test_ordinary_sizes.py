"""Models as large as real ones reach the contract of each stage: small ones have no loops to cut.

Nothing is run: weights are placeholders.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from checkpoints import folder_of

from gpt_mlir import CompileOptions, DType, ir
from gpt_mlir.compiler import lower
from gpt_mlir.generation.compiled_model import CompiledModel
from gpt_mlir.models import architecture, load_config

STORED = {DType.F32: np.float32, DType.BF16: ml_dtypes.bfloat16}
# Sizes of real checkpoints, and some that no vector divides.
SIZES: dict[str, dict[str, Any]] = {
    "gpt2": {"hidden_size": 768, "num_heads": 12, "head_dim": 64, "intermediate_size": 3072},
    "neox": {"hidden_size": 1000, "num_heads": 10, "head_dim": 100, "intermediate_size": 4003},
    "llama-gqa": {"hidden_size": 2048, "num_heads": 32, "num_kv_heads": 8, "head_dim": 64},
}


def module_of(case: str, dtype: DType) -> ir.Module:
    sizes = {"num_kv_heads": SIZES[case]["num_heads"]} | SIZES[case]
    config = dataclasses.replace(
        load_config(folder_of(case)), vocab_size=50257, num_layers=1, context_length=2048, **sizes
    )
    kind = architecture(config.model_type)
    weights = {
        name: np.broadcast_to(np.zeros((), STORED[dtype]), shape)
        for name, shape in kind.weight_shapes(config).items()
    }
    return CompiledModel(kind, config, weights, dtype=dtype).module()


@pytest.mark.parametrize("target", ["native", "x86-64-v3"])
@pytest.mark.parametrize("dtype", list(STORED))
@pytest.mark.parametrize("case", SIZES)
def test_ordinary_sizes(case: str, dtype: DType, target: str) -> None:
    lower(module_of(case, dtype), options=CompileOptions(target_cpu=target))


@pytest.mark.slow
@pytest.mark.parametrize("opt_level", [2, 3])
@pytest.mark.parametrize("target", ["native", "x86-64-v4", "x86-64-v3", "x86-64"])
@pytest.mark.parametrize("dtype", list(STORED))
@pytest.mark.parametrize("case", SIZES)
@pytest.mark.parametrize("batch_invariant", [False, True])
def test_all_targets(
    case: str, dtype: DType, target: str, opt_level: int, batch_invariant: bool
) -> None:
    options = CompileOptions(
        target_cpu=target, opt_level=opt_level, batch_invariant=batch_invariant
    )
    lower(module_of(case, dtype), options=options)
