"""The model file: safetensors, with everything that is not a number array as JSON in its metadata.

Tensors `layer.1.W`, `layer.1.b`, ...; metadata key `deltaprop` holds a JSON object with `format` (a whole number,
FORMAT here), `sizes`, `activations`, `cost`, `dtype`, `facts` (about the training) and, for models of tables,
`table` (encoder and labels). docs/file-format.md describes it for other programs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import OUTPUTS, Activation
from deltaprop.core.costs import COSTS, Cost, get_cost
from deltaprop.core.spec import Spec, make_spec
from deltaprop.errors import ArgumentError, DeltapropError, FileFormatError
from deltaprop.files.atomic import write_atomically

FORMAT = 1
KEY = "deltaprop"


@dataclass
class Stored:
    """What a model file holds."""

    spec: Spec
    theta: Array
    facts: dict[str, Any] = field(default_factory=dict)
    table: dict[str, Any] | None = None


def write_model(path: str | os.PathLike[str], stored: Stored) -> None:
    """Write the model to `path`, atomically."""
    from safetensors.numpy import save

    spec = stored.spec
    header = {
        "format": FORMAT,
        "sizes": spec.sizes,
        "activations": [activation.name for activation in spec.activations],
        "cost": spec.cost.name,
        "dtype": spec.dtype.name,
        "custom": _custom_names(spec),
        "facts": stored.facts,
    }
    if stored.table is not None:
        header["table"] = stored.table
    tensors = dict(_named(spec, stored.theta))
    write_atomically(path, save(tensors, {KEY: json.dumps(header, ensure_ascii=False, allow_nan=False)}))


def read_model(path: str | os.PathLike[str], custom: Iterable[Activation | Cost] = ()) -> Stored:
    """Read a model file; `custom` brings the activations and costs of its maker's own, which are stored by name."""
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        what = "it is a folder" if file.is_dir() else "there is no such file"
        raise FileFormatError(f"Cannot read the model {str(path)!r}: {what}.")
    try:
        with safe_open(file, framework="numpy") as tensors:
            header = _header(tensors.metadata(), str(path))
            spec = _spec(header, {own.name: own for own in custom}, str(path))
            _check_shapes(spec, {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}, str(path))  # noqa: SIM118
            theta = np.empty(spec.n_parameters, spec.dtype)
            for name, view in _named(spec, theta):
                view[...] = _typed(tensors.get_tensor(name), spec, name, str(path))
    except SafetensorError as error:
        raise _damaged(str(path), f"it is truncated, or not a safetensors file ({error})") from error
    except OSError as error:
        raise FileFormatError(f"Cannot read the model {str(path)!r}: {error.strerror or error}.") from error
    return Stored(spec, theta, header.get("facts", {}), header.get("table"))


def _named(spec: Spec, theta: Array) -> Iterable[tuple[str, Array]]:
    for l, (W, b) in enumerate(zip(spec.weights(theta), spec.biases(theta), strict=True), 1):
        yield f"layer.{l}.W", W
        yield f"layer.{l}.b", b


def _custom_names(spec: Spec) -> list[str]:
    names = [s.name for s in spec.activations if OUTPUTS.get(s.name) != s]
    built_in = spec.cost.name.startswith("huber(") or spec.cost.name in COSTS
    return sorted({*names, *([] if built_in else [spec.cost.name])})


def _damaged(path: str, why: str) -> FileFormatError:
    return FileFormatError(f"{path!r} is not a deltaprop model that can be read: {why}. Nothing was loaded.")


def _header(metadata: dict[str, str] | None, path: str) -> dict[str, Any]:
    if not metadata or KEY not in metadata:
        raise _damaged(path, "its header has no deltaprop entry")
    try:
        header = json.loads(metadata[KEY])
    except (json.JSONDecodeError, RecursionError):
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise _damaged(path, "its deltaprop entry is not the JSON object it should be")
    if header["format"] > FORMAT:
        raise FileFormatError(
            f"{path!r} has file format {header['format']}; this version reads up to {FORMAT}. "
            "Install a newer deltaprop."
        )
    return header


def _spec(header: dict[str, Any], custom: dict[str, Activation | Cost], path: str) -> Spec:
    names = [*header.get("custom", [])] if isinstance(header.get("custom", []), list) else []
    missing = [name for name in names if name not in custom]
    if missing:
        raise ArgumentError(
            f"{path!r} uses {', '.join(map(repr, missing))}, of its maker's own. "
            "Files hold no code: give them again, as in load(path, custom=[...])."
        )
    try:
        activations = [custom.get(name, name) for name in header["activations"]]
        cost = custom.get(header["cost"]) or get_cost(header["cost"], header["activations"][-1])
        spec = make_spec(header["sizes"], activations[:-1], activations[-1], cost, header["dtype"])  # type: ignore[arg-type]
    except (KeyError, IndexError, TypeError, AttributeError, DeltapropError) as error:
        raise _damaged(path, f"its description of the network is wrong ({error})") from error
    if not all(isinstance(header.get(key, {}), dict) for key in ("facts", "table")):
        raise _damaged(path, "its facts or its table are not JSON objects")
    return spec


def _check_shapes(spec: Spec, found: dict[str, list[int]], path: str) -> None:
    expected: dict[str, list[int]] = {}
    for l, shape in enumerate(spec.weight_shapes, 1):
        expected[f"layer.{l}.W"], expected[f"layer.{l}.b"] = list(shape), [shape[0]]
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            got = f"shape {found[name]}" if name in found else "nothing"
            want = f"shape {expected[name]}" if name in expected else "nothing"
            claimed = sum(map(prod, expected.values()))
            raise _damaged(path, f"its sizes ask for {claimed:,} parameters, {want} in {name}, but it holds {got}")


def _typed(tensor: Array, spec: Spec, name: str, path: str) -> Array:
    if tensor.dtype != spec.dtype:
        raise _damaged(path, f"{name} holds {tensor.dtype}, its header says {spec.dtype}")
    if not np.isfinite(tensor).all():
        raise _damaged(path, f"{name} holds NaN or Inf")
    return tensor
