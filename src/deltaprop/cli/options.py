"""Arguments and options that several commands share, and the lists that some of them take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A file that `deltaprop train --save` wrote.")]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A file (.csv .tsv .parquet .arrow .feather .npz, IDX images; .gz) "
        "or one of digits, iris, breast_cancer, wine, diabetes.",
    ),
]
Names = Annotated[str | None, typer.Option(metavar="A,B,C", help="Column names, for a file without a header.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def listed(text: str | None) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def names_or_none(text: str | None) -> list[str] | None:
    """The column names of a headerless file, or None."""
    return listed(text) or None
