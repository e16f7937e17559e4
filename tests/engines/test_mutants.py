"""What dp.check does not see is planted too: layers of scales, dropout, the gradient of the inputs, by differences."""

from __future__ import annotations

import numpy as np
import pytest
from mutants import HIDDEN

import deltaprop as dp
from deltaprop.engines.protocol import Data, Steps
from deltaprop.engines.registry import select
from deltaprop.optim.rules import Rules

M, H = 6, 1e-5


@pytest.fixture
def data(rng):
    return Data(rng.standard_normal((M, 3)), rng.dirichlet(np.ones(3), M), rng.uniform(0.5, 2, M))


def sums(plan, theta, data, dropout):
    """Σ w C and its gradient for one step of a training."""
    training = plan.begin(theta, (), Rules(dp.SGD(0.1), dropout=dropout, seed=1), data)
    return training.gradient(Steps(np.arange(M), np.array([0, M]), np.ones(1)))


def differences(cost, at):
    """∂cost/∂ of every element of an array, which is moved and put back."""
    slopes = np.empty_like(at)
    for i, value in np.ndenumerate(at):
        at[i] = value + H
        above = cost()
        at[i] = value - H
        slopes[i], at[i] = (above - cost()) / (2 * H), value
    return slopes


def wrong_layers(mutant, data):
    """The layers whose gradients differences contradict; 0 if it is that of the inputs alone."""
    net = mutant.network()
    net.theta[...] += np.linspace(-0.3, 0.4, net.theta.size)  # scales start at 1
    plan, theta = select("reference").plan(net.spec, 64), net.theta
    slopes = differences(lambda: sums(plan, theta, data, mutant.dropout).cost, theta)
    gradient = sums(plan, theta, data, mutant.dropout).gradient
    found = {block.layer for block in net.spec.blocks if not close(block.of(gradient), block.of(slopes))}
    if found or mutant.dropout:
        return found
    inputs = differences(lambda: plan.evaluate(theta, data)[0], data.X)
    return set() if close(plan.input_gradient(theta, data), inputs) else {0}


def close(got, want):
    return np.allclose(got, want, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mutant", HIDDEN, ids=lambda mutant: mutant.name.replace(" ", "_"))
def test_every_hidden_mistake_is_caught_in_its_layers(mutant, data, monkeypatch):
    assert wrong_layers(mutant, data) == set()
    mutant.plant(monkeypatch)
    assert wrong_layers(mutant, data) == set(mutant.layers)
