"""The fitted columns of an encoder: their state from the training rows, and how they write their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deltaprop._types import Array, Indices
from deltaprop.errors import DataError, sentence

Floats: TypeAlias = NDArray[np.float64]
Origin: TypeAlias = Literal["inferred", "given"]
NumberKind: TypeAlias = Literal["number", "bytes"]


@dataclass(frozen=True)
class ColumnInfo:
    """One row of `TableEncoder.describe()`: how the encoder treats a column."""

    name: str
    kind: Literal["number", "category", "bytes"]
    source: Origin
    missing: int
    outputs: int
    details: str


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, (x - mean) / std; of image bytes, x / 255; a constant column (std 0) gives 0.

    A missing value gives 0, the training mean. If training had missing values, a second output marks them.
    """

    name: str
    mean: float
    std: float
    missing: int = 0
    source: Origin = "inferred"
    kind: NumberKind = "number"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return (self.name, f"{self.name}_missing") if self.missing else (self.name,)

    def fill(self, values: Floats, out: Array) -> None:
        """Write the outputs of values (m,), NaN if missing, into out (m, outputs)."""
        x = values[:, None]
        refuse_infinite(x, [self.name])
        z = standardised(x, np.array([self.mean]), np.array([self.std]))
        refuse_overflow(z, x, [self.name], out.dtype)
        out[:, 0] = z[:, 0]
        if self.missing:
            out[:, 1] = np.isnan(values)

    def info(self) -> ColumnInfo:
        """What `describe` shows."""
        details = "scaled by 1/255" if self.kind == "bytes" else f"mean {self.mean:.6g}, std {self.std:.6g}"
        return ColumnInfo(self.name, self.kind, self.source, self.missing, len(self.outputs), details)


@dataclass(frozen=True)
class CategoryColumn:
    """A column of text: one output per category of the training rows; all 0 for an unknown category.

    A missing value is a separate category if training had missing values; otherwise all outputs are 0.
    """

    name: str
    categories: tuple[str, ...]
    missing: int = 0
    source: Origin = "inferred"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs."""
        names = tuple(f"{self.name}_{category}" for category in self.categories)
        return (*names, f"{self.name}_missing") if self.missing else names

    def places(self, texts: Sequence[str], codes: Indices) -> Indices:
        """The index of the output that is 1 for each of texts[codes] (m,), -1 if none; code -1 stands for missing."""
        place = {category: index for index, category in enumerate(self.categories)}
        absent = len(self.categories) if self.missing else -1
        return np.array([*(place.get(text, -1) for text in texts), absent], np.intp)[codes]

    def fill(self, texts: Sequence[str], codes: Indices, out: Array) -> None:
        """Write the outputs of texts[codes] (m,), code -1 if missing, into out (m, outputs)."""
        places = self.places(texts, codes)
        out[:] = 0
        rows = np.flatnonzero(places >= 0)
        out[rows, places[rows]] = 1

    def info(self) -> ColumnInfo:
        """What `describe` shows."""
        shown = ", ".join(self.categories[:4]) + (", ..." if len(self.categories) > 4 else "")
        details = f"{len(self.categories)} categories: {shown}"
        return ColumnInfo(self.name, "category", self.source, self.missing, len(self.outputs), details)


Column: TypeAlias = NumberColumn | CategoryColumn


def standardised(values: Floats, mean: Floats, std: Floats) -> Floats:
    """(x - mean) / std for each column, 0 if x is NaN or std is 0. Shapes: (m, n), (n,), (n,) -> (m, n).

    x and the mean are halved before the subtraction, which could overflow if they have opposite signs.
    """
    constant = std == 0
    with np.errstate(over="ignore", invalid="ignore"):
        z = values * 0.5
        z -= mean * 0.5
        z /= np.where(constant, 1.0, std)
        z *= 2.0
    z[:, constant] = 0.0
    z[np.isnan(values)] = 0.0
    return z


def moments(values: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Mean, population std and number of missing values (NaN) of every column. Shapes: (m, n) -> (n,), (n,), (n,).

    Values are divided by the largest magnitude first, so that 1e300 does not overflow. The std of a constant column
    is exactly 0. The mean of a column without values is NaN.
    """
    absent = np.isnan(values)
    missing = absent.sum(axis=0)
    present = len(values) - missing
    low = np.min(values, axis=0, where=~absent, initial=np.inf)
    high = np.max(values, axis=0, where=~absent, initial=-np.inf)
    unit = np.maximum(np.abs(low), np.abs(high))
    unit[(unit == 0) | (present == 0)] = 1.0
    scaled = np.where(absent, 0.0, values / unit)
    count = np.maximum(present, 1)
    mean = scaled.sum(axis=0) / count
    scaled -= mean
    scaled[absent] = 0.0
    np.square(scaled, out=scaled)
    std = np.sqrt(scaled.sum(axis=0) / count)
    constant = low == high
    mean = np.where(constant, low, mean * unit)
    mean[present == 0] = np.nan
    return mean, np.where(constant, 0.0, std * unit), missing


def refuse_infinite(values: Floats, names: Sequence[str], *, row: int = 0) -> None:
    """Raise `DataError` if a number in values (m, n) is infinite; `row` is the index of the first row."""
    _refuse(np.isinf(values), values, names, row, "finite numbers or missing ones")


def refuse_overflow(z: Floats, values: Floats, names: Sequence[str], dtype: np.dtype[Any], row: int = 0) -> None:
    """Raise `DataError` if a standardised value is too large for `dtype`; the error names the original value."""
    bad = np.abs(z) > np.finfo(dtype).max
    _refuse(bad, values, names, row, f"numbers that {dtype} holds when standardised as in training")


def _refuse(bad: Array, values: Floats, names: Sequence[str], row: int, must: str) -> None:
    if bad.any():
        r, c = np.argwhere(bad)[0]
        remedy = "Correct it, or leave it empty to mean missing."
        raise DataError(sentence(names[c], must, f"{values[r, c]} in row {row + r + 1}", remedy))
