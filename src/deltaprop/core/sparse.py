"""Rows of which only some numbers are stored: the form of a SciPy sparse matrix inside the package.

A row of a one-hot table is nearly all 0. `SparseRows` keeps the rest. It has an array's `len`, `shape`, slices and
rows by number. An engine multiplies what is stored, or writes a part out with `dense`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deltaprop._types import Array, Indices
from deltaprop.errors import ArgumentError, ArgumentTypeError, ShapeError, sentence

MOST_COLUMNS = 2**31 - 1  # so that a column's number fits into 32 bits


@dataclass(frozen=True, eq=False)
class SparseRows:
    """X (m, n) as CSR: row i has data[t] in column indices[t], rising, for indptr[i] <= t < indptr[i + 1], else 0."""

    data: Array
    indices: NDArray[np.int32]
    indptr: NDArray[np.int64]
    n: int

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return len(self), self.n

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, rows: slice | Indices) -> SparseRows:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            return self._part(start, max(start, stop)) if step == 1 else self._take(np.arange(start, stop, step))
        return self._take(rows)

    def _part(self, start: int, stop: int) -> SparseRows:
        """Rows start..stop, their numbers not copied."""
        indptr = self.indptr[start : stop + 1]
        stored = slice(indptr[0], indptr[-1])
        return SparseRows(self.data[stored], self.indices[stored], indptr - indptr[0], self.n)

    def _take(self, rows: Indices) -> SparseRows:
        starts = self.indptr[rows]
        lengths = self.indptr[np.asarray(rows) + 1] - starts
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return SparseRows(self.data[places], self.indices[places], indptr, self.n)

    def row_of(self, place: int) -> int:
        """The row of the stored number at index `place`."""
        return int(np.searchsorted(self.indptr, place, side="right")) - 1

    def astype(self, dtype: np.dtype[Any], copy: bool = True) -> SparseRows:
        """The same rows in this number type."""
        return replace(self, data=self.data.astype(dtype, copy=copy))


Inputs: TypeAlias = Array | SparseRows
"""Rows of examples, (m, n_0): dense or sparse."""


def dense(X: Inputs) -> Array:
    """The rows written out, zeros too; a dense array itself."""
    if not isinstance(X, SparseRows):
        return X
    rows = np.zeros(X.shape, X.data.dtype)
    rows[np.repeat(np.arange(len(X)), np.diff(X.indptr)), X.indices] = X.data
    return rows


def is_sparse(X: object) -> bool:
    """Whether X is a SciPy sparse matrix or array of any format, or already SparseRows."""
    return isinstance(X, SparseRows) or hasattr(X, "tocsr")


def sparse_rows(X: Any, name: str) -> SparseRows:
    """X as rows of its own number type, columns in rising order; entries stored twice are summed, as SciPy does.

    CSR that is in order is not copied, and nothing of X is changed. Errors: not 2-D, no real numbers, indices that lie
    outside the matrix.
    """
    if isinstance(X, SparseRows):
        return X
    if len(X.shape) != 2 or X.shape[1] > MOST_COLUMNS:
        raise ShapeError(sentence(name, f"2-D, one row per example, at most {MOST_COLUMNS:,} wide", f"shape {X.shape}"))
    if X.dtype.kind not in "fiub":
        raise ArgumentTypeError(sentence(name, "a sparse matrix of numbers", f"dtype {X.dtype}"))
    if X.format in ("csr", "csc"):
        _check_structure(X, name)
    csr = X.tocsr()
    if not _rising(csr):
        csr = csr.copy()  # SciPy sorts and sums in place, by flags that belong to X
        csr.sum_duplicates()
    stored = int(csr.indptr[-1])
    indices = csr.indices[:stored].astype(np.int32, copy=False)
    return SparseRows(packed(csr.data[:stored]), packed(indices), csr.indptr.astype(np.int64), int(X.shape[1]))


def packed(array: Array) -> Array:
    """The array itself if it is aligned and has no gaps, else a copy."""
    return np.require(array, requirements=["C", "A"])


def check_stored(rows: SparseRows, name: str) -> None:
    """Refuse NaN and Inf among the numbers that are stored, naming the first place."""
    good = np.isfinite(rows.data)
    if not good.all():
        place = int(good.argmin())
        value, row, column = rows.data[place], rows.row_of(place), rows.indices[place]
        remedy = "Fill or drop missing values first." if np.isnan(value) else ""
        raise ArgumentError(sentence(name, "finite numbers", f"{value} in row {row}, column {column}", remedy))


def _check_structure(X: Any, name: str) -> None:
    """Refuse arrays that are not CSR or CSC of that shape: SciPy checks only their ends."""
    lists, width = X.shape if X.format == "csr" else X.shape[::-1]
    this, other = ("row", "column") if X.format == "csr" else ("column", "row")
    ends = len(X.indptr) == lists + 1 and X.indptr[0] == 0 and X.indptr[-1] <= min(len(X.data), len(X.indices))
    if not ends or (np.diff(X.indptr) < 0).any():
        must = f"a {X.format.upper()} matrix whose indptr rises from 0 to the number of stored values, {this} by {this}"
        raise ArgumentError(sentence(name, must, "an indptr that does not"))
    indices = X.indices[: X.indptr[-1]]
    wrong = (indices < 0) | (indices >= width)
    if wrong.any():
        place = int(wrong.argmax())
        at = int(np.searchsorted(X.indptr, place, side="right")) - 1
        must = f"a {X.format.upper()} matrix with {other}s from 0 to {width - 1}"
        raise ArgumentError(sentence(name, must, f"{other} {indices[place]} in {this} {at}"))


def _rising(csr: Any) -> bool:
    """Whether every row has its columns once and in order."""
    indices = csr.indices[: csr.indptr[-1]]
    rises = indices[1:] > indices[:-1]
    begins = csr.indptr[1:-1]  # of rows 1, 2, ...: the first column of a row may be any
    rises[begins[(begins > 0) & (begins < len(indices))] - 1] = True
    return bool(rises.all())
