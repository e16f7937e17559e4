"""The application: its commands, and how an error becomes one sentence and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from deltaprop import __version__
from deltaprop.cli.check import check
from deltaprop.cli.evaluate import evaluate
from deltaprop.cli.info import info
from deltaprop.cli.predict import predict
from deltaprop.cli.show import remark
from deltaprop.cli.train import train
from deltaprop.errors import DeltapropError

EPILOG = "Exit codes: 0 fine, 1 failed (one sentence on stderr says why), 2 wrong usage, 130 stopped by Ctrl-C."

app = typer.Typer(
    name="deltaprop",
    help="Train fully connected networks by backpropagation's four equations, on tables and images.",
    epilog=EPILOG,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (train, predict, evaluate, check, info):
    app.command(no_args_is_help=True, epilog=EPILOG)(command)


def _version(asked: bool) -> None:
    if asked:
        print(f"deltaprop {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options that stand before a command."""


def main() -> None:
    """Run the command line; never a traceback for what a user can mend."""
    for stream in (sys.stdout, sys.stderr):  # our letters (σ, ², …) must not fail on a narrow terminal encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except DeltapropError as error:
        remark(f"Error: {error}", style="red")
        sys.exit(1)
    except MemoryError:
        remark("Error: there is not enough memory for this. Try fewer rows or a smaller network.", style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        remark("Interrupted.", style="red")
        sys.exit(130)
