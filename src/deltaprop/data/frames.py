"""Reads a column of any data frame, through Arrow, as numbers or categories; only this module looks at column types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from deltaprop._types import Indices
from deltaprop.data.columns import Floats
from deltaprop.data.delimited import MISSING
from deltaprop.data.labels import label_text
from deltaprop.errors import DataError, sentence

Kind: TypeAlias = Literal["number", "category"]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)


def as_frame(X: Any) -> Any:
    """X as an eager narwhals frame, or None if it is not a data frame."""
    import narwhals as nw

    try:
        frame = nw.from_native(nw.to_native(X, pass_through=True), eager_only=True, pass_through=True)
        if not isinstance(frame, nw.DataFrame):
            return None
        strange = next((name for name in frame.columns if not isinstance(name, str)), None)
    except nw.exceptions.DuplicateError as error:
        got = " ".join(str(error).split())
        raise DataError(sentence("columns", "named differently", got.rstrip("."), "Rename them.")) from error
    if strange is not None:
        remedy = "Rename it; in pandas: X.columns = X.columns.astype(str)."
        raise DataError(sentence("columns", "named by text", f"a column named {strange!r}", remedy))
    return frame


def column_of(frame: Any, name: str) -> Any:
    """One column as a single Arrow array; text has the layout `large_string`."""
    import pyarrow as pa

    try:
        array = frame.get_column(name).to_arrow()
    except (pa.ArrowException, TypeError, ValueError) as error:
        remedy = "Make its values all numbers or all text."
        raise DataError(sentence(name, "a column with values of one type", "a mixture", remedy)) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # more text than 32-bit offsets can address
        array = pa.chunked_array(array.chunks).cast(pa.large_string()).combine_chunks()
    return array.cast(pa.large_string()) if _is_text(array.type) else array


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def kind_of(name: str, array: Any) -> Kind:
    """Whether a column holds numbers or categories; raises `DataError` for dates and all other types."""
    import pyarrow as pa

    kind = array.type
    if array.null_count == len(array) and len(array):
        raise all_missing(name)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if _is_text(kind) or pa.types.is_boolean(kind) or pa.types.is_dictionary(kind) or pa.types.is_null(kind):
        return "category"
    if pa.types.is_temporal(kind):
        remedy = "Turn it into a number (a year, days since a date), or drop the column."
        raise DataError(sentence(name, "a column of numbers or text", f"dates or times ({kind})", remedy))
    raise DataError(sentence(name, "a column of numbers or text", f"values of type {kind}", "Drop the column."))


def all_missing(name: str) -> DataError:
    """The error for a column without values."""
    return DataError(sentence(name, "a column with some values", "only missing values", "Drop the column."))


def numbers(name: str, array: Any) -> Floats:
    """The column (m,) in float64, NaN if missing; text is parsed, and raises `DataError` if it is not a number."""
    import pyarrow as pa
    from pyarrow import compute as pc

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_temporal(array.type):
        kind_of(name, array)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    if _is_text(array.type):
        return np.array([_number(name, row, text) for row, text in enumerate(array.to_pylist())], np.float64)
    try:
        values = pc.cast(array, pa.float64(), safe=False)
    except pa.ArrowException as error:
        raise DataError(sentence(name, "a column of numbers", f"values of type {array.type}")) from error
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def _number(name: str, row: int, text: str | None) -> float:
    stripped = "" if text is None else text.strip()
    if stripped in MISSING:
        return np.nan
    if _NUMBER.fullmatch(stripped) is None:
        raise DataError(
            sentence(name, "a column of numbers", f"{text!r} in row {row + 1}", "Correct it, or leave it empty.")
        )
    return float(stripped)


def categories(name: str, array: Any) -> tuple[Sequence[str], Indices]:
    """The distinct texts of the column, and the index of each row's text (m,), -1 if missing."""
    import pyarrow as pa
    from pyarrow import compute as pc

    if pa.types.is_temporal(array.type):
        kind_of(name, array)
    try:
        encoded = array if pa.types.is_dictionary(array.type) else pc.dictionary_encode(array)
    except pa.ArrowException as error:
        raise DataError(sentence(name, "a column of text", f"values of type {array.type}")) from error
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    raw = encoded.dictionary.to_pylist()
    absent = [value is None or value != value for value in raw]
    texts = ["" if gone else label_text(value) for value, gone in zip(raw, absent, strict=True)]
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    merged = np.array([*(-1 if gone else places[t] for t, gone in zip(texts, absent, strict=True)), -1], np.intp)
    return list(places), merged[codes]
