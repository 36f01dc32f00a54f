"""What a model costs to compile does not depend on how many layers it has."""

from __future__ import annotations

import dataclasses

import numpy as np
from checkpoints import folder_of

from gpt_mlir import CompileOptions, ir
from gpt_mlir.compiler import emit, lower
from gpt_mlir.generation.compiled_model import CompiledModel
from gpt_mlir.models import architecture, load_config

FEW, MANY = 20, 30
# Of code: it is padded, and where later arguments lie in their table is a number in it.
PADDING = 64


def module_of(name: str, num_layers: int) -> ir.Module:
    config = dataclasses.replace(load_config(folder_of(name)), num_layers=num_layers)
    kind = architecture(config.model_type)
    weights = {
        weight: np.broadcast_to(np.float32(0), shape)
        for weight, shape in kind.weight_shapes(config).items()
    }
    return CompiledModel(kind, config, weights).module()


def count_ops(module: ir.Module) -> int:
    """Counts lines; the number of layers may or may not be a constant that is there anyway."""
    return sum("llvm.mlir.constant" not in line for line in str(module).splitlines())


def test_layers_add_no_ops() -> None:
    few, many = (count_ops(lower(module_of("llama-gqa", layers))) for layers in (FEW, MANY))
    assert few == many


def test_layers_add_no_code() -> None:
    options = CompileOptions(llvm_opt_level=1)
    few, many = (len(emit(module_of("gpt2", layers), "object", options)) for layers in (FEW, MANY))
    assert abs(many - few) <= PADDING
