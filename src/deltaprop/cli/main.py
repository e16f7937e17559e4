"""The application: its commands, and how an error becomes one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deltaprop import __version__
from deltaprop.cli.bench import bench
from deltaprop.cli.check import check
from deltaprop.cli.check_code import check_code
from deltaprop.cli.derive import derive
from deltaprop.cli.evaluate import evaluate
from deltaprop.cli.info import info
from deltaprop.cli.predict import predict
from deltaprop.cli.show import remark
from deltaprop.cli.train import train
from deltaprop.engines.registry import show_engines
from deltaprop.errors import DeltapropError

FIRST = "First steps: deltaprop train digits --test 0.2 --save digits.safetensors"
EPILOG = "Exit codes: 0 fine, 1 failed (one sentence on stderr says why), 2 wrong usage, 130 stopped by Ctrl-C."
COMMANDS: dict[Callable[..., None], str] = {  # in the order of first use; each line of the list fits in 80 columns
    train: "Train a network on a file and say how good it is.",
    predict: "Predict the target of every row, as CSV.",
    evaluate: "Compare predictions with the known target.",
    check: "Check a model's gradients, layer by layer.",
    check_code: "Check the backprop that you wrote yourself.",
    derive: "Derive the four equations, step by step.",
    info: "Show what is in a model file.",
    bench: "Measure how fast this machine trains and predicts.",
}


class Commands(TyperGroup):
    """The group of commands; Ctrl-C outside of training prints "Interrupted." and exits with 130."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and flush stdout while an error can still be reported."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            remark("Interrupted.", style="red")
            raise typer.Exit(130) from None
        return result


app = typer.Typer(
    name="deltaprop",
    cls=Commands,
    help="Train fully connected networks by backpropagation's four equations, on tables and images.",
    epilog=f"{FIRST}\n\n{EPILOG}",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command, summary in COMMANDS.items():
    app.command(no_args_is_help=command not in (bench, derive), short_help=summary, epilog=EPILOG)(command)


def _version(asked: bool) -> None:
    if asked:
        print(f"deltaprop {__version__}")
        raise typer.Exit


def _engines(asked: bool) -> None:
    if asked:
        show_engines()
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    engines: Annotated[
        bool,
        typer.Option("--engines", callback=_engines, is_eager=True, help="Show which engines are available, and why."),
    ] = False,
) -> None:
    """Options before a command."""


def main() -> None:
    """Run the command line; an error that the user can fix prints one sentence and no traceback."""
    for stream in (sys.stdout, sys.stderr):  # an encoding without σ or ² must not raise
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="deltaprop")
    except DeltapropError as error:
        _fail(str(error))
    except MemoryError:
        _fail("there is not enough memory for this. Try fewer rows or a smaller network.")
    except OSError as error:
        _drop_output()
        reason, file = error.strerror or str(error), f" ({error.filename})" if error.filename else ""
        _fail(f"the results could not be written: {reason[:1].lower() + reason[1:]}{file}.")


def _fail(text: str) -> None:
    sentence, *traceback = text.splitlines()  # a CodeError has the traceback of the user's code
    remark(f"Error: {sentence}", style="red")
    for line in traceback:
        remark(line)
    sys.exit(1)


def _drop_output() -> None:
    """Redirect stdout to the null device: at exit Python would write its buffer again, and fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
