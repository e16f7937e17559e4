"""`deltaprop info`: shows the content of a model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deltaprop.cli import show
from deltaprop.cli.options import Json, ModelFile
from deltaprop.files.format import Stored, read_model

if TYPE_CHECKING:
    from pathlib import Path

    from deltaprop.tables.stored import TableParts


def info(model: ModelFile, json: Json = False) -> None:
    """Show the network in MODEL, its columns and target, and facts about its training."""
    stored = read_model(model)
    parts = _parts(stored, model)
    if json:
        show.json_object(_plain(stored))
        return
    spec = stored.spec
    lines = [("network", spec.architecture()), ("parameters", f"{spec.n_parameters:,}")]
    if parts is None:
        lines.append(("table", "none: only a network, for deltaprop.load in Python"))
    else:
        target = parts.target
        lines.append(("target", f"{target.name}, {target.task}"))
        if target.classes:
            lines.append(("classes", ", ".join(map(str, target.classes))))
    lines += [(name.replace("_", " "), _text(value)) for name, value in stored.facts.items() if value is not None]
    show.facts(lines)
    if parts is not None:
        show.columns(parts.encoder, stderr=False)


def _parts(stored: Stored, model: Path) -> TableParts | None:
    if stored.table is None:
        return None
    from deltaprop.tables.stored import table_parts

    return table_parts(stored, str(model))


def _plain(stored: Stored) -> dict[str, Any]:
    spec = stored.spec
    return {
        "sizes": spec.sizes,
        "activations": [activation.name for activation in spec.activations],
        "cost": spec.cost.name,
        "dtype": spec.dtype.name,
        "parameters": spec.n_parameters,
        "facts": stored.facts,
        "table": stored.table,
    }


def _text(value: Any) -> str:
    numbers = value.get("numbers") if isinstance(value, dict) else None
    if isinstance(numbers, dict) and numbers and all(isinstance(number, float) for number in numbers.values()):
        return show.metrics(numbers)
    return show.number(value) if isinstance(value, float) else str(value)
