"""A small network, its file, and ways to write a file that differs from it in one place."""

from __future__ import annotations

import json
import struct
from types import SimpleNamespace

import pytest

import deltaprop as dp


@pytest.fixture
def net():
    made = dp.Network([3, 4, 2], seed=0)
    made.facts = {"epochs": 3}
    return made


@pytest.fixture
def path(net, tmp_path):
    """The file of the network, alone in its folder."""
    file = tmp_path / "net.safetensors"
    net.save(file)
    return file


@pytest.fixture
def parts(path):
    """The file taken apart: `tensors` (the header without metadata), `entry` (ours), `body`, and `write` them back."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    tensors = json.loads(raw[8 : 8 + length])
    entry = json.loads(tensors.pop("__metadata__")["deltaprop"])

    def write(*, tensors=tensors, entry=entry, body=raw[8 + length :]):
        text = entry if isinstance(entry, str) else json.dumps(entry)
        header = json.dumps({"__metadata__": {"deltaprop": text}, **tensors}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + body)
        return path

    return SimpleNamespace(tensors=tensors, entry=entry, body=raw[8 + length :], raw=raw, write=write)
