"""A small network, its file, and ways to write a file that differs from it in one place."""

from __future__ import annotations

from types import SimpleNamespace

import headers
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
def reloaded(tmp_path):
    """Saves a network, and loads it."""

    def through_a_file(net, custom=()):
        net.save(tmp_path / "net")
        return dp.load(tmp_path / "net", custom=custom)

    return through_a_file


@pytest.fixture
def parts(path):
    """The file taken apart: `tensors` (the header without metadata), `entry` (ours), `body`, and `write` them back."""
    raw = path.read_bytes()
    tensors, entry, body = headers.parts(raw)
    del tensors["__metadata__"]

    def write(*, tensors=tensors, entry=entry, body=body):
        path.write_bytes(headers.joined(tensors, entry, body))
        return path

    return SimpleNamespace(tensors=tensors, entry=entry, body=body, raw=raw, write=write)
