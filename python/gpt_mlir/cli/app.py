"""The commands and their options. What they do is in a module of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gpt_mlir.cli import texts
from gpt_mlir.cli.interrupts import dying_at_once
from gpt_mlir.cli.stages import Activations, OpChecking, Reference, Stage

__all__ = ["app"]

app = typer.Typer(
    name="gpt-mlir",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_MODEL_HELP = (
    "Folder with config.json, the weights as safetensors and tokenizer.json. "
    "Without it, the small model trained on Shakespeare that comes with the program."
)
Model = Annotated[Path | None, typer.Option("--model", "-m", metavar="FOLDER", help=_MODEL_HELP)]
Dtype = Annotated[
    Activations,
    typer.Option(
        "--dtype",
        help="Element type of activations and of the KV cache; sums are f32, weights as stored.",
    ),
]
TargetCpu = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="CPU to generate code for, by LLVM's name: x86-64-v3, znver4."
    ),
]
TargetFeatures = Annotated[
    str, typer.Option(metavar="LIST", help="CPU features to add or remove: +avx2,-fma.")
]
OptLevel = Annotated[
    int,
    typer.Option(
        min=0,
        max=3,
        help="0: plain loops; 1: element-wise ops fused; 2: tiled and vectorised; 3: on threads.",
    ),
]

BatchInvariant = Annotated[
    bool,
    typer.Option(
        "--batch-invariant",
        help="The same bits whatever else is in a batch; single tokens take longer.",
    ),
]

TimeLimit = Annotated[
    float,
    typer.Option(
        min=0.0, metavar="SECONDS", help="Give up compiling after so long; 0 for any time."
    ),
]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"gpt-mlir {version('gpt-mlir')}")
        except PackageNotFoundError:
            print("gpt-mlir (development tree)")
        raise typer.Exit


@app.callback(help=texts.PROGRAM)
def program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """The program's own options."""


@app.command(help=texts.GENERATE)
def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(
            help="Text to continue; '-' or nothing reads it from stdin.", metavar="PROMPT"
        ),
    ] = None,
    model: Model = None,
    max_new_tokens: Annotated[
        int | None,
        typer.Option("--max-new-tokens", "-n", min=1, help="Most tokens to generate."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", "-t", min=0.0, help="0 takes the most likely token; more is wilder."
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=0, help="Draw from so many likely tokens only; 0 for all.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Draw from likely tokens of this total probability."),
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Least probability, as a part of the likeliest one."),
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option(help="More than 1 makes repetition less likely.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes drawn text reproducible.")] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep keys and values of earlier tokens.")
    ] = True,
    echo: Annotated[bool, typer.Option("--echo", help="Print the prompt as well.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no timing.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, help="Threads to use; as many as there are processors to use."
        ),
    ] = None,
    dtype: Dtype = Activations.F32,
    target_cpu: TargetCpu = "native",
    target_features: TargetFeatures = "",
    opt_level: OptLevel = 3,
    batch_invariant: BatchInvariant = False,
    time_limit: TimeLimit = 600.0,
) -> None:
    """Continues a text."""
    with dying_at_once():
        from gpt_mlir.cli.generate import run

    run(
        prompt,
        model,
        quiet=quiet,
        echo=echo,
        dtype=dtype,
        options=_options(target_cpu, target_features, opt_level, batch_invariant, time_limit),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        seed=seed,
        stop=stop,
        use_cache=cache,
        num_threads=threads,
    )


@app.command(name="compile", help=texts.COMPILE)
def compile_command(
    model: Model = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="The form with a KV cache, or that without.")
    ] = True,
    report: Annotated[
        bool,
        typer.Option("--report", help="Print which ops the schedule took, and why not the others."),
    ] = False,
    dtype: Dtype = Activations.F32,
    target_cpu: TargetCpu = "native",
    target_features: TargetFeatures = "",
    opt_level: OptLevel = 3,
    batch_invariant: BatchInvariant = False,
    time_limit: TimeLimit = 600.0,
) -> None:
    """Compiles a model."""
    with dying_at_once():
        from gpt_mlir.cli.compile import run

    run(
        model,
        use_cache=cache,
        report=report,
        dtype=dtype,
        options=_options(target_cpu, target_features, opt_level, batch_invariant, time_limit),
    )


@app.command(help=texts.INSPECT)
def inspect(
    model: Model = None,
    stage: Annotated[
        Stage | None,
        typer.Option(help="Print the IR at this stage of the compiler instead of a summary."),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the IR, print this function only."),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="The form with a KV cache, or that without.")
    ] = True,
    batch: Annotated[int, typer.Option(min=1, help="Sequences to estimate memory for.")] = 1,
    tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens of a sequence to estimate memory for; all the context."),
    ] = None,
    dtype: Dtype = Activations.F32,
    target_cpu: TargetCpu = "native",
    target_features: TargetFeatures = "",
    opt_level: OptLevel = 3,
    batch_invariant: BatchInvariant = False,
    time_limit: TimeLimit = 600.0,
) -> None:
    """Shows a model or its IR."""
    with dying_at_once():
        from gpt_mlir.cli.inspect import run

    run(
        model,
        stage=stage,
        function=function,
        use_cache=cache,
        batch=batch,
        tokens=tokens,
        dtype=dtype,
        options=_options(target_cpu, target_features, opt_level, batch_invariant, time_limit),
    )


@app.command(help=texts.VERIFY)
def verify(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model folder, or an .mlir file of gpt ops.")
    ],
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What a model is run on.")
    ] = None,
    max_new_tokens: Annotated[
        int, typer.Option("--max-new-tokens", "-n", min=0, help="Tokens that a model decodes.")
    ] = 4,
    reference: Annotated[
        Reference, typer.Option(help="What results are compared with.")
    ] = Reference.FLOAT64,
    steps: Annotated[
        bool,
        typer.Option(
            "--steps/--no-steps",
            help="Check each step of a schedule, too; takes several times as long.",
        ),
    ] = False,
    ops: Annotated[
        OpChecking,
        typer.Option(help="Check ops alone, too: show the worst of each stage, or all of them."),
    ] = OpChecking.WORST,
    interpret: Annotated[
        bool,
        typer.Option(
            "--interpret",
            help="Interpret an .mlir file between the passes of the plainest lowering, too; slow, "
            "give small sizes.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the inputs of an .mlir file.")] = 0,
    trials: Annotated[int, typer.Option(min=1, help="Sets of such inputs.")] = 3,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=N", help="Size of a dynamic dimension of an .mlir file."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    bisect: Annotated[
        bool,
        typer.Option("--bisect", help="On a miss, find the pass after which results are wrong."),
    ] = False,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where --bisect writes what it finds.")
    ] = Path("gpt-mlir-bisect"),
    pipeline: Annotated[
        str | None,
        typer.Option(metavar="PASSES", help="Pipeline to verify instead of the compiler's own."),
    ] = None,
    load_pass_plugin: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Shared library with MLIR passes.")
    ] = None,
    dtype: Dtype = Activations.F32,
    target_cpu: TargetCpu = "native",
    target_features: TargetFeatures = "",
    opt_level: OptLevel = 3,
    batch_invariant: BatchInvariant = False,
    time_limit: TimeLimit = 600.0,
) -> None:
    """Checks every stage of the compiler."""
    import dataclasses

    with dying_at_once():
        from gpt_mlir.cli.verify import run

    options: Any = _options(target_cpu, target_features, opt_level, batch_invariant, time_limit)
    run(
        model,
        dtype=dtype,
        prompt=prompt,
        new_tokens=max_new_tokens,
        reference=reference,
        steps=steps,
        ops=ops,
        interpret=interpret,
        seed=seed,
        trials=trials,
        sizes=size or [],
        plugins=load_pass_plugin or [],
        as_json=json,
        bisect_folder=out if bisect else None,
        options=dataclasses.replace(options, pipeline=pipeline),
    )


def _options(
    target_cpu: str,
    target_features: str,
    opt_level: int,
    batch_invariant: bool,
    time_limit: float,
) -> object:
    with dying_at_once():
        from gpt_mlir.compiler import CompileOptions

    return CompileOptions(
        target_cpu=target_cpu,
        target_features=target_features,
        opt_level=opt_level,
        batch_invariant=batch_invariant,
        time_limit=time_limit or None,
    )
