"""Parses comma, tab, semicolon and bar separated text into a typed Arrow table.

Every cell is read as text first, and a column's type is inferred from all of its cells: the type does not depend on
the row in which the first letter appears.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from deltaprop.data._files import first_line
from deltaprop.data.names import refuse_bad_names
from deltaprop.errors import ArgumentError, DataError, sentence

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "None")
"""Cells that count as missing, after surrounding whitespace is stripped."""
SEPARATORS = (",", "\t", ";", "|")
_HEAD = 1 << 20  # characters searched for the separator and the header
_ROWS = 50
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z?)?$"


def parse(data: bytes, *, name: str, separator: str | None, names: Sequence[str] | None) -> Any:
    """The typed `pyarrow.Table` of the text in `data`; errors call the file `name`.

    If `separator` is None, it is inferred from the first rows; if `names` is None, the first row is the header.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    _refuse_non_text(data, name)
    data = data.lstrip(b"\r\n")
    head = data[:_HEAD].decode("utf-8", errors="ignore")
    separator = separator or _find_separator(head)
    first = next(_rows(head, separator), None)
    if first is None:
        got = "a first row that cannot be split into cells" if data else "an empty file"
        raise DataError(sentence("path", "a table with at least one row", f"{got} ({name})"))
    header = _header(first, name) if names is None else _given(names, first, name)
    table = _text_table(data, len(first), separator, name, skip=1 if names is None else 0)
    if table.num_rows == 0:
        raise DataError(sentence("path", "a table with at least one row", f"a header and no rows ({name})"))
    return _typed_table(table, header)


def _refuse_non_text(data: bytes, name: str) -> None:
    try:
        if b"\0" in data:
            raise DataError(sentence("path", "UTF-8 text", f"NUL bytes in {name}", "Save the table as UTF-8 text."))
        if not data.isascii():
            data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        got = f"byte 0x{data[error.start]:02x} in line {line} of {name}"
        raise DataError(sentence("path", "UTF-8 text", got, "Save the table as UTF-8 text.")) from error


def _rows(head: str, separator: str) -> Iterator[list[str]]:
    """The first rows of the text, without blank lines."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=separator)
    try:
        yield from (row for row in islice(reader, _ROWS) if row)
    except csv.Error:
        return  # the parser of the whole file reports it, with the row


def _find_separator(head: str) -> str:
    """The separator for which most rows have as many fields as the first one; in a tie, the one with most fields."""

    def fit(separator: str) -> tuple[bool, int, int]:
        widths = [len(row) for row in _rows(head, separator)] or [0]
        return widths[0] > 1, widths.count(widths[0]), widths[0]

    return max(SEPARATORS, key=fit)


def _header(first: list[str], name: str) -> list[str]:
    """The names in the first row; a row that contains a number, a date or a `?` is data, not a header."""
    cells = [cell.strip() for cell in first]
    data = next((cell for cell in cells if _is_data(cell)), None)
    if data is not None:
        raise DataError(
            sentence(
                "path",
                "a file whose first row names its columns, or come with `names`",
                f"{name} with {data!r} in its first row, so it seems to have no header",
                f"Give the {len(cells)} names of its columns: names=[...], or --names a,b,c.",
            )
        )
    refuse_bad_names(cells, name, "If the first row is data, give `names` (--names a,b,c).")
    return cells


def _is_data(cell: str) -> bool:
    return bool(cell == "?" or _NUMBER.fullmatch(cell) or re.match(_DATE, cell))


def _given(names: Sequence[str], first: list[str], name: str) -> list[str]:
    given = [column.strip() for column in names]
    if len(given) != len(first):
        must = f"as many as the columns of {name}, which has {len(first)}"
        raise ArgumentError(sentence("names", must, f"{len(given)}: {', '.join(given)}"))
    refuse_bad_names(given, "`names`", "")
    if [cell.strip() for cell in first] == given:
        raise ArgumentError(sentence("names", "left out if the file has a header", f"the first row of {name}"))
    return given


def _text_table(data: bytes, width: int, separator: str, name: str, *, skip: int) -> Any:
    """The rows after the first `skip`, as dictionaries of strings; each must have `width` fields."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    columns = [str(index) for index in range(width)]

    def read(threads: bool) -> Any:
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                column_names=columns, skip_rows_after_names=skip, use_threads=threads, block_size=4 << 20
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=b'"' in data),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.dictionary(pa.int32(), pa.string())),
                strings_can_be_null=False,
            ),
        )

    try:
        return read(threads=True)
    except pa.ArrowInvalid:
        pass
    try:  # again with one thread: only then does the error contain the row number
        return read(threads=False)
    except pa.ArrowInvalid as error:
        raise _bad_row(error, width, name) from error


def _bad_row(error: Exception, width: int, name: str) -> DataError:
    found = re.search(r"Row #(\d+): Expected \d+ columns, got (\d+)", str(error))
    if found is None:
        return DataError(sentence("path", "a table of separated text", f"{name}: {first_line(error)}"))
    got = f"{found[2]} in row {found[1]} of {name} (the header counted, blank lines not)"
    return DataError(sentence("path", f"a table with {width} fields in every row", got))


def _typed_table(table: Any, header: list[str]) -> Any:
    import pyarrow as pa

    columns = []
    for _ in range(table.num_columns):  # one at a time, to free the text of a converted column
        columns.append(_typed(table.column(0)))
        table = table.remove_column(0)
    return pa.table(columns, names=header)


def _typed(column: Any) -> Any:
    """A column of strings as integers, floats, booleans, dates or stripped text; all of its cells decide.

    Only the distinct cells are stripped and converted, because most columns have few.
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    encoded = column.unify_dictionaries().combine_chunks()
    text = pc.utf8_trim_whitespace(encoded.dictionary)
    text = pc.if_else(pc.is_in(text, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), text)
    if text.null_count < len(text):
        for convert in (_numbers, _booleans, _dates):
            values = convert(text)
            if values is not None:
                return values.take(encoded.indices)
    return text.take(encoded.indices)


def _numbers(text: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute as pc

    try:
        floats = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None
    if pc.any(pc.match_substring_regex(text, r"[^0-9+-]")).as_py():
        return floats
    try:
        return pc.cast(pc.utf8_ltrim(text, characters="+"), pa.int64())
    except pa.ArrowInvalid:  # beyond 64 bits
        return floats


def _booleans(text: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute as pc

    lowered = pc.utf8_lower(text)
    known = pc.is_in(lowered, value_set=pa.array(["true", "false", None]))
    return pc.equal(lowered, "true") if pc.all(known).as_py() else None


def _dates(text: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute as pc

    if not pc.all(pc.match_substring_regex(text, _DATE)).as_py():
        return None
    for kind in (pa.date32(), pa.timestamp("ns"), pa.timestamp("us", tz="UTC")):
        try:
            return pc.cast(text, kind)
        except pa.ArrowInvalid:
            continue
    return None
