"""From a table to the numbers that train a network: which rows, the encoder and the target fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.data.encoder import TableEncoder
from deltaprop.data.sources import Source
from deltaprop.errors import DataError, nearest, sentence
from deltaprop.tables.settings import TableSettings
from deltaprop.tables.split import RowSplit, split_rows, take
from deltaprop.tables.target import TargetColumn, fit_target


@dataclass(frozen=True)
class PreparedTable:
    """X, Y of the training rows and `validation` (X, Y or None), by an encoder and a target fitted to the former."""

    encoder: TableEncoder
    target: TargetColumn
    rows: RowSplit
    seed: int
    X: Any
    Y: Array
    validation: tuple[Any, Array] | None


def prepare(settings: TableSettings, data: Source, test: float) -> PreparedTable:
    """Split the rows, and encode those that train and validate; `test` is the fraction held out from both."""
    y = known_target(data)
    target = fit_target(y, data.target or "target", settings.task)
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if settings.seed is None else settings.seed
    classes = target.encode(y, settings.dtype).ravel() if target.classes else None
    rows = split_rows(len(y), test, settings.validation, classes, seed)
    encoder = TableEncoder(settings.categorical, settings.numeric, settings.dtype)
    X = encoder.fit_transform(take(data.X, rows.train))
    target.fit_scale(y[rows.train])
    held = None
    if len(rows.validation):
        held = encoder.transform(take(data.X, rows.validation)), target.encode(y[rows.validation], settings.dtype)
    return PreparedTable(encoder, target, rows, seed, X, target.encode(y[rows.train], settings.dtype), held)


def known_target(data: Source) -> Array:
    """The target of data that was loaded with it."""
    assert data.y is not None  # load(need_target=True) gives labels or raises
    return data.y


def without_columns(data: Source, drop: Sequence[str], *, strict: bool) -> Source:
    """The data without these columns; `strict` raises DataError for a name that is not a column."""
    wrong = [name for name in drop if name not in data.feature_names]
    if strict and wrong:
        near = nearest(wrong[0], data.feature_names)
        raise DataError(sentence("drop", f"made of columns of {data.name}", repr(wrong[0]), near))
    present = [name for name in drop if name in data.feature_names]
    if not present:
        return data
    if isinstance(data.X, np.ndarray):
        raise DataError(sentence("drop", "left out for arrays, which have no named columns", repr(present[0])))
    kept = tuple(name for name in data.feature_names if name not in present)
    if not kept:
        raise DataError(sentence("drop", "some of the columns", "all of them"))
    return replace(data, X=data.X.drop(present), feature_names=kept)
