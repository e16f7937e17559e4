"""Encodes 2-D arrays of numbers, block by block, so that the data is not copied as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.data.columns import NumberColumn, moments, refuse_infinite, refuse_overflow, standardised
from deltaprop.data.frames import all_missing
from deltaprop.errors import ArgumentTypeError, ShapeError, sentence

_BLOCK = 1 << 20  # numbers converted to float64 at a time


def as_matrix(X: Any) -> Array:
    """X as a 2-D array of real numbers; otherwise `ShapeError` or `ArgumentTypeError`."""
    if hasattr(X, "toarray"):
        raise ArgumentTypeError(
            sentence("X", "a data frame or a dense array", f"a sparse {type(X).__name__}", "Call .toarray().")
        )
    try:
        matrix = np.asarray(X)
    except ValueError as error:
        raise ShapeError(sentence("X", "a table (m, n)", "rows of different lengths")) from error
    if matrix.dtype.kind not in "biuf":
        got = f"{type(X).__name__} of {matrix.dtype}"
        remedy = "Give text and mixed columns as a data frame."
        raise ArgumentTypeError(sentence("X", "a data frame or an array of real numbers", got, remedy))
    if matrix.ndim != 2:
        remedy = "Reshape it: rows are examples."
        raise ShapeError(sentence("X", "of shape (m, n)", f"shape {matrix.shape}", remedy))
    return matrix


def fit(X: Array) -> Iterator[NumberColumn]:
    """The fitted columns of X (m, n), named x0, x1, ...; bytes are scaled by 1/255 regardless of the data."""
    if X.dtype == np.uint8:
        yield from (NumberColumn(f"x{index}", 0.0, 255.0, kind="bytes") for index in range(X.shape[1]))
        return
    step = max(1, _BLOCK // len(X))
    for start in range(0, X.shape[1], step):
        block = X[:, start : start + step].astype(np.float64)
        names = [f"x{start + index}" for index in range(block.shape[1])]
        refuse_infinite(block, names)
        mean, std, missing = moments(block)
        for name, mu, sigma, count in zip(names, mean, std, missing, strict=True):
            if count == len(X):
                raise all_missing(name)
            yield NumberColumn(name, float(mu), float(sigma), int(count))


def fill(X: Array, columns: Sequence[NumberColumn], out: Array) -> None:
    """Write the outputs of the columns of X (m, n) into out (m, outputs), block by block."""
    if X.dtype == np.uint8 and all(column.kind == "bytes" for column in columns):
        np.divide(X, out.dtype.type(255), out=out)
        return
    names = [column.name for column in columns]
    mean = np.array([column.mean for column in columns])
    std = np.array([column.std for column in columns])
    marked = np.array([column.missing > 0 for column in columns])
    places = np.arange(len(columns)) + np.cumsum(marked) - marked
    step = max(1, _BLOCK // max(1, len(columns)))
    for start in range(0, len(X), step):
        block = X[start : start + step].astype(np.float64)
        refuse_infinite(block, names, row=start)
        z = standardised(block, mean, std)
        refuse_overflow(z, block, names, out.dtype, row=start)
        rows = out[start : start + step]
        rows[:, places] = z
        rows[:, places[marked] + 1] = np.isnan(block[:, marked])
