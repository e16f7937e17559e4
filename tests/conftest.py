"""Shared by all tests: a generator per test, every engine and number type, Hypothesis without a clock."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from deltaprop.engines.select import engines, select

settings.register_profile("local", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture
def rng(request):
    """A generator seeded by the test's own name: the same numbers alone, in any order, in any process."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(params=[info.name for info in engines() if info.available])
def engine(request):
    """Every engine that can run here; tests/engines/test_every_engine_runs.py skips, visibly, for each that cannot."""
    return select(request.param)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)
