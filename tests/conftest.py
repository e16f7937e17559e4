"""Shared by all tests: a generator per test, every engine and number type, Hypothesis without a clock."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from deltaprop.engines import native as native_module
from deltaprop.engines.native import FORCED_SET
from deltaprop.engines.registry import probes, select

settings.register_profile("local", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.register_profile("random", settings.get_profile("local"), max_examples=1000, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture
def rng(request):
    """A generator seeded by the test's own name: the same numbers alone, in any order, in any process."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


INSTRUCTION_SETS = ("avx512", "avx2", "base")
ENGINES = [name for name, probe in probes().items() if probe.available and name != "native"]


@pytest.fixture(params=[*ENGINES, *(f"native-{name}" for name in INSTRUCTION_SETS)])
def engine(request, monkeypatch):
    """Every engine that can run here, the native one once per instruction set; skips, visibly, where one cannot."""
    name, _, instructions = request.param.partition("-")
    if instructions:
        here = probes()["native"]
        if not here.available:
            pytest.skip(f"engine native: {here.why}")
        if instructions not in native_module.instruction_sets():
            pytest.skip(f"instruction set {instructions}: not on this processor, or not in this build")
        monkeypatch.setenv(FORCED_SET, instructions)
    return select(name)


@pytest.fixture
def native():
    """Skips, visibly, where the native engine is not here."""
    here = probes()["native"]
    if not here.available:
        pytest.skip(f"engine native: {here.why}")
    return select("native")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)
