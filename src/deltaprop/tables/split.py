"""Which rows of a table train, which validate, which test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.errors import ArgumentError, DataError, sentence


@dataclass(frozen=True)
class RowSplit:
    """Row numbers of the three parts, each in the order of the table."""

    train: Indices
    validation: Indices
    test: Indices


def split_rows(m: int, test: float, validation: float, classes: Array | None, seed: int) -> RowSplit:
    """Split m rows: a fraction for testing, a fraction of the rest for validation; `classes` (m,) are spread evenly."""
    if not 0 <= test < 1:
        raise ArgumentError(sentence("test", "a fraction, 0 or more and below 1", repr(test)))
    rows, tested = _part(np.arange(m), test, classes, seed, "test")
    trained, validated = _part(rows, validation, classes, seed, "validation")
    return RowSplit(trained, validated, tested)


def take(X: Any, rows: Indices) -> Any:
    """These rows of a frame or an array; all of them without a copy."""
    return X if len(rows) == len(X) else X[rows]


def _part(rows: Indices, fraction: float, classes: Array | None, seed: int, name: str) -> tuple[Indices, Indices]:
    from sklearn.model_selection import train_test_split

    if not fraction:
        return rows, rows[:0]
    if len(rows) < 2:
        raise DataError(sentence(name, "0 for so few rows", f"{fraction} of {len(rows)}"))
    size = min(max(1, round(fraction * len(rows))), len(rows) - 1)
    spread = _spreadable(classes, rows, size)
    kept, held = train_test_split(rows, test_size=size, random_state=seed % 2**32, stratify=spread)
    return np.sort(kept), np.sort(held)


def _spreadable(classes: Array | None, rows: Indices, size: int) -> Array | None:
    """The rows' classes, if both parts have room for each and each has two rows or more; else None."""
    if classes is None:
        return None
    counts = np.unique(classes[rows], return_counts=True)[1]
    enough = counts.min() >= 2 and min(size, len(rows) - size) >= len(counts)
    return classes[rows] if enough else None
