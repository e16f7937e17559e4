"""The model file: safetensors, with everything that is not a number array as JSON in its metadata.

Tensors `layer.1.W`, `layer.1.b`, ... (`layer.1.s` of a layer of scales); metadata key `deltaprop` holds a JSON object
with `format` (a whole number), `sizes`, `activations`, `cost`, `dtype`, `custom` (the names of the user's own
functions), `facts` (about the training) and, for models of tables, `table` (encoder and labels). Format 2 adds
`kinds` and `rates`; a network that needs neither is written as format 1, for older versions to read.
docs/file-format.md describes it for other programs.
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
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost
from deltaprop.core.functions import built_in, get_cost
from deltaprop.core.spec import Spec, make_spec
from deltaprop.errors import ArgumentError, FileFormatError, sentence
from deltaprop.files.atomic import write_atomically

FORMAT = 2  # the newest that is read
KEY = "deltaprop"
STORED_AS = {"float32": "F32", "float64": "F64"}
WIDEST = 2**40  # a layer of more units is taken for damage
NEEDED = {"sizes": list, "activations": list, "cost": str, "dtype": str}
OPTIONAL = {"custom": list, "facts": dict, "table": dict, "kinds": list, "rates": list}


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
    for name, view in _named(spec, stored.theta):
        if not np.isfinite(view).all():
            raise ArgumentError(sentence("theta", "finite in every parameter to be saved", f"NaN or Inf in {name}"))
    header: dict[str, Any] = {
        "format": 1,
        "sizes": spec.sizes,
        "activations": [activation.name for activation in spec.activations],
        "cost": spec.cost.name,
        "dtype": spec.dtype.name,
        "custom": _custom_names(spec),
        "facts": stored.facts,
    }
    if set(spec.kinds) != {"dense"} or spec.rates:
        header |= {"format": 2, "kinds": spec.kinds, "rates": spec.rates}
    if stored.table is not None:
        header["table"] = stored.table
    tensors = dict(_named(spec, stored.theta))
    write_atomically(path, save(tensors, {KEY: _json(header)}))


def read_model(path: str | os.PathLike[str], custom: Iterable[Activation | Cost] = ()) -> Stored:
    """Read a model file; `custom` holds the user's own activations and costs, which are stored by name."""
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        what = "it is not a plain file" if file.exists() else "there is no such file"
        raise FileFormatError(f"Cannot read the model {str(path)!r}: {what}.")
    try:
        with safe_open(file, framework="numpy") as tensors:
            header = _header(tensors.metadata(), str(path))
            spec = _spec(header, custom, str(path))
            _check_shapes(spec, {name: tensors.get_slice(name) for name in tensors.keys()}, str(path))  # noqa: SIM118
            theta = np.empty(spec.n_parameters, spec.dtype)
            for name, view in _named(spec, theta):
                view[...] = tensors.get_tensor(name)
                if not np.isfinite(view).all():
                    raise _damaged(str(path), f"{name} holds NaN or Inf")
    except SafetensorError as error:
        raise _damaged(str(path), f"it is truncated, or not a safetensors file ({error})") from error
    except OSError as error:
        raise FileFormatError(f"Cannot read the model {str(path)!r}: {error.strerror or error}.") from error
    return Stored(spec, theta, header.get("facts", {}), header.get("table"))


def _json(header: dict[str, Any]) -> str:
    try:
        return json.dumps(header, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        must = "plain data: text, finite numbers, true, false, None, and lists and dicts of them"
        raise ArgumentError(sentence("facts", must, f"what JSON cannot hold ({error})")) from error


def _named(spec: Spec, theta: Array) -> Iterable[tuple[str, Array]]:
    for l in range(1, spec.L + 1):
        for name, array in spec.arrays(theta, l).items():
            yield f"layer.{l}.{name}", array


def _custom_names(spec: Spec) -> list[str]:
    names = [s.name for s in spec.activations if not built_in(s)]
    for name in names:
        if len({s for s in spec.activations if s.name == name}) > 1:  # a file tells them apart by name alone
            must = "of one name each, to be saved"
            raise ArgumentError(sentence("activation", must, f"two different ones named {name!r}", "Rename one."))
    return sorted({*names, *([] if built_in(spec.cost) else [spec.cost.name])})


def _damaged(path: str, why: str) -> FileFormatError:
    return FileFormatError(f"{path!r} is not a deltaprop model that can be read: {why}. Nothing was loaded.")


def _header(metadata: dict[str, str] | None, path: str) -> dict[str, Any]:
    if not metadata or KEY not in metadata:
        raise _damaged(path, "its header has no deltaprop entry")
    try:
        header = json.loads(metadata[KEY])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or type(header.get("format")) is not int or header["format"] < 1:
        raise _damaged(path, "its deltaprop entry is not the JSON object it should be")
    if header["format"] > FORMAT:
        raise FileFormatError(
            f"{path!r} has file format {header['format']}; this version reads up to {FORMAT}. "
            "Install a newer deltaprop."
        )
    for key, kind in {**NEEDED, **OPTIONAL}.items():
        if not isinstance(header.get(key, None if key in NEEDED else kind()), kind):
            raise _damaged(path, f"its entry {key} is missing, or not a {kind.__name__}")
    if header["dtype"] not in STORED_AS:
        raise _damaged(path, f"its dtype is {header['dtype']!r}, neither float32 nor float64")
    return header


def _spec(header: dict[str, Any], custom: Iterable[Activation | Cost], path: str) -> Spec:
    names = header.get("custom", [])
    own = [one for one in custom if one.name in names]
    missing = [name for name in names if name not in [one.name for one in own]]
    if missing:
        raise ArgumentError(
            f"{path!r} uses {', '.join(map(repr, missing))}, which are not built in. "
            "Files hold no code: give them again, as in load(path, custom=[...])."
        )
    own_activations = {one.name: one for one in own if isinstance(one, Activation)}
    own_costs = {one.name: one for one in own if isinstance(one, Cost)}
    try:
        *hidden, output = [own_activations.get(name, name) for name in header["activations"]]
        cost = own_costs.get(header["cost"]) or get_cost(header["cost"], header["activations"][-1])
        spec = make_spec(header["sizes"], hidden, output, cost, header["dtype"], *_kinds_and_rates(header))
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise _damaged(path, f"its description of the network is wrong ({error})") from error
    if max(spec.sizes) > WIDEST:
        raise _damaged(path, f"its sizes ask for a layer of more than {WIDEST:,} units")
    return spec


def _kinds_and_rates(header: dict[str, Any]) -> tuple[Any, Any]:
    """The arguments `kinds` and `rates` of make_spec; make_spec checks what they hold."""
    rates = {(int(l), str(name)): factor for l, name, factor in header.get("rates", [])}
    return header.get("kinds", "dense"), rates


def _check_shapes(spec: Spec, found: dict[str, Any], path: str) -> None:
    """Compare what the header claims with the tensors that are there, before anything is allocated."""
    expected: dict[str, list[int]] = {}
    for block in spec.blocks:
        expected[f"layer.{block.layer}.{block.name}"] = list(block.shape)
    for name in sorted({*expected, *found}):
        there = found[name].get_shape() if name in found else None
        if expected.get(name) != there:
            got = "nothing" if there is None else f"shape {there}"
            want = f"shape {expected[name]}" if name in expected else "nothing"
            claimed = sum(map(prod, expected.values()))
            raise _damaged(path, f"its sizes ask for {claimed:,} parameters, {want} in {name}, but it holds {got}")
        kind = found[name].get_dtype()
        if kind != STORED_AS[spec.dtype.name]:
            raise _damaged(path, f"{name} holds {kind}, its header says {spec.dtype}")
