"""`load`: a file, a bundled data set, a frame or an array as X and y."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.data.arrays import idx_labels_beside, read_idx, read_npz
from deltaprop.data.bundled import BUNDLED, read_bundled
from deltaprop.data.frames import all_missing, as_frame, column_of, kind_of, numbers
from deltaprop.data.labels import label_text
from deltaprop.data.names import listed, unknown_column
from deltaprop.data.tables import read_table
from deltaprop.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError, nearest, sentence

_IDX = ("-ubyte", "-ubyte.gz", ".idx", ".idx.gz")


@dataclass(frozen=True)
class Source:
    """Loaded data, not yet encoded: X is a narwhals frame without the target, or an array (m, n); y is (m,) or None."""

    X: Any
    y: Array | None
    target: str | None
    name: str
    feature_names: tuple[str, ...]


def load(
    source: Any, *, target: str | None = None, names: Sequence[str] | None = None, need_target: bool = True
) -> Source:
    """The data of a path, a bundled name (digits, iris, breast_cancer, wine, diabetes), a frame or an array.

    In a frame or a table file, `target` names the column that becomes y: numbers, or an object array of text. Files of
    arrays include their labels: NPZ in the same file, IDX in a second file in the same folder. With
    `need_target=False` (prediction) y is None, and the target's column is dropped if it exists. `names` are the
    column names of a file without a header.

    A bundled name is the data set, not a file of that name: write ./digits for the file. Raises `DataError` if the data
    cannot be used, `ArgumentError` if `target` or `names` do not apply to it.
    """
    if isinstance(source, str | os.PathLike):
        return _load_path(source, target, names, need_target)
    if names is not None:
        raise ArgumentError(sentence("names", "left out for data in memory", f"{len(names)} names"))
    frame = as_frame(source)
    if frame is not None:
        return _split(frame, target, "the data frame", need_target)
    if isinstance(source, np.ndarray):
        return _from_arrays(source, None, target, "the array", need_target)
    must = "a path, a bundled name, a data frame or an array"
    raise ArgumentTypeError(sentence("source", must, f"a {type(source).__name__}"))


def _load_path(
    source: str | os.PathLike[str], target: str | None, names: Sequence[str] | None, need_target: bool
) -> Source:
    text = os.fspath(source)
    if isinstance(source, str) and source in BUNDLED:
        _refuse_names(names, source)
        X, y = read_bundled(source)
        if isinstance(X, np.ndarray):
            return _from_arrays(X, y, target, source, need_target)
        _refuse_target(target, source)
        label = "target" if need_target else None
        return Source(as_frame(X), y if need_target else None, label, source, tuple(X.column_names))
    lowered = text.lower()
    if lowered.endswith(_IDX):
        _refuse_names(names, text)
        return _from_arrays(read_idx(text), _idx_labels(text, need_target), target, text, need_target)
    if lowered.endswith(".npz"):
        _refuse_names(names, text)
        return _from_arrays(*read_npz(text), target, text, need_target)
    return _split(_read(text, names), target, text, need_target)


def _read(text: str, names: Sequence[str] | None) -> Any:
    path = Path(text)
    if not path.suffix and path.name == text and not path.exists():
        must = f"a data file or one of {', '.join(BUNDLED)}"
        raise DataError(sentence("source", must, repr(text), nearest(text, BUNDLED)))
    return read_table(path, names=names)


def _idx_labels(text: str, need_target: bool) -> Array | None:
    beside = idx_labels_beside(text)
    return read_idx(beside) if need_target and beside is not None else None


def _refuse_names(names: Sequence[str] | None, name: str) -> None:
    if names is not None:
        raise ArgumentError(sentence("names", f"left out for {name}, which needs none", f"{len(names)} names"))


def _refuse_target(target: str | None, name: str) -> None:
    if target not in (None, "target"):
        must = f"left out for {name}, whose labels come with it"
        raise ArgumentError(sentence("target", must, repr(target)))


def _split(frame: Any, target: str | None, name: str, need_target: bool) -> Source:
    columns = frame.columns
    if need_target and target is None:
        must = f"one of the columns of {name} ({listed(columns)})"
        raise DataError(sentence("target", must, "none", "Say which one to learn: target=..., or --target COL."))
    if need_target and target not in columns:
        raise unknown_column("target", str(target), columns, name)
    y = _target(frame, target, name) if need_target and target is not None else None
    X = frame.drop(target) if target in columns else frame
    if not X.columns:
        raise DataError(sentence("source", "a table with columns besides the target", f"only {target!r}"))
    return Source(X, y, target, name, tuple(X.columns))


def _target(frame: Any, target: str, name: str) -> Array:
    array = column_of(frame, target)
    if len(array) == 0:
        raise DataError(sentence("source", "a table with at least one row", f"no rows ({name})"))
    if kind_of(target, array) == "number":
        floats = numbers(target, array)
        _refuse_bad_targets(np.isnan(floats), target, "missing")
        _refuse_bad_targets(np.isinf(floats), target, "infinite")
        values: Array = array.to_numpy(zero_copy_only=False)
        return values.copy() if values.dtype.kind in "iuf" else floats  # Arrow's memory is read-only
    values = np.array([None if value is None or value != value else value for value in array.to_pylist()], dtype=object)
    _refuse_bad_targets(np.array([value is None for value in values], dtype=bool), target, "missing")
    return np.array([label_text(value) for value in values], dtype=object)


def _refuse_bad_targets(bad: Array, target: str, what: str) -> None:
    if bad.all() and what == "missing":
        raise all_missing(target)
    if bad.any():
        rows = "1 row" if bad.sum() == 1 else f"{bad.sum()} rows"
        got = f"{what} values in {rows}; the first is row {int(np.argmax(bad)) + 1}"
        raise DataError(sentence(target, "known in every row", got, "Remove these rows or fill the values in."))


def _from_arrays(X: Array, y: Array | None, target: str | None, name: str, need_target: bool) -> Source:
    _refuse_target(target, name)
    if X.dtype.kind not in "biuf" or X.ndim < 2:
        must = "an array of numbers, (m, n) or images (m, ...)"
        raise ShapeError(sentence("X", must, f"{X.dtype} of shape {X.shape} in {name}"))
    if X.shape[0] == 0 or X.size == 0:
        raise DataError(sentence("source", "an array with rows and columns", f"shape {X.shape} ({name})"))
    X = X.reshape(len(X), -1)
    if need_target:
        y = _labels(X, y, name)
    features = tuple(f"x{index}" for index in range(X.shape[1]))
    return Source(X, y if need_target else None, "target" if need_target else None, name, features)


def _labels(X: Array, y: Array | None, name: str) -> Array:
    if y is None:
        remedy = "IDX images need their labels' file beside them, NPZ files an array named y."
        raise DataError(sentence("source", "data with labels", f"{name}, which has none", remedy))
    if y.ndim != 1 or len(y) != len(X):
        raise ShapeError(sentence("y", f"of shape ({len(X)},), as X has rows", f"shape {y.shape} in {name}"))
    if y.dtype.kind == "f":
        _refuse_bad_targets(np.isnan(y), "y", "missing")
        _refuse_bad_targets(np.isinf(y), "y", "infinite")
    if y.dtype.kind in "OSU":
        return np.array([label_text(label) for label in y], dtype=object)
    return y
