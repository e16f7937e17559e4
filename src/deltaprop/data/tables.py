"""Reads table files (separated text, Parquet, Arrow, Feather) as narwhals frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltaprop.data import delimited
from deltaprop.data._files import damaged, existing_file, read_bytes, reading
from deltaprop.data.names import refuse_bad_names
from deltaprop.errors import ArgumentError, DataError, sentence

if TYPE_CHECKING:
    import narwhals as nw

_TEXT: dict[str, str | None] = {".csv": None, ".tsv": "\t"}
"""Suffix -> separator; None if it is inferred from the text."""
_ARROW = (".arrow", ".feather", ".ipc")


def read_table(path: str | Path, *, names: Sequence[str] | None = None) -> nw.DataFrame[Any]:
    """The table in a file, as an eager narwhals frame over pyarrow.

    CSV and TSV, plain or gzip (`.csv`, `.tsv`, `.csv.gz`, `.tsv.gz`), are UTF-8. The separator of a `.csv` (comma, tab,
    semicolon or bar) is inferred from its first rows. The first row is the header, unless `names` gives the column
    names. Whitespace around a cell is stripped; blank lines are skipped. Missing: an empty cell, `?`, NA, N/A, NaN,
    nan, null, None. All cells of a column decide its type: integer, float, boolean (true, false), date (2024-01-31,
    with or without a time) or text. Parquet (`.parquet`) and Arrow (`.arrow`, `.feather`, `.ipc`) keep their types.

    Raises `DataError` if the file is missing, damaged, empty or not a table, `ArgumentError` if `names` are invalid.
    """
    import narwhals as nw

    file = existing_file(path)
    suffix = _table_suffix(file)
    if suffix in _TEXT:
        table = delimited.parse(read_bytes(file), name=repr(file.name), separator=_TEXT[suffix], names=names)
        return nw.from_native(table, eager_only=True)
    if names is not None:
        raise ArgumentError(
            sentence("names", f"left out for {suffix} files, which name their columns", f"{len(names)} names")
        )
    table = _read_arrow(file, suffix)
    refuse_bad_names(table.column_names, repr(file.name), "")
    if table.num_rows == 0:
        raise DataError(sentence("path", "a table with at least one row", f"no rows ({file.name!r})"))
    return nw.from_native(table, eager_only=True)


def _table_suffix(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix == ".gz" and file.with_suffix("").suffix.lower() in _TEXT:
        return file.with_suffix("").suffix.lower()
    known = (*_TEXT, ".parquet", *_ARROW)
    if suffix not in known:
        must = f"a file of a known kind ({', '.join(known)}; .csv.gz, .tsv.gz)"
        raise DataError(sentence("path", must, repr(file.name), "Rename or convert it."))
    return suffix


def _read_arrow(file: Path, suffix: str) -> Any:
    import pyarrow as pa
    from pyarrow import feather, parquet

    kind = "Parquet" if suffix == ".parquet" else "Arrow"
    with reading(file):
        file.open("rb").close()
    try:
        if suffix == ".parquet":
            # this file only: `parquet.read_table` would add columns for the names of folders
            with parquet.ParquetFile(file) as opened:
                return opened.read()
        return feather.read_table(file, memory_map=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(file, kind, error) from error
