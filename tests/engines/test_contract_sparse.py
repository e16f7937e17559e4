"""The contract on sparse rows: every engine gives on CSR what the oracle gives on the same rows written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_oracles import train, wide
from scipy import sparse
from test_contract import OPTIMIZERS, VARIANTS, Case, close, small, steps_of

import deltaprop as dp
from deltaprop.core.sparse import sparse_rows
from deltaprop.core.spec import make_spec
from deltaprop.engines import native
from deltaprop.engines.protocol import Data, Steps
from deltaprop.engines.registry import probes, select
from deltaprop.optim.rules import Rules

SHAPES = [(1, 1), (2, 17), (17, 7), (40, 64), (65, 33), (130, 257)]  # (inputs, units of layer 1)
DENSITIES = [0.0, 0.03, 0.3, 1.0]


def random_rows(m, n, density, dtype, rng):
    """CSR with empty rows and explicit zeros among the rest."""
    X = np.where(rng.random((m, n)) < density, rng.standard_normal((m, n)), 0).astype(dtype)
    X[m // 2 :: 5] = 0
    rows = sparse.csr_array(X)
    rows.data[::7] = 0
    return rows


class SparseCase(Case):
    """A network, sparse rows for it, and the oracle that gets them written out, in float64."""

    def __init__(self, engine, spec, m, density, rng, batch=64, weighted=False):
        super().__init__(engine, spec, m, rng, batch, weighted=weighted)
        self.take_rows(random_rows(m, spec.sizes[0], density, spec.dtype, rng))

    def take_rows(self, rows):
        self.rows, self.data = rows, replace(self.data, X=sparse_rows(rows, "X"))

    @property
    def exact(self):
        return self.theta.astype(np.float64), wide(replace(self.data, X=self.rows.toarray()))

    def check_passes(self, dtype):
        self.check_outputs(dtype)
        self.check_gradients(dtype)
        self.check_input_gradient(dtype)
        self.check_gradient_norms(dtype)


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
    case.take_rows(sparse.csr_array(case.rows.toarray() * (np.arange(6) != 2)))  # nobody has input 2
    W = case.spec.arrays(case.theta, 1)["W"]
    before = W[:, 2].copy()
    steps = steps_of(case, (4, 4, 4), rng, rule.learning_rate)
    case.check_training(Rules(rule), steps, dtype)
    assert np.array_equal(before, W[:, 2]) == (rule.weight_decay == 0)


@pytest.mark.parametrize("batch", [16, 65])
def test_batches_that_grow_denser_and_longer_than_planned(engine, dtype, rng, batch):
    case = SparseCase(engine, sparse_network(dtype, 30, 9), 233, 0.05, rng, batch=batch, weighted=True)
    case.take_rows(sparse.csr_array(sparse.vstack([case.rows[:150], random_rows(83, 30, 0.9, dtype, rng)])))
    steps = replace(steps_of(case, (1, 7, 16, 17, 63, 64, 65), rng, 0.2), order=np.arange(233))
    case.check_training(Rules(dp.SGD(0.2, momentum=0.5)), steps, dtype)


def test_dense_and_sparse_rows_take_turns_in_one_plan(engine, dtype, rng):
    case = SparseCase(engine, sparse_network(dtype, 11, 5), 9, 0.4, rng)
    for X in (case.data.X, case.rows.toarray(), case.data.X[:0], case.data.X):
        want = case.oracle.forward(case.theta.astype(np.float64), case.rows.toarray().astype(np.float64))
        close(case.plan.forward(case.theta, X), want[: len(X)], dtype)


def test_training_stops_before_the_step_whose_stored_numbers_overflow(engine, dtype, rng):
    case = SparseCase(engine, small(dtype, "identity", "identity", "quadratic", (6, 5, 3)), 12, 1.0, rng)
    X = case.data.X
    X.data[X.indptr[8] : X.indptr[9]] = np.finfo(dtype).max
    steps = Steps(np.arange(12), np.array([0, 4, 8, 12]), np.full(3, 0.01))
    assert case.train(Rules(dp.Adam(0.01)), steps)[0].done == 2
    assert np.isfinite(case.theta).all()


def test_read_only_rows_are_not_changed(engine, dtype, rng):
    case = SparseCase(engine, sparse_network(dtype, 11, 5), 9, 0.4, rng, batch=4)
    for array in (case.data.X.data, case.data.X.indices, case.data.X.indptr, case.theta):
        array.setflags(write=False)
    case.check_passes(dtype)


here = probes()["native"]
needs_native = pytest.mark.skipif(not here.available, reason=f"engine native: {here.why}")
SETS = ("base", "avx2", "avx512")


def forced(monkeypatch, instruction_set, n_threads=None):
    if instruction_set not in native.instruction_sets():
        pytest.skip(f"this machine has no {instruction_set}")
    monkeypatch.setenv(native.FORCED_SET, instruction_set)
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
        steps = Steps(np.arange(300), np.array([0, 150, 300]), np.full(2, 0.01))
        report, theta, slots = case.train(Rules(rule), steps)
        assert report.done == 2
        found.append([theta, *slots, report.costs, *case.gradients(case.data)])
    for other in found[1:]:
        for one, another in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, another)


@needs_native
def test_no_memory_is_taken_once_the_densest_batch_was_seen(dtype, rng):
    from deltaprop import _native

    case = SparseCase(select("native"), sparse_network(dtype, 40, 20), 128, 0.2, rng)
    steps = Steps(np.arange(128), np.array([0, 64, 128]), np.full(2, 0.01))

    def epoch():
        before = _native.allocations()
        assert case.train(Rules(dp.Adam(0.01)), steps)[0].done == 2
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
    data = Data(X, np.zeros(3, np.intp), None)
    with pytest.raises(ValueError, match=must):
        plan.gradients(theta, data)
    with pytest.raises(ValueError, match=must):
        train(plan, theta, (), Rules(dp.SGD(0.1)), data, Steps(np.arange(3), np.array([0, 3]), np.ones(1)))
