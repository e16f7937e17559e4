"""Converts a fitted encoder to plain data and back; every field is checked, nothing is executed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from deltaprop.data.columns import CategoryColumn, Column, NumberColumn
from deltaprop.errors import FileFormatError, sentence

FORMAT = "deltaprop.table-encoder"
VERSION = 1
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class EncoderState:
    """The checked parts of a description."""

    columns: tuple[Column, ...]
    categorical: tuple[str, ...]
    numeric: tuple[str, ...]
    dtype: str
    named: bool


def dump(
    columns: Sequence[Column], categorical: Sequence[str], numeric: Sequence[str], dtype: str, *, named: bool
) -> dict[str, Any]:
    """The description of a fitted encoder: only str, int, float, bool, lists and dicts."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "dtype": dtype,
        "named": named,
        "categorical": list(categorical),
        "numeric": list(numeric),
        "columns": [_dump_column(column) for column in columns],
    }


def _dump_column(column: Column) -> dict[str, Any]:
    common = {"name": column.name, "missing": column.missing, "source": column.source}
    if isinstance(column, NumberColumn):
        return {"kind": column.kind, **common, "mean": column.mean, "std": column.std}
    return {"kind": "category", **common, "categories": list(column.categories)}


def load(state: Mapping[str, Any]) -> EncoderState:
    """The encoder's parts from its description; raises `FileFormatError` that names the first invalid field."""
    if not isinstance(state, Mapping) or state.get("format") != FORMAT:
        _refuse("format", repr(FORMAT), state.get("format") if isinstance(state, Mapping) else state)
    version = _count(state, "version")
    if version != VERSION:
        _refuse("version", f"{VERSION}, the one that this deltaprop reads", version, "Update deltaprop.")
    columns = tuple(_load_column(entry) for entry in _list(state, "columns"))
    names = [column.name for column in columns]
    if not columns or len(set(names)) < len(names):
        _refuse("columns", "one or more columns with different names", names)
    named = state.get("named")
    if not isinstance(named, bool):
        _refuse("named", "true or false", named)
    if not named and not all(isinstance(column, NumberColumn) for column in columns):
        _refuse("named", "true if there are categories", named)
    categorical, numeric = _texts(state, "categorical"), _texts(state, "numeric")
    return EncoderState(columns, categorical, numeric, _choice(state, "dtype", DTYPES), named)


def _load_column(entry: Any) -> Column:
    if not isinstance(entry, Mapping):
        _refuse("columns", "a list of objects", entry)
    kind = _choice(entry, "kind", ("number", "bytes", "category"))
    name, missing = entry.get("name"), _count(entry, "missing")
    if not isinstance(name, str):
        _refuse("name", "text", name)
    source: Any = _choice(entry, "source", ("inferred", "given"))
    if kind == "category":
        texts = _texts(entry, "categories")
        if not texts or list(texts) != sorted(set(texts)):
            _refuse("categories", "one or more different texts, sorted", texts)
        return CategoryColumn(name, texts, missing, source)
    mean, std = _real(entry, "mean"), _real(entry, "std")
    if std < 0:
        _refuse("std", "at least 0", std)
    number_kind: Any = kind
    return NumberColumn(name, mean, std, missing, source, number_kind)


def _count(entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        _refuse(key, "a whole number of at least 0", value)
    return value


def _real(entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key)
    if not isinstance(value, float) or not math.isfinite(value):
        _refuse(key, "a finite number", value)
    return value


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    value = entry.get(key)
    if not isinstance(value, list):
        _refuse(key, "a list", value)
    return value


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = _list(entry, key)
    if not all(isinstance(value, str) for value in values):
        _refuse(key, "a list of texts", values)
    return tuple(values)


def _choice(entry: Mapping[str, Any], key: str, options: Sequence[str]) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or value not in options:
        _refuse(key, f"one of {', '.join(options)}", value)
    return value


def _refuse(key: str, must: str, got: object, remedy: str = "") -> NoReturn:
    shown = repr(got)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise FileFormatError(sentence(f"encoder.{key}", must, shown, remedy))
