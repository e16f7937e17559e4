"""What the commands put on the screen: tables and lines, plain where the output is not a terminal."""

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
    """A console on stdout or stderr, made when it is used, so that it sees NO_COLOR and the terminal as they are."""
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=stderr, highlight=False, soft_wrap=True, color_system=None if plain else "auto")


def visible(text: str, style: str = "") -> Text:
    """Text to show: names from a file move no cursor and change no colour, whatever bytes are in them."""
    return Text(_CONTROL.sub(lambda found: " " if found[0].isspace() else "\ufffd", text), style=style)


def remark(text: str, style: str = "") -> None:
    """A line on stderr: what is no result."""
    console(stderr=True).print(visible(text, style))


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Named facts on stdout, aligned; one a line, and on a terminal the next lines of a long one aligned as well."""
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
    """A table without a frame; the columns numbered in `right` are aligned to the right."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(headings):
        grid.add_column(heading, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(visible, row))
    console(stderr=stderr).print(grid)


def json_object(value: Any) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def columns(encoder: TableEncoder, *, stderr: bool = True) -> None:
    """What each column of a table was taken for, the first SHOWN_COLUMNS of them; an array's columns in one line."""
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
    table(("column", "taken as", "values", "missing"), rows, right=(3,), stderr=stderr)
    if len(infos) > SHOWN_COLUMNS:
        console(stderr=stderr).print(visible(f"... and {len(infos) - SHOWN_COLUMNS:,} more, to {infos[-1].name}"))
    if encoder.sparse_output_:
        inputs = sum(info.outputs for info in infos)
        text = f"{inputs:,} inputs, about {len(infos):,} of them not 0 in a row: kept sparse"
        console(stderr=stderr).print(visible(text))


def number(value: float) -> str:
    """A number for people: four significant digits, or all of a whole number."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def metrics(numbers: dict[str, float]) -> str:
    """Named numbers in one line."""
    names = {"r2": "R²", "rmse": "RMSE", "mae": "MAE"}
    in_the_target_unit = ("rmse", "mae")
    return ", ".join(
        f"{names.get(name, name.replace('_', ' '))} "
        + (number(value) if name in in_the_target_unit else f"{value:.4f}")
        for name, value in numbers.items()
    )
