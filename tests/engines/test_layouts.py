"""Arrays that lie in memory in odd ways: the same numbers as from plain ones, bit for bit, or one clear refusal."""

from __future__ import annotations

import numpy as np
import pytest
from engine_oracles import train

import deltaprop as dp
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Data, Steps
from deltaprop.optim.rules import Rules

M, N_0, N_L = 12, 5, 3
MOMENTUM = Rules(dp.SGD(0.1, momentum=0.9))


def misaligned(a):
    raw = np.empty(a.nbytes + 1, np.uint8)
    out = raw[1:].view(a.dtype).reshape(a.shape)
    out[...] = a
    assert not out.flags.aligned
    return out


def field(a):
    """One field of packed records: aligned by chance only, and rows that are no whole number of elements apart."""
    records = np.zeros(len(a), [("tag", "S3"), ("numbers", a.dtype, a.shape[1:])])
    records["numbers"] = a
    return records["numbers"]


def read_only(a):
    out = a.copy()
    out.setflags(write=False)
    return out


def every_second(a):
    out = np.full([2 * n for n in a.shape], 77, a.dtype)
    view = out[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def backwards(a):
    turn = tuple(slice(None, None, -1) for _ in a.shape)
    return a[turn].copy()[turn]


NATIVE = {
    "fortran": np.asfortranarray,
    "misaligned": misaligned,
    "field": field,
    "read_only": read_only,
    "every_second": every_second,
    "backwards": backwards,
}
LAYOUTS = {**NATIVE, "swapped_bytes": lambda a: a.astype(a.dtype.newbyteorder())}
layouts = pytest.mark.parametrize("lay", LAYOUTS.values(), ids=LAYOUTS)


@pytest.fixture
def data(rng, dtype):
    X = rng.standard_normal((M, N_0)).astype(dtype)
    Y = rng.dirichlet(np.ones(N_L), M).astype(dtype)
    return {"X": X, "Y": Y, "classes": rng.integers(0, N_L, M), "weight": rng.uniform(0.5, 2, M)}


def network(engine, dtype):
    return dp.Network([N_0, 7, N_L], activation="tanh", dtype=dtype, seed=0, engine=engine.name)


def everything(engine, dtype, X, Y, weight):
    """All that a network does with examples, as one list of arrays."""
    net = network(engine, dtype)
    found = [
        net.forward(X),
        net.cost(X, Y, weight),
        net.backprop(X, Y, weight).vector,
        net.input_gradient(X, Y, weight),
    ]
    history = dp.train(net, X, Y, sample_weight=weight, epochs=2, batch_size=5, seed=1, validation=0.25)
    return [*found, net.theta, history.cost, history.validation_cost]


def same(got, want):
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@layouts
@pytest.mark.parametrize("which", ["X", "Y", "classes", "weight"])
def test_a_network_gives_the_same_bits(engine, dtype, data, which, lay):
    targets = "classes" if which == "classes" else "Y"
    want = everything(engine, dtype, data["X"], data[targets], data["weight"])
    odd = data | {which: lay(data[which])}
    np.testing.assert_array_equal(odd[which], data[which])
    same(everything(engine, dtype, odd["X"], odd[targets], odd["weight"]), want)


def test_rows_that_are_one_row_in_memory(engine, dtype, data):
    odd = np.broadcast_to(data["X"][0], (M, N_0)), np.broadcast_to(data["Y"][0], (M, N_L)), np.broadcast_to(2.0, M)
    same(everything(engine, dtype, *odd), everything(engine, dtype, *map(np.ascontiguousarray, odd)))


def test_columns_that_are_one_number_in_memory(engine, dtype, data):
    odd = np.broadcast_to(data["X"][:, :1], (M, N_0))
    want = everything(engine, dtype, np.ascontiguousarray(odd), data["Y"], None)
    same(everything(engine, dtype, odd, data["Y"], None), want)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "u8", "?"])
def test_any_kind_of_number(engine, dtype, data, kind):
    X = (data["X"] > 0).astype(kind)
    same(everything(engine, dtype, X, data["Y"], None), everything(engine, dtype, X.astype(dtype), data["Y"], None))


MOMENTUM = Rules(dp.SGD(0.1, momentum=0.9))


class Given:
    """A plan and what its methods take, any of which may be replaced."""

    def __init__(self, engine, dtype, data, **odd):
        self.spec = make_spec((N_0, 7, N_L), "tanh", "softmax", "cross_entropy", dtype)
        self.plan = engine.plan(self.spec, 5)
        theta = np.linspace(-1, 1, self.spec.n_parameters).astype(dtype)
        order, bounds, rates = np.arange(M)[::-1].copy(), np.array([0, 5, M]), np.array([0.1, 0.05])
        given = {**data, "theta": theta, "order": order, "bounds": bounds, "rates": rates, "slots": theta * 0}
        self.given = given | {name: lay(given[name]) for name, lay in odd.items()}

    def passes(self):
        g, plan = self.given, self.plan
        C = plan.gradients(g["theta"], Data(g["X"], g["Y"], g["weight"]))
        D, a = plan.evaluate(g["theta"], Data(g["X"], g["classes"], g["weight"]))
        return [plan.forward(g["theta"], g["X"]), C, plan.grad.copy(), D, a]

    def train(self, rules=MOMENTUM, n_slots=1):
        g = self.given
        data, steps = Data(g["X"], g["classes"], g["weight"]), Steps(g["order"], g["bounds"], g["rates"])
        report = train(self.plan, g["theta"], (g["slots"],) * n_slots, rules, data, steps)
        assert report.done == 2
        return [g["theta"], g["slots"], report.costs]


@pytest.mark.parametrize("lay", NATIVE.values(), ids=NATIVE)
@pytest.mark.parametrize("which", ["X", "Y", "classes", "weight", "order", "bounds", "rates"])
def test_a_plan_gives_the_same_bits(engine, dtype, data, which, lay):
    plain, odd = Given(engine, dtype, data), Given(engine, dtype, data, **{which: lay})
    same(odd.passes(), plain.passes())
    same(odd.train(), plain.train())


@layouts
@pytest.mark.parametrize("which", ["theta", "slots"])
def test_a_native_plan_refuses_parameters_that_it_cannot_write_to(native, dtype, data, which, lay):
    odd = Given(native, dtype, data, **{which: lay})
    if lay is np.asfortranarray:  # of a vector: itself
        same(odd.train(), Given(native, dtype, data).train())
        return
    with pytest.raises((ValueError, TypeError), match=f"{which} must be a contiguous vector|incompatible function arg"):
        odd.train()


@pytest.mark.parametrize("which", ["X", "Y", "classes", "weight", "order", "bounds", "rates"])
def test_a_native_plan_refuses_swapped_bytes(native, dtype, data, which):
    odd = Given(native, dtype, data, **{which: LAYOUTS["swapped_bytes"]})
    with pytest.raises((TypeError, ValueError), match="incompatible function arguments"):
        odd.passes() and odd.train()


WRONG = {
    "a row beyond": ("order", lambda a: a + 1, "order must be rows of X"),
    "a row before": ("order", lambda a: a - 1, "order must be rows of X"),
    "small integers": ("order", lambda a: a.astype(np.int32), "order must be a contiguous vector of int64"),
    "bounds beyond": ("bounds", lambda a: a + 1, "bounds must be rising places in order"),
    "bounds that fall": ("bounds", lambda a: a[::-1].copy(), "bounds must be rising places in order"),
    "bounds too few": ("bounds", lambda a: a[:-1], "bounds must be one more than rates"),
    "a class beyond": ("classes", lambda a: a + N_L, "Y must be class indices from 0 to n_L - 1"),
    "a class before": ("classes", lambda a: a - N_L, "Y must be class indices from 0 to n_L - 1"),
    "targets too few": ("classes", lambda a: a[:-1], "Y must be as many rows as X"),
    "weights too few": ("weight", lambda a: a[:-1], "weight must be one number per row of X"),
    "weights of another type": ("weight", lambda a: a.astype("f4"), "weight must be a contiguous vector of float64"),
    "inputs too narrow": ("X", lambda a: a[:, 1:], r"X must be rows \(m, n_0\) of the network's type"),
    "inputs of another type": ("X", lambda a: a.astype("f2"), r"X must be rows \(m, n_0\) of the network's type"),
    "too few parameters": ("theta", lambda a: a[:-1], "theta must be a contiguous vector of all parameters"),
    "too short a slot": ("slots", lambda a: a[:-1], "slots must be a contiguous vector of all parameters"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_native_plan_refuses_what_does_not_fit(native, dtype, data, wrong):
    which, make, message = WRONG[wrong]
    odd = Given(native, dtype, data, **{which: make})
    before = odd.given["theta"].copy()
    with pytest.raises(ValueError, match=message):
        odd.train()
    np.testing.assert_array_equal(odd.given["theta"], before)


@pytest.mark.parametrize("rule", [dp.Adam(0.1), dp.RMSprop(0.1), dp.SGD(0.1, momentum=0.5)])
def test_a_native_plan_refuses_too_few_slots(native, dtype, data, rule):
    g = Given(native, dtype, data)
    with pytest.raises(ValueError, match="slots must be as many vectors as the update rule keeps"):
        g.train(Rules(rule), n_slots=0)
    with pytest.raises(ValueError, match="dropout must be one probability per hidden layer"):
        g.train(Rules(rule, dropout=(0.5, 0.5)), n_slots=2)
