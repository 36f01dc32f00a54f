"""From a `gpt` module to compiled code.

Passes and code generation run in C++ without the GIL. A compilation works on a copy of the module
in a context of its own: the caller's module stays as it is, threads do not see each other's
diagnostics, and the memory is given back when it is done.
"""

from __future__ import annotations

import io
import logging
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from gpt_mlir import ir
from gpt_mlir._mlir_libs import _compiler
from gpt_mlir.compiler.cache import ObjectCache
from gpt_mlir.compiler.fingerprint import compiler_fingerprint, digest
from gpt_mlir.compiler.manifest import make_manifest, read_packing, read_signatures
from gpt_mlir.compiler.options import CompileOptions, given_options
from gpt_mlir.compiler.report import CATEGORY, ScheduleReport, make_report
from gpt_mlir.errors import CompileError, InputError
from gpt_mlir.runtime.executable import Executable
from gpt_mlir.runtime.threads import get_num_threads

__all__ = [
    "OutputKind",
    "Stage",
    "compile_module",
    "emit",
    "list_passes",
    "llvm_pipeline",
    "load_pass_plugin",
    "lower",
    "module_key",
    "run_pipeline",
    "schedule_report",
    "schedule_text",
]

Stage = Literal["gpt", "linalg", "vector", "loops", "llvm"]
OutputKind = Literal["llvmir", "asm", "object", "shared"]
# Called with what is being done, when that may take time: "lowering", "generating code".
Progress = Callable[[str], None]

# Warnings and remarks of passes; errors are raised.
_LOG = logging.getLogger("gpt_mlir.compiler")
_LEVELS = {"warning": logging.WARNING, "remark": logging.INFO, "note": logging.INFO}


# LLVM's level for each of ours; at the lowest it does not vectorise either.
_LLVM_LEVELS = (1, 3, 3, 3)


def run_pipeline(
    module: ir.Module,
    pipeline: str,
    *,
    what: str = "the pipeline failed",
    quiet: bool = False,
    budget: _compiler.Budget | None = None,
) -> None:
    """Runs a textual pass pipeline on `module`, in place, without the GIL.

    Args:
        module: The module; no other thread may use it meanwhile.
        pipeline: As for `gpt-opt --pass-pipeline`; the enclosing "builtin.module(...)" is optional.
        what: The beginning of the error message.
        quiet: Log no warnings and remarks, and leave no reproducer of a failure.
        budget: What it may take, made on this thread; None for no limits.

    Raises:
        CompileError: A pass failed, the pipeline is not valid, or the budget is spent; the module
            is of no use then.
        KeyboardInterrupt: Ctrl-C, soon; the module is of no use then.
    """
    reproducer = Path(tempfile.gettempdir()) / f"gpt-mlir-{uuid.uuid4().hex}.mlir"
    file = "" if quiet else str(reproducer)
    try:
        succeeded, diagnostics = _compiler.run_pipeline(module, pipeline, file, budget=budget)
    except BaseException:  # Ctrl-C: passes that are cut short may fail
        reproducer.unlink(missing_ok=True)
        raise
    for severity, text in diagnostics:
        if severity in _LEVELS and not quiet:
            _LOG.log(_LEVELS[severity], "%s: %s", severity, text)
    if not succeeded:
        raise CompileError(
            what,
            diagnostics=[text for severity, text in diagnostics if severity == "error"],
            reproducer=reproducer if reproducer.exists() else None,
        )


def list_passes(pipeline: str) -> list[str]:
    """Returns the passes of a textual pipeline with their options, named pipelines taken apart.

    Raises:
        CompileError: The pipeline is not valid.
    """
    try:
        return list(_compiler.list_passes(pipeline))
    except RuntimeError as error:
        raise CompileError(f"the pipeline is not valid: {error}") from None


def load_pass_plugin(path: Path) -> None:
    """Loads a shared library with MLIR passes, for use in `CompileOptions.pipeline`.

    Raises:
        CompileError: It cannot be loaded.
    """
    try:
        _compiler.load_pass_plugin(str(path))
    except RuntimeError as error:
        raise CompileError(f"{path}: not a pass plugin: {error}") from None


def llvm_pipeline(options: CompileOptions | None = None) -> str:
    """Returns the textual pipeline that lowers a `gpt` module to the LLVM dialect."""
    return _stage_pipeline("llvm", given_options(options))


def schedule_text(schedule: str) -> str:
    """Returns the text of a schedule.

    Args:
        schedule: The name of a built-in one, a file, or "" for the sequences that all may include.

    Raises:
        CompileError: There is no such schedule, or it cannot be read.
    """
    if schedule.endswith(".mlir"):
        return CompileOptions(schedule=schedule).read_schedule()
    try:
        return str(_compiler.schedule_text(schedule))
    except ValueError as error:
        raise CompileError(str(error)) from None


def schedule_report(module: ir.Module, options: CompileOptions | None = None) -> ScheduleReport:
    """Returns what the schedule does with a module: which ops it takes, and why not the others.

    Args:
        module: A module of the `gpt` dialect. It is not changed, and no code is generated.
        options: How it would be compiled.

    Raises:
        CompileError: The module is not valid or cannot be lowered.
    """
    options = given_options(options)
    _verify(module)
    pipeline = _stage_pipeline("llvm", options)
    try:
        return make_report(
            _compiler.report_pipeline(_copy(module), pipeline, CATEGORY, budget=_budget(options))
        )
    except RuntimeError as error:
        raise CompileError("cannot lower the module", diagnostics=[str(error)]) from None


def lower(
    module: ir.Module, stage: Stage = "llvm", options: CompileOptions | None = None
) -> ir.Module:
    """Returns a copy of `module`, in its context, lowered to `stage`.

    Args:
        module: A module of the `gpt` dialect. It is not changed.
        stage: "gpt" (checked only), "linalg" (on tensors), "vector" (tiled and vectorised by the
            schedule), "loops" (on memrefs) or "llvm".
        options: How to lower; decides the stages from "vector" on.

    Raises:
        CompileError: The module is not valid or cannot be lowered.
    """
    options = given_options(options)
    if stage not in get_args(Stage):
        raise InputError(f"unknown stage {stage!r}; expected one of {', '.join(get_args(Stage))}")
    _verify(module)
    result = ir.Module.parse(_to_bytecode(module.operation), module.context)
    pipeline = _stage_pipeline(stage, options)
    if pipeline:
        what = f"cannot lower the module to stage '{stage}'"
        run_pipeline(result, pipeline, what=what, budget=_budget(options))
    return result


def emit(module: ir.Module, kind: OutputKind, options: CompileOptions | None = None) -> bytes:
    """Compiles `module` and returns the result as a file's content.

    Args:
        module: A module of the `gpt` dialect. It is not changed.
        kind: "llvmir" or "asm" (text), "object" or "shared" (ELF).
        options: How to compile; the target may be another machine than this one.

    Raises:
        CompileError: The module cannot be compiled for the target.
    """
    options = given_options(options)
    return _emit(_copy(module), kind, options)


def compile_module(
    module: ir.Module,
    options: CompileOptions | None = None,
    *,
    progress: Progress | None = None,
) -> Executable:
    """Compiles `module` for this machine, or takes the result from the object cache.

    Args:
        module: A module of the `gpt` dialect. It is not changed. Every public function with a body
            becomes callable.
        options: How to compile.
        progress: Called before each step that takes time; not called at all when the cache has the
            code.

    Raises:
        CompileError: The module cannot be compiled; holds diagnostics and a reproducer. Or this
            machine cannot run code for the target.
    """
    options = given_options(options)
    _verify(module)
    _check_runs_here(options)
    signatures = read_signatures(module)
    key = module_key(module, options)
    cache = ObjectCache(options.cache_folder) if options.cache else None
    entry = cache.get(key) if cache is not None else None
    if entry is not None:
        return Executable.load(entry.manifest, path=entry.path, image=entry.image)

    lowered = _copy(module)
    image = _emit(lowered, "shared", options, progress)
    packing = read_packing(lowered, _toolchain_key(options))
    manifest = make_manifest(key, signatures, packing)
    if cache is not None:
        entry = cache.put(key, image, manifest)
    try:
        return Executable.load(manifest, path=entry.path if entry else None, image=image)
    except RuntimeError as error:
        raise CompileError(f"the compiled code cannot be used: {error}") from None


def module_key(module: ir.Module, options: CompileOptions | None = None) -> str:
    """Returns the key of `module` compiled with `options`: a hash of all that decides the code.

    Raises:
        CompileError: The target is not known.
    """
    options = given_options(options)
    text = module.operation.get_asm(print_generic_op_form=True, enable_debug_info=False)
    return digest(str(text), _toolchain_key(options))


def _toolchain_key(options: CompileOptions) -> str:
    """Returns a hash of all that decides the code of a given module."""
    return digest(
        _stage_pipeline("llvm", options),
        options.read_schedule(),
        str(options.opt_level),
        str(_llvm_level(options)),
        *_resolve_target(options),
        compiler_fingerprint(),
        _compiler.llvm_version(),
    )


def _stage_pipeline(stage: Stage, options: CompileOptions) -> str:
    """Returns the pipeline that leads from the `gpt` stage to `stage`."""
    if stage == "gpt":
        return ""
    if stage == "llvm" and options.pipeline is not None:
        return options.pipeline
    level = options.opt_level
    schedule = ""
    if level >= 2:
        schedule = options.schedule if options.schedule is not None else _select_schedule(options)
    specialize = level >= 2 and not options.batch_invariant
    if stage == "llvm":
        text = f"opt-level={level}{_schedule_option(schedule)}{_conversion_options(options)}"
        shapes = "" if specialize else " specialize-shapes=false"
        return f"gpt-to-llvm-pipeline{{{text}{shapes}{_limits(options)}}}"
    shapes = f"specialize-shapes={str(specialize).lower()}"
    to_linalg = f"{shapes}{_schedule_option(schedule)}{_limits(options)}"
    passes = [f"gpt-to-linalg-pipeline{{{to_linalg}}}"]
    if stage in ("vector", "loops"):
        fuse = str(level >= 1).lower()
        passes.append(
            f"gpt-linalg-to-vector-pipeline{{fuse-elementwise={fuse}{_schedule_option(schedule)}}}"
        )
    if stage == "loops":
        flags = {"contract": 1, "reassociate": 1, "approximate-math": 2, "threads": 3}
        text = " ".join(f"{name}={str(level >= least).lower()}" for name, least in flags.items())
        passes.append(f"gpt-linalg-to-loops-pipeline{{{text}{_schedule_option(schedule)}}}")
    return ",".join(passes)


def _llvm_level(options: CompileOptions) -> int:
    given = options.llvm_opt_level
    return _LLVM_LEVELS[options.opt_level] if given is None else given


def _schedule_option(schedule: str) -> str:
    return f" schedule={schedule}" if schedule else ""


def _budget(options: CompileOptions) -> _compiler.Budget:
    """Returns what a compilation that begins now may take."""
    return _compiler.Budget(time_limit=options.time_limit, memory_limit=options.memory_limit)


def _limits(options: CompileOptions) -> str:
    return "" if options.max_ops is None else f" max-ops={options.max_ops}"


def _conversion_options(options: CompileOptions) -> str:
    """Returns which conversions of narrow floats the target has instructions for."""
    triple, cpu, features = _resolve_target(options)
    if not triple.startswith("x86_64"):
        return ""
    instructions = {"expand-bf16": "+avx512bf16,+avx512vl", "expand-f16": "+f16c"}
    return "".join(
        f" {option}=false"
        for option, required in instructions.items()
        if _compiler.has_features(required, triple=triple, cpu=cpu, features=features)
    )


def _select_schedule(options: CompileOptions) -> str:
    try:
        name = _compiler.select_schedule(
            triple=options.target_triple, cpu=options.target_cpu, features=options.target_features
        )
    except RuntimeError as error:
        raise CompileError(str(error)) from None
    return str(name)


def _resolve_target(options: CompileOptions) -> tuple[str, str, str]:
    try:
        target = _compiler.resolve_target(
            triple=options.target_triple, cpu=options.target_cpu, features=options.target_features
        )
    except RuntimeError as error:
        raise CompileError(str(error)) from None
    return target


def _check_runs_here(options: CompileOptions) -> None:
    """Checks that this machine has all that code for the target may use.

    Raises:
        CompileError: It lacks something.
    """
    _, cpu, _ = _resolve_target(options)
    missing = _compiler.missing_features(
        triple=options.target_triple, cpu=options.target_cpu, features=options.target_features
    )
    if missing:
        off = ",".join(f"-{feature}" for feature in missing.split(","))
        raise CompileError(
            f"code for target cpu '{cpu}' cannot run on this machine ('{_compiler.host_cpu()}'), "
            f"which lacks {missing}: compile for 'native', or turn them off (target features "
            f"'{off}')"
        )


def _verify(module: ir.Module) -> None:
    try:
        module.operation.verify()
    except ir.MLIRError as error:  # type: ignore[attr-defined]  # set by MLIR on import
        diagnostics = [f"{d.location}: {d.message}" for d in error.error_diagnostics]
        raise CompileError("the module is not valid", diagnostics=diagnostics) from None


def _to_bytecode(operation: ir.Operation) -> bytes:
    buffer = io.BytesIO()
    operation.write_bytecode(buffer)
    return buffer.getvalue()


def _copy(module: ir.Module) -> ir.Module:
    """Copies a module with its locations to a context of its own."""
    context = ir.Context()
    context.allow_unregistered_dialects = module.context.allow_unregistered_dialects
    return ir.Module.parse(_to_bytecode(module.operation), context)


def _emit(
    module: ir.Module,
    kind: OutputKind,
    options: CompileOptions,
    progress: Progress | None = None,
) -> bytes:
    """Lowers `module` in place and generates code from it."""
    _resolve_target(options)  # a wrong target is reported before any work is done
    budget = _budget(options)
    if progress is not None:
        progress("lowering")
    pipeline = _stage_pipeline("llvm", options)
    what = "cannot lower the module to stage 'llvm'"
    run_pipeline(module, pipeline, what=what, budget=budget)
    if progress is not None:
        progress("generating code")
    try:
        return _compiler.emit(
            module,
            kind,
            triple=options.target_triple,
            cpu=options.target_cpu,
            features=options.target_features,
            opt_level=_llvm_level(options),
            num_threads=get_num_threads(),
            budget=budget,
        )
    except RuntimeError as error:
        raise CompileError(str(error)) from None
