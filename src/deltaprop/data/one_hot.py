"""The encoder's way for wide one-hot tables: CSR of what is not 0. The whole is never written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deltaprop._types import Array
from deltaprop.data.columns import CategoryColumn, Column
from deltaprop.data.frames import categories, column_of, numbers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LEAST_OUTPUTS, LEAST_PER_COLUMN = 64, 6
"""From so many outputs, and so many for each column, sparse rows are the faster ones: docs/adr/0006-sparse-rows.md."""


def stays_sparse(columns: Sequence[Column]) -> bool:
    """Whether rows of these columns are kept sparse: each column gives about one number that is not 0."""
    outputs = sum(len(column.outputs) for column in columns)
    return outputs >= max(LEAST_OUTPUTS, LEAST_PER_COLUMN * len(columns))


def rows_of(frame: Any, columns: Sequence[Column], dtype: str) -> csr_array:
    """The outputs of the columns of a frame, (m, outputs), without those that are 0."""
    from scipy.sparse import csr_array

    slots = sum(1 if isinstance(column, CategoryColumn) else len(column.outputs) for column in columns)
    places, values = np.full((len(frame), slots), -1, np.int32), np.empty((len(frame), slots), dtype)
    slot = first = 0
    for column in columns:
        at, given = _stored(column, column_of(frame, column.name), dtype)
        here = slice(slot, slot + at.shape[1])
        places[:, here], values[:, here] = np.where(at >= 0, at + first, -1), given
        slot, first = here.stop, first + len(column.outputs)
    there = places >= 0
    starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return csr_array((values[there], places[there], starts), (len(frame), first))


def _stored(column: Column, array: Any, dtype: str) -> tuple[Array, Array]:
    """(places, numbers) of what is not 0 in every row of a column, (m, 1 or 2); place -1 where there is nothing."""
    if isinstance(column, CategoryColumn):
        places = column.places(*categories(column.name, array))
        return places[:, None], np.ones((len(places), 1), dtype)
    out = np.empty((len(array), len(column.outputs)), dtype)
    column.fill(numbers(column.name, array), out)
    return np.where(out != 0, np.arange(len(column.outputs)), -1), out
