"""What the commands put on the screen: tables and lines, plain where the output is not a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deltaprop.data.encoder import TableEncoder

SHOWN_COLUMNS = 24


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, made when it is used, so that it sees NO_COLOR and the terminal as they are."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def remark(text: str, style: str = "") -> None:
    """A line on stderr: what is no result."""
    console(stderr=True).print(Text(text, style=style))


def facts(pairs: Iterable[tuple[str, str]], *, stderr: bool = False) -> None:
    """Named facts, one a line, aligned."""
    pairs = list(pairs)
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console(stderr=stderr).print(Text.assemble((f"{name:<{width}}  ", "bold"), value))


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), stderr: bool = False
) -> None:
    """A table without a frame; the columns numbered in `right` are aligned to the right."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(headings):
        grid.add_column(heading, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
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
        console(stderr=stderr).print(Text(text))
        return
    rows = [
        (info.name, info.kind + (" (given)" if info.source == "given" else ""), info.details, str(info.missing or ""))
        for info in infos[:SHOWN_COLUMNS]
    ]
    table(("column", "taken as", "values", "missing"), rows, right=(3,), stderr=stderr)
    if len(infos) > SHOWN_COLUMNS:
        console(stderr=stderr).print(Text(f"... and {len(infos) - SHOWN_COLUMNS:,} more, to {infos[-1].name}"))


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
