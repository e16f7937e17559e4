"""Output of the commands: tables and lines, plain if the output is not a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from deltaprop.data.encoder import TableEncoder

SHOWN_COLUMNS = 24
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, made for each use so that NO_COLOR and the terminal are current."""
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=stderr, highlight=False, soft_wrap=True, color_system=None if plain else "auto")


def visible(text: str, style: str = "") -> Text:
    """Text without control characters, so that names from a file cannot move the cursor or change colours."""
    return Text(_CONTROL.sub(lambda found: " " if found[0].isspace() else "\ufffd", text), style=style)


def remark(text: str, style: str = "") -> None:
    """Print a line that is not a result on stderr."""
    console(stderr=True).print(visible(text, style))


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Print named facts on stdout, one per line, aligned; a terminal also aligns the further lines of a long fact."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    pairs = list(pairs)
    width = max(len(name) for name, _ in pairs)
    screen = console()
    for name, value in pairs:
        if screen.is_terminal:
            grid.add_row(visible(name), visible(value))
        else:
            screen.print(visible(f"{name:<{width}}  {value}"))
    if screen.is_terminal:
        screen.print(grid)


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), stderr: bool = False
) -> None:
    """Print a table without a frame; the columns whose numbers are in `right` are aligned to the right."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(headings):
        grid.add_column(heading, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(visible, row))
    console(stderr=stderr).print(grid)


def json_object(value: Any) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def columns(encoder: TableEncoder, *, stderr: bool = True) -> None:
    """Print how each column of a table is treated, at most SHOWN_COLUMNS; all columns of an array on one line."""
    infos = encoder.describe()
    if not hasattr(encoder, "feature_names_in_"):
        kinds = {"bytes": "bytes, divided by 255", "number": "numbers, standardised"}
        text = f"{len(infos):,} columns of {' and '.join(sorted({kinds[info.kind] for info in infos}))}"
        console(stderr=stderr).print(visible(text))
        return
    rows = [
        (info.name, info.kind + (" (given)" if info.source == "given" else ""), info.details, str(info.missing or ""))
        for info in infos[:SHOWN_COLUMNS]
    ]
    table(("column", "treated as", "values", "missing"), rows, right=(3,), stderr=stderr)
    if len(infos) > SHOWN_COLUMNS:
        console(stderr=stderr).print(visible(f"... and {len(infos) - SHOWN_COLUMNS:,} more, to {infos[-1].name}"))
    if encoder.sparse_output_:
        inputs = sum(info.outputs for info in infos)
        text = f"{inputs:,} inputs, about {len(infos):,} of them not 0 in a row: stored sparse"
        console(stderr=stderr).print(visible(text))


def number(value: float) -> str:
    """A number with four significant digits, or rounded to a whole number if it is large."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def metrics(numbers: dict[str, float]) -> str:
    """Named numbers on one line."""
    names = {"r2": "R²", "rmse": "RMSE", "mae": "MAE"}
    in_the_target_unit = ("rmse", "mae")
    return ", ".join(
        f"{names.get(name, name.replace('_', ' '))} "
        + (number(value) if name in in_the_target_unit else f"{value:.4f}")
        for name, value in numbers.items()
    )
