"""format-1.safetensors, written before format 2 existed, loads to the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deltaprop as dp

FILE = Path(__file__).with_name("format-1.safetensors")
X, Y = [[1.0, -0.5, 0.25], [0, 2, -4]], [[0.5, -9], [1, 2]]
OUTPUTS = [[0.8173473000396103, 1.6480003104357348], [0.798490504494866, 2.3494514729375924]]


def test_it_is_the_network_that_was_written():
    net = dp.load(FILE)
    np.testing.assert_array_equal(net.theta, (np.arange(26) - 13) / 16)
    assert repr(net).startswith("<Network 3 - 4 softplus - 2 identity, huber(2.5), float64, 26 parameters")
    assert net.facts == {"epochs": 7, "written by": "format 1"}
    assert net.spec.kinds == ("dense", "dense")


def test_it_computes_what_it_computed(engine):
    net = dp.load(FILE, engine=engine.name)
    np.testing.assert_allclose(net.forward(X), OUTPUTS, rtol=1e-14)
    assert net.cost(X, Y) == pytest.approx(11.813358317434524, rel=1e-14)
    assert np.abs(net.backprop(X, Y).vector).sum() == pytest.approx(8.751232017013923, rel=1e-14)


def test_it_is_written_again_byte_for_byte(tmp_path):
    dp.load(FILE).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == FILE.read_bytes()
