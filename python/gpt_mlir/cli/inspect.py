"""`gpt-mlir inspect`: what a model is, and its IR at any stage."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_mlir.cli.interrupts import dying_at_once
from gpt_mlir.cli.progress import Progress
from gpt_mlir.cli.stages import Stage
from gpt_mlir.cli.units import bytes_text, count_text
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import InputError
from gpt_mlir.generation import LLM, default_model
from gpt_mlir.models import ModelConfig

if TYPE_CHECKING:
    from gpt_mlir.compiler.driver import Stage as LoweredStage

__all__ = ["run"]

_STAGES: dict[Stage, LoweredStage] = {
    Stage.GPT: "gpt",
    Stage.LINALG: "linalg",
    Stage.VECTOR: "vector",
    Stage.LOOPS: "loops",
    Stage.LLVM: "llvm",
}


def run(
    model: Path | None,
    *,
    stage: Stage | None,
    function: str | None,
    use_cache: bool,
    batch: int,
    tokens: int | None,
    dtype: str,
    options: Any,
) -> None:
    """Prints a summary of a model, or its IR.

    Args:
        model: The model folder; None for the one that comes with the package.
        stage: Which IR to print; None for the summary.
        function: The only function to print of it; None for all.
        use_cache: The form with a KV cache, or that without.
        batch: Sequences to estimate memory for.
        tokens: Tokens of each of them; None for the whole context.
        dtype: Element type of activations.
        options: How to compile.
    """
    if stage is None and function is not None:
        raise InputError("--function needs --stage: it picks a function of the IR")
    with Progress() as progress:
        progress("loading")
        activations = DType.of(dtype)
        llm = LLM(model or default_model(), options=options, dtype=activations)
        if stage is not None:
            progress(f"lowering to {stage}")
            text = _ir(llm, stage, function, use_cache=use_cache, options=options)
        else:
            context = llm.config.context_length
            if tokens is not None and tokens > context:
                raise InputError(
                    f"--tokens expected at most the context, {context}, found {tokens}"
                )
            text = _summary(llm, batch, tokens or context, activations)
    print(text.rstrip("\n"))


def _ir(llm: LLM, stage: Stage, function: str | None, *, use_cache: bool, options: Any) -> str:
    with dying_at_once():
        from gpt_mlir.compiler import emit, lower

    module = llm.model.module(use_cache=use_cache)
    if stage == Stage.ASM:
        assembly = emit(module, "asm", options).decode()
        return assembly if function is None else _assembly_of(assembly, function)
    lowered = lower(module, _STAGES[stage], options)
    if function is None:
        return str(lowered)
    functions: dict[str, Any] = {}
    for op in lowered.body.operations:
        attributes: Any = op.operation.attributes
        if "sym_name" in attributes:
            functions[attributes["sym_name"].value] = op.operation
    if function not in functions:
        raise _unknown_function(function, functions)
    return str(functions[function])


def _assembly_of(assembly: str, function: str) -> str:
    functions = re.findall(r"(?m)^\s*\.type\s+(\S+),@function$", assembly)
    body = re.search(rf"(?ms)^{re.escape(function)}:.*?(?=^\.Lfunc_end\d+:)", assembly)
    if function not in functions or body is None:
        raise _unknown_function(function, functions)
    return body.group()


def _unknown_function(name: str, known: Any) -> InputError:
    return InputError(
        f"--function: no function '{name}' at this stage; there are {', '.join(known)}"
    )


def _summary(llm: LLM, batch: int, tokens: int, dtype: DType) -> str:
    config = llm.config
    weights = llm.model.weights
    parameters = sum(array.size for array in weights.values())
    stored = sum(array.nbytes for array in weights.values())
    dtypes = Counter(str(array.dtype) for array in weights.values())
    heads = f"{config.num_heads}"
    if config.num_kv_heads != config.num_heads:
        heads += f", {config.num_kv_heads} for keys and values"
    tokenizer = f"{llm.tokenizer.vocab_size} tokens" if llm.tokenizer else "none"
    cache = config.kv_cache_bytes(tokens, batch=batch, itemsize=dtype.itemsize)
    extent = f"{batch} x {tokens} tokens"
    activations = bytes_text(_activation_count(config, tokens) * dtype.itemsize)
    lines = [
        ("model", str(llm.folder)),
        ("architecture", config.model_type),
        ("parameters", f"{count_text(parameters)} ({parameters})"),
        ("layers", str(config.num_layers)),
        ("hidden size", f"{config.hidden_size}, {config.intermediate_size} in the feed-forward"),
        ("heads", f"{heads}, of dimension {config.head_dim}"),
        ("activation", config.activation),
        ("vocabulary", f"{config.vocab_size}; tokenizer: {tokenizer}"),
        ("context", f"{config.context_length} tokens"),
        ("embeddings", "tied" if config.tie_word_embeddings else "untied"),
        ("weights", f"{bytes_text(stored)}, {', '.join(dtypes)}, mapped from the file"),
        ("KV cache", f"{bytes_text(cache)} for {extent}, {dtype}"),
        ("activations", f"about {activations} for a prompt of {tokens} tokens"),
    ]
    table = [f"{key:<14}{value}" for key, value in lines]
    width = max(map(len, weights))
    shapes = [
        f"  {name:<{width}}  {array.dtype!s:<9} {list(array.shape)}"
        for name, array in weights.items()
    ]
    return "\n".join([*table, "", f"{len(weights)} tensors:", *shapes])


def _activation_count(config: ModelConfig, tokens: int) -> int:
    """Estimates the most elements alive at once while a prompt is processed."""
    attention = (2 * config.num_heads + 2 * config.num_kv_heads) * config.head_dim
    features = 3 * config.hidden_size + max(attention, 2 * config.intermediate_size)
    scores = config.num_heads * tokens * tokens
    return tokens * features + scores + config.vocab_size
