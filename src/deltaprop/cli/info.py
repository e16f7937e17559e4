"""`deltaprop info`: what is in a model file."""

from __future__ import annotations

from typing import Any

from deltaprop.cli import show
from deltaprop.cli.options import Json, ModelFile
from deltaprop.data.encoder import TableEncoder
from deltaprop.estimators.target import Target
from deltaprop.files.format import Stored, read_model


def info(model: ModelFile, json: Json = False) -> None:
    """Show the network in MODEL, its columns and target, and the facts of its training."""
    stored = read_model(model)
    if json:
        show.json_object(_plain(stored))
        return
    spec = stored.spec
    lines = [("network", spec.architecture()), ("parameters", f"{spec.n_parameters:,}")]
    if stored.table is not None:
        target = Target.from_dict(stored.table.get("target"))
        lines.append(("target", f"{target.name}, {target.task}"))
        if target.classes:
            lines.append(("classes", ", ".join(map(str, target.classes))))
    lines += [(name.replace("_", " "), _text(value)) for name, value in stored.facts.items() if value is not None]
    show.facts(lines)
    if stored.table is not None:
        show.columns(TableEncoder.from_dict(stored.table.get("encoder", {})), stderr=False)


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
    if isinstance(value, dict):
        return show.metrics(value["numbers"]) if isinstance(value.get("numbers"), dict) else str(value)
    return show.number(value) if isinstance(value, float) else str(value)
