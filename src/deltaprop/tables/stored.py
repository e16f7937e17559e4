"""The table's part of a model file: encoder, target and dropped columns, checked against each other and the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deltaprop.data.encoder import TableEncoder
from deltaprop.errors import FileFormatError
from deltaprop.files.format import Stored
from deltaprop.tables.target import TargetColumn


@dataclass(frozen=True)
class TableParts:
    """What a model file holds besides the network."""

    encoder: TableEncoder
    target: TargetColumn
    drop: list[str]


def table_parts(stored: Stored, path: str) -> TableParts:
    """The parts of a model of a table; FileFormatError if there are none, or one is damaged or fits no other."""
    if stored.table is None:
        raise FileFormatError(
            f"{path!r} holds a network without a table's encoder and labels. Use deltaprop.load(path) in Python."
        )
    parts = TableParts(
        encoder=TableEncoder.from_dict(stored.table.get("encoder", {})),
        target=TargetColumn.from_dict(stored.table.get("target")),
        drop=_texts(stored.table.get("drop", [])),
    )
    _check_fit(parts, stored, path)
    return parts


def _texts(value: Any) -> list[str]:
    if not (isinstance(value, list) and all(isinstance(text, str) for text in value)):
        raise FileFormatError("The model file's list of dropped columns is damaged. Nothing was loaded.")
    return value


def _check_fit(parts: TableParts, stored: Stored, path: str) -> None:
    spec, encoder = stored.spec, parts.encoder
    outputs = len(encoder.get_feature_names_out())
    n_L, output, cost = parts.target.head()
    needed = (outputs, encoder.dtype, n_L, output, cost)
    if needed != (spec.sizes[0], spec.dtype.name, spec.sizes[-1], spec.output.name, spec.cost.name):
        raise FileFormatError(
            f"{path!r} is not a deltaprop model that can be read: its encoder makes {outputs} {encoder.dtype} numbers "
            f"and its target needs {n_L} {output} outputs and {cost}, its network is {spec.architecture()}. "
            "Nothing was loaded."
        )
