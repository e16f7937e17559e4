"""The two oracles of the contract agree, so an engine that is held to one is held to the other."""

from __future__ import annotations

import numpy as np
import pytest
from engine_oracles import NaiveOracle, ReferenceOracle

import deltaprop as dp
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Data, Steps
from deltaprop.optim.rules import Rules

SPEC = make_spec((3, 4, 2), "tanh", "softmax", "cross_entropy", "float32")
NEAR = {"rtol": 1e-10, "atol": 1e-13}


@pytest.fixture
def given(rng):
    theta = 0.5 * rng.standard_normal(SPEC.n_parameters)
    return theta, Data(rng.standard_normal((5, 3)), rng.integers(0, 2, 5), rng.uniform(0.5, 2, 5))


def test_they_agree_on_a_pass(given):
    loops, engine, (theta, data) = NaiveOracle(SPEC), ReferenceOracle(SPEC), given
    np.testing.assert_allclose(loops.forward(theta, data.X), engine.forward(theta, data.X), **NEAR)
    for method in ("evaluate", "gradients"):
        for got, want in zip(getattr(loops, method)(*given), getattr(engine, method)(*given), strict=True):
            np.testing.assert_allclose(got, want, **NEAR)
    np.testing.assert_allclose(loops.input_gradient(*given), engine.input_gradient(*given), **NEAR)


def test_they_agree_on_a_training_and_leave_what_they_were_given(given):
    theta, data = given
    steps = Steps(np.arange(5), np.array([0, 2, 5]), np.array([0.1, 0.05]))
    rules = Rules(dp.Adam(0.1, weight_decay=0.1), l1=0.01, l2=0.1, clip_norm=0.2, dropout=(0.5,), seed=2)
    before = theta.copy()
    trained = (oracle(SPEC).train(theta, rules, data, steps) for oracle in (NaiveOracle, ReferenceOracle))
    for got, want in zip(*trained, strict=True):
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(theta, before)
