"""Arguments and options that several commands share, the parsing of lists, and the errors for invalid values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaprop.engines.registry import select
from deltaprop.errors import ArgumentError, ArgumentTypeError, OutputError
from deltaprop.files.atomic import check_writable
from deltaprop.tables.settings import TableSettings

if TYPE_CHECKING:
    from deltaprop.tables.model import TableModel

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
Engine = Annotated[str, typer.Option(metavar="NAME", help="Where it runs: auto, native or reference.")]
Threads = Annotated[int | None, typer.Option(metavar="N", help="On how many threads at most; by default on all cores.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

OPTION_OF: dict[str, str] = {  # a setting's name: its option's, if another
    **{each.name: each.metadata["option"] for each in fields(TableSettings) if each.metadata["option"]},
    "n_threads": "threads",
    "container": "params",
}


def listed(text: str | None) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def names_or_none(text: str | None) -> list[str] | None:
    """The column names of a headerless file, or None."""
    return listed(text) or None


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn a setting that is refused into a usage error that names the option."""
    try:
        yield
    except (ArgumentError, ArgumentTypeError) as error:
        found = re.fullmatch(r"`(\w+)` (must .*)", str(error), re.DOTALL)
        if found is None:
            raise typer.BadParameter(str(error)) from None
        option = OPTION_OF.get(found[1], found[1]).replace("_", "-")
        raise typer.BadParameter(found[2], param_hint=f"'--{option}'") from None


def loaded(model: Path, engine: str, threads: int | None) -> TableModel:
    """The model in this file, on this engine; refused settings are usage errors."""
    from deltaprop.tables.model import TableModel

    with usage_errors():
        select(engine, n_threads=threads)
    return TableModel.load(model, engine=engine, n_threads=threads)


def check_output(path: Path | None, *inputs: str | Path | None) -> None:
    """Refuse, before any work, a file that cannot be written, or that is one of the inputs."""
    if path is None:
        return
    for given in inputs:
        if given is not None and path.exists() and Path(given).exists() and path.samefile(given):
            raise OutputError(f"Cannot write {str(path)!r}: it is read from. Nothing was changed. Give another name.")
    check_writable(path)
