"""Encodes wide one-hot tables as CSR, without forming the dense array."""

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
"""Least outputs, and least outputs per column, for which sparse rows are faster: docs/adr/0006-sparse-rows.md."""


def stays_sparse(columns: Sequence[Column]) -> bool:
    """Whether the rows of these columns are stored sparse; each column has about one output that is not 0."""
    outputs = sum(len(column.outputs) for column in columns)
    return outputs >= max(LEAST_OUTPUTS, LEAST_PER_COLUMN * len(columns))


def rows_of(frame: Any, columns: Sequence[Column], dtype: str) -> csr_array:
    """The outputs of the columns of a frame, (m, outputs); zeros are not stored."""
    from scipy.sparse import csr_array

    slots = sum(1 if isinstance(column, CategoryColumn) else len(column.outputs) for column in columns)
    places, values = np.full((len(frame), slots), -1, np.int32), np.empty((len(frame), slots), dtype)
    slot = first = 0
    for column in columns:
        outputs, numbers_stored = _stored(column, column_of(frame, column.name), dtype)
        part = slice(slot, slot + outputs.shape[1])
        places[:, part], values[:, part] = np.where(outputs >= 0, outputs + first, -1), numbers_stored
        slot, first = part.stop, first + len(column.outputs)
    stored = places >= 0
    starts = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
    return csr_array((values[stored], places[stored], starts), (len(frame), first))


def _stored(column: Column, array: Any, dtype: str) -> tuple[Array, Array]:
    """(outputs, numbers) that are not 0 in each row of a column, (m, 1 or 2); output -1 stands for none."""
    if isinstance(column, CategoryColumn):
        places = column.places(*categories(column.name, array))
        return places[:, None], np.ones((len(places), 1), dtype)
    out = np.empty((len(array), len(column.outputs)), dtype)
    column.fill(numbers(column.name, array), out)
    return np.where(out != 0, np.arange(len(column.outputs)), -1), out
