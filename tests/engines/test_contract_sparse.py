"""The contract on sparse rows: every engine gives on CSR what the oracle gives on the same rows written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_oracles import oracle_for
from scipy import sparse
from test_contract import OPTIMIZERS, TRAINED, VARIANTS, close, slots_of, small, steps_of, targets

import deltaprop as dp
from deltaprop.core.sparse import sparse_rows
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Rules, Steps
from deltaprop.engines.select import FORCED_SET, engines, select

SHAPES = [(1, 1), (2, 17), (17, 7), (40, 64), (65, 33), (130, 257)]  # (inputs, units of layer 1)
DENSITIES = [0.0, 0.03, 0.3, 1.0]


def random_rows(m, n, density, dtype, rng):
    """CSR with empty rows and explicit zeros among the rest."""
    X = np.where(rng.random((m, n)) < density, rng.standard_normal((m, n)), 0).astype(dtype)
    X[m // 2 :: 5] = 0
    rows = sparse.csr_array(X)
    rows.data[::7] = 0
    return rows


class SparseCase:
    """A network, sparse rows for it, and the oracle that gets them written out, in float64."""

    def __init__(self, engine, spec, m, density, rng, batch=64, weighted=False):
        self.spec, self.plan, self.oracle = spec, engine.plan(spec, batch), oracle_for(engine, spec)
        self.theta = (0.25 * rng.standard_normal(spec.n_parameters)).astype(spec.dtype)
        self.rows = random_rows(m, spec.sizes[0], density, spec.dtype, rng)
        self.X = sparse_rows(self.rows, "X")
        self.Y = targets(spec, m, rng)
        self.weight = rng.uniform(0.1, 3, m) if weighted else None

    @property
    def examples(self):
        return self.X, self.Y, self.weight

    @property
    def exact(self):
        return (
            self.theta.astype(np.float64),
            self.rows.toarray().astype(np.float64),
            self.Y.astype(np.float64),
            self.weight,
        )

    def check_passes(self, dtype):
        want_cost, outputs = self.oracle.evaluate(*self.exact)
        got_cost, got = self.plan.evaluate(self.theta, *self.examples)
        close(got_cost, want_cost, dtype)
        close(got, outputs, dtype)
        close(self.plan.forward(self.theta, self.X), outputs, dtype)
        want_cost, gradient = self.oracle.gradients(*self.exact)
        close(self.plan.gradients(self.theta, *self.examples), want_cost, dtype)
        close(self.plan.grad, gradient, dtype)
        close(self.plan.input_gradient(self.theta, *self.examples), self.oracle.input_gradient(*self.exact), dtype)

    def check_training(self, rules, steps, dtype):
        exact = replace(steps, X=self.exact[1], Y=self.exact[2])
        want_theta, want_slots, want_costs = self.oracle.train(self.theta.astype(np.float64), rules, exact)
        slots = slots_of(self, rules.optimizer)
        assert self.plan.train(self.theta, slots, rules, steps) == len(steps.rates)
        close(self.theta, want_theta, dtype, TRAINED)
        close(steps.costs, want_costs, dtype, TRAINED)
        for got, want in zip(slots, want_slots, strict=True):
            close(got, want, dtype, TRAINED)


def sparse_network(dtype, inputs, units):
    return make_spec((inputs, units, 3), "tanh", "softmax", "cross_entropy", dtype)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_all_passes_give_what_dense_rows_give(engine, dtype, rng, shape, density):
    SparseCase(engine, sparse_network(dtype, *shape), 23, density, rng, weighted=True).check_passes(dtype)


@pytest.mark.parametrize("m", [1, 7, 64, 65, 257])
def test_any_number_of_sparse_rows_in_parts(engine, dtype, rng, m):
    SparseCase(engine, sparse_network(dtype, 11, 5), m, 0.2, rng, batch=64).check_passes(dtype)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_on_sparse_rows_by_every_rule(engine, dtype, rng, optimizer, variant):
    case = SparseCase(engine, small(dtype, sizes=(13, 5, 4, 3)), 17, 0.2, rng)
    rule = OPTIMIZERS[optimizer]
    steps = steps_of(case, (5, 1, 7, 4), rng, rule.learning_rate)
    case.check_training(Rules(rule, **VARIANTS[variant]), steps, dtype)


@pytest.mark.parametrize("rule", [dp.SGD(0.1), dp.SGD(0.1, weight_decay=0.3), dp.AdamW(0.02, weight_decay=0.1)])
def test_inputs_that_a_batch_lacks_move_by_the_rule_alone(engine, dtype, rng, rule):
    case = SparseCase(engine, small(dtype, sizes=(6, 5, 4, 3)), 12, 0.5, rng)
    case.rows = sparse.csr_array(case.rows.toarray() * (np.arange(6) != 2))  # nobody has input 2
    case.X = sparse_rows(case.rows, "X")
    before = case.spec.weights(case.theta)[0][:, 2].copy()
    steps = steps_of(case, (4, 4, 4), rng, rule.learning_rate)
    case.check_training(Rules(rule), steps, dtype)
    after = case.spec.weights(case.theta)[0][:, 2]
    assert np.array_equal(before, after) == (rule.weight_decay == 0)


@pytest.mark.parametrize("batch", [16, 65])
def test_batches_that_grow_denser_and_longer_than_planned(engine, dtype, rng, batch):
    case = SparseCase(engine, sparse_network(dtype, 30, 9), 233, 0.05, rng, batch=batch, weighted=True)
    case.rows = sparse.csr_array(sparse.vstack([case.rows[:150], random_rows(83, 30, 0.9, dtype, rng)]))
    case.X = sparse_rows(case.rows, "X")
    steps = replace(steps_of(case, (1, 7, 16, 17, 63, 64, 65), rng, 0.2), order=np.arange(233))
    case.check_training(Rules(dp.SGD(0.2, momentum=0.5)), steps, dtype)


def test_dense_and_sparse_rows_take_turns_in_one_plan(engine, dtype, rng):
    case = SparseCase(engine, sparse_network(dtype, 11, 5), 9, 0.4, rng)
    for X in (case.X, case.rows.toarray(), case.X[:0], case.X):
        want = case.oracle.forward(case.theta.astype(np.float64), case.rows.toarray().astype(np.float64))
        close(case.plan.forward(case.theta, X), want[: len(X)], dtype)


def test_training_stops_before_the_step_whose_stored_numbers_overflow(engine, dtype, rng):
    case = SparseCase(engine, small(dtype, "identity", "identity", "quadratic", (6, 5, 3)), 12, 1.0, rng)
    case.X.data[case.X.indptr[8] : case.X.indptr[9]] = np.finfo(dtype).max
    rules, order = Rules(dp.Adam(0.01)), np.arange(12)
    steps = Steps(case.X, case.Y, None, order, np.array([0, 4, 8, 12]), np.full(3, 0.01))
    assert case.plan.train(case.theta, slots_of(case, rules.optimizer), rules, steps) == 2
    assert np.isfinite(case.theta).all()


def test_read_only_rows_are_not_changed(engine, dtype, rng):
    case = SparseCase(engine, sparse_network(dtype, 11, 5), 9, 0.4, rng, batch=4)
    for array in (case.X.data, case.X.indices, case.X.indptr, case.theta):
        array.setflags(write=False)
    case.check_passes(dtype)


native = next(info for info in engines() if info.name == "native")
needs_native = pytest.mark.skipif(not native.available, reason=f"engine native: {native.why}")
SETS = ("base", "avx2", "avx512")


def forced(monkeypatch, instruction_set, n_threads=None):
    from deltaprop.engines.native import INSTRUCTION_SETS

    if instruction_set not in INSTRUCTION_SETS:
        pytest.skip(f"this machine has no {instruction_set}")
    monkeypatch.setenv(FORCED_SET, instruction_set)
    return select("native", n_threads=n_threads)


@needs_native
@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_instruction_set_multiplies_what_is_stored(monkeypatch, dtype, rng, shape, instruction_set):
    engine = forced(monkeypatch, instruction_set)
    case = SparseCase(engine, sparse_network(dtype, *shape), 33, 0.2, rng, weighted=True)
    case.check_passes(dtype)
    case.check_training(Rules(dp.Adam(0.01)), steps_of(case, (16, 9, 8), rng, 0.01), dtype)


@needs_native
@pytest.mark.parametrize("rule", [dp.SGD(0.1), dp.Adam(0.01)], ids=["sgd", "adam"])
@pytest.mark.parametrize("instruction_set", SETS)
def test_the_same_bits_for_any_number_of_threads(monkeypatch, dtype, instruction_set, rule):
    found = []
    for threads in (1, 2, 3, 5):
        rng = np.random.default_rng(0)
        engine = forced(monkeypatch, instruction_set, threads)
        case = SparseCase(engine, sparse_network(dtype, 600, 300), 300, 0.1, rng, batch=150)
        slots = slots_of(case, rule)
        steps = Steps(case.X, case.Y, None, np.arange(300), np.array([0, 150, 300]), np.full(2, 0.01))
        assert case.plan.train(case.theta, slots, Rules(rule), steps) == 2
        cost = case.plan.gradients(case.theta, *case.examples)
        found.append([case.theta, *slots, case.plan.grad.copy(), steps.costs, cost])
    for other in found[1:]:
        for one, another in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, another)


@needs_native
def test_no_memory_is_taken_once_the_densest_batch_was_seen(dtype, rng):
    from deltaprop import _native

    case = SparseCase(select("native"), sparse_network(dtype, 40, 20), 128, 0.2, rng)
    slots, rules = slots_of(case, dp.Adam(0.01)), Rules(dp.Adam(0.01))

    def epoch():
        before = _native.allocations()
        steps = Steps(case.X, case.Y, None, np.arange(128), np.array([0, 64, 128]), np.full(2, 0.01))
        assert case.plan.train(case.theta, slots, rules, steps) == 2
        return _native.allocations() - before

    assert epoch() > 0
    assert epoch() == 0


@needs_native
@pytest.mark.parametrize(
    ("change", "must"),
    [
        ({"indices": [0, 1, 5, 0]}, "X's indices must be columns from 0 to n_0 - 1"),
        ({"indices": [0, -1, 2, 0]}, "X's indices must be columns from 0 to n_0 - 1"),
        ({"indices": [0, 1]}, "X's indices must be a contiguous vector of int32, as long as its data"),
        ({"indptr": [0, 3, 2, 4]}, "X's indptr must be rising"),
        ({"indptr": [0, 9, 2, 4]}, "X's indptr must be rising"),
        ({"indptr": [0, 2, 4, 5]}, "X's indptr must be from 0 to the stored numbers"),
        ({"indptr": [1, 2, 4, 4]}, "X's indptr must be from 0 to the stored numbers"),
        ({"data": np.ones(4, "float64")}, "X's data must be a contiguous vector of the network's type"),
    ],
)
def test_the_core_itself_refuses_what_would_read_outside(change, must):
    spec = make_spec((3, 2), "relu", "softmax", "cross_entropy", "float32")
    good = {"data": np.ones(4, "float32"), "indices": [0, 1, 2, 0], "indptr": [0, 2, 3, 4]} | change
    X = replace(
        sparse_rows(sparse.csr_array((3, 3), dtype="float32"), "X"),
        data=good["data"],
        indices=np.array(good["indices"], np.int32),
        indptr=np.array(good["indptr"], np.int64),
    )
    plan, theta = select("native").plan(spec, 4), np.zeros(spec.n_parameters, "float32")
    with pytest.raises(ValueError, match=must):
        plan.gradients(theta, X, np.zeros(3, np.intp), None)
    steps = Steps(X, np.zeros(3, np.intp), None, np.arange(3), np.array([0, 3]), np.ones(1))
    with pytest.raises(ValueError, match=must):
        plan.train(theta, (), Rules(dp.SGD(0.1)), steps)
