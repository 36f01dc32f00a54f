"""The program's entry: exit codes and error messages as Unix tools have them.

0 when done; 1 for an error, told in one line on stderr; 2 for wrong usage; 130 after Ctrl-C; 141,
silently, when the reader of a pipe went away. Ctrl-C while modules load ends the process by the
signal, which a shell reports as 130 as well.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from gpt_mlir.cli.interrupts import INTERRUPTS, dying_at_once
from gpt_mlir.cli.streams import open_closed_streams

with dying_at_once():
    import typer

    from gpt_mlir.errors import GptMlirError

__all__ = ["PROGRAM", "main"]

PROGRAM = "gpt-mlir"
# The base of the parser's own errors. Typer has brought its own copy of click since 0.20, and this
# finds the right one either way.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: Without the program's name; those of the process if None.

    Returns:
        The exit code.
    """
    open_closed_streams()
    warnings.showwarning = _Warnings().show
    given = sys.argv[1:] if arguments is None else list(arguments)
    with INTERRUPTS.noted():
        try:
            return _run(given)
        except (KeyboardInterrupt, typer.Abort):
            return EXIT_INTERRUPTED
        except Exception:
            if INTERRUPTS.seen:
                return EXIT_INTERRUPTED
            raise


def _run(arguments: list[str]) -> int:
    with dying_at_once():
        from gpt_mlir.cli.app import app

        command = typer.main.get_command(app)
    try:
        # Not `command.main`: it has its own ideas about Ctrl-C and broken pipes.
        with command.make_context(PROGRAM, arguments) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as done:
        return done.exit_code
    except _UsageError as error:
        return _usage(error)
    except BrokenPipeError:
        # Python flushes stdout at exit; there is nobody to read it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except (GptMlirError, OSError) as error:
        return _fail(str(error))
    except MemoryError as error:
        return _fail(f"not enough memory: {error}".removesuffix(": "))


def _usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else PROGRAM
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    print(f"{PROGRAM}: error: {message}", file=sys.stderr)
    print(f"Try '{command} --help'.", file=sys.stderr)
    return EXIT_USAGE


def _fail(message: str) -> int:
    print(f"{PROGRAM}: error: {message}", file=sys.stderr)
    return EXIT_ERROR


class _Warnings:
    """Shows each warning once: a folder that cannot be used is met several times."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def show(self, message: Warning | str, *_: object, **__: object) -> None:
        """Replaces `warnings.showwarning`."""
        if str(message) not in self._shown:
            self._shown.add(str(message))
            print(f"{PROGRAM}: warning: {message}", file=sys.stderr)
