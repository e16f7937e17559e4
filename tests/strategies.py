"""Hypothesis strategies, named by shape: `nm` is (n, m), one column per example; a `network` comes with its rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS, OUTPUTS
from deltaprop.core.functions import get_cost

OUTPUTS_AND_COSTS = [
    ("softmax", "cross_entropy"),
    ("sigmoid", "cross_entropy"),
    ("identity", "quadratic"),
    ("tanh", "quadratic"),
    ("softmax", "quadratic"),
    ("softplus", "poisson"),
    ("identity", "huber"),
    ("identity", "absolute"),
    ("identity", "quantile(0.9)"),
]


def fitting_pairs(*costs):
    """Every (output, cost) of these costs and the outputs that they take."""
    return [
        (output, cost) for output in OUTPUTS for cost in costs if output in (get_cost(cost, output).outputs or OUTPUTS)
    ]


widths = st.integers(1, 5)
batch_sizes = st.integers(1, 6)


def numbers(bound):
    return st.floats(-bound, bound, allow_subnormal=False)


def array_of(shape, bound=8.0):
    return hnp.arrays(np.float64, shape, elements=numbers(bound))


@st.composite
def nm(draw, bound=8.0, min_n=1):
    """(n, m): one column per example."""
    return draw(array_of((draw(st.integers(min_n, 5)), draw(batch_sizes)), bound))


@st.composite
def nm_pair(draw, bound=8.0):
    """Two arrays (n, m) of one shape."""
    shape = (draw(widths), draw(batch_sizes))
    return draw(array_of(shape, bound)), draw(array_of(shape, bound))


@st.composite
def nk_km_n(draw, elements=None):
    """W (n, k), a (k, m), b (n,): what meets in z = W a + b."""
    n, k, m = draw(widths), draw(widths), draw(batch_sizes)
    if elements is None:
        return tuple(draw(array_of(shape)) for shape in ((n, k), (k, m), (n,)))
    return tuple(draw(hnp.arrays(object, shape, elements=elements)) for shape in ((n, k), (k, m), (n,)))


@st.composite
def nm_and_distribution(draw, bound=10.0):
    """z (n, m) with n >= 2, y (n, m) whose columns sum to 1, and positive shares (m,)."""
    z = draw(nm(bound, min_n=2))
    raw = draw(hnp.arrays(np.float64, z.shape, elements=st.floats(0.01, 1)))
    shares = draw(hnp.arrays(np.float64, z.shape[1:], elements=st.floats(0.01, 1)))
    return z, raw / raw.sum(axis=0), shares


def network_of(sizes, activations, output, cost, m, seed, power=0, kinds="dense"):
    """(network in float64, X (m, n_0), Y (m, n_L)), all numbers drawn by a seed, those of X times 10^power."""
    kind = {"output": output, "cost": cost, "kinds": kinds, "engine": "auto" if kinds == "dense" else "reference"}
    net = dp.Network(sizes, activation=activations, dtype="float64", seed=seed, **kind)
    rng = np.random.default_rng(seed)
    for block in (block for block in net.spec.blocks if block.name == "s"):
        block.of(net.theta)[...] = rng.uniform(-1.5, 1.5, block.shape)
    X = rng.standard_normal((m, sizes[0])) * 10.0**power
    distributions = cost in ("cross_entropy", "poisson")
    Y = rng.dirichlet(np.ones(sizes[-1]), m) if distributions else rng.standard_normal((m, sizes[-1]))
    return net, X, Y


@st.composite
def network_mn(draw):
    """`network_of` any right kind; smooth activations and ReLU alike."""
    output, cost = draw(st.sampled_from(OUTPUTS_AND_COSTS))
    hidden = draw(st.lists(widths, max_size=3))
    sizes = [draw(widths), *hidden, draw(st.integers(2, 4))]
    names = [draw(st.sampled_from([name for name in ACTIVATIONS if name != "exp"])) for _ in hidden]
    largest = 0 if cost == "poisson" else 3  # log of a softplus that has underflowed is honestly Inf
    m, seed, power = draw(batch_sizes), draw(st.integers(0, 2**32)), draw(st.integers(-3, largest))
    alike = [n == before for before, n in pairwise(sizes)]
    kinds = [draw(st.sampled_from(["dense", "scale"])) if same else "dense" for same in alike]
    return network_of(sizes, names, output, cost, m, seed, power, kinds)
