"""Threads of the native engine: the same bits for any number, one pool that others can limit, safe beside them all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from engine_oracles import train
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.core.spec import make_spec
from deltaprop.engines import native
from deltaprop.engines.machine import usable_cores
from deltaprop.engines.protocol import Data, Steps
from deltaprop.engines.registry import probes, select
from deltaprop.optim.rules import Rules

here = probes()["native"]
pytestmark = pytest.mark.skipif(not here.available, reason=f"engine native: {here.why}")
SETS = native.instruction_sets() if here.available else ()
RULES = [
    Rules(dp.SGD(0.05, momentum=0.5), l2=0.01),
    Rules(dp.Adam(0.01), l1=0.001, clip_norm=0.5),
    Rules(dp.RMSprop(0.01)),
]


@st.composite
def widths_m_n(draw):
    """(sizes, m, batch): networks whose products are, and are not, worth a thread."""
    sizes = [draw(st.integers(1, 300)) for _ in range(draw(st.integers(2, 4)))]
    m = draw(st.integers(1, 300))
    return [*sizes, draw(st.integers(2, 20))], m, draw(st.integers(1, m))


def everything(spec, m, batch, rules, seed, threads, instructions):
    """All that a plan computes, on this many threads."""
    rng = np.random.default_rng(seed)
    plan = native.NativeEngine(threads, instructions).plan(spec, batch)
    theta = (rng.standard_normal(spec.n_parameters) / np.sqrt(max(spec.sizes))).astype(spec.dtype)
    X, y = rng.standard_normal((m, spec.sizes[0])).astype(spec.dtype), rng.integers(0, spec.sizes[-1], m)
    data = Data(X, y, rng.uniform(0.5, 2, m))
    found = [plan.forward(theta, X), plan.gradients(theta, data), plan.grad.copy(), plan.input_gradient(theta, data)]
    slots = tuple(np.zeros_like(theta) for _ in rules.optimizer.slots)
    bounds = np.append(np.arange(0, m, batch), m)[:4]
    steps = Steps(rng.permutation(m), bounds, np.full(len(bounds) - 1, 0.01))
    return [*found, train(plan, theta, slots, rules, data, steps).costs, theta, *slots]


def same(got, want):
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("instructions", SETS)
@settings(max_examples=15)
@given(widths_m_n(), st.sampled_from(list(ACTIVATIONS)), st.sampled_from(RULES), st.integers(2, 7), st.booleans())
def test_native_gives_the_same_bits_for_any_number_of_threads(instructions, shape, hidden, rules, threads, double):
    sizes, m, batch = shape
    spec = make_spec(sizes, hidden, "softmax", "cross_entropy", "float64" if double else "float32")
    one = everything(spec, m, batch, rules, m, 1, instructions)
    same(everything(spec, m, batch, rules, m, threads, instructions), one)


@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_native_gives_the_same_bits_on_more_threads_than_cores(instructions, hidden, dtype):
    spec = make_spec((257, 129, 65, 10), hidden, "softmax", "cross_entropy", dtype)
    one = everything(spec, 257, 128, RULES[1], 0, 1, instructions)
    for threads in (2, 3, 40):
        same(everything(spec, 257, 128, RULES[1], 0, threads, instructions), one)


def trained(seed, **given):
    rng = np.random.default_rng(seed)
    net = dp.Network([60, 200, 10], seed=seed, engine="native", **given)
    X, y = rng.standard_normal((500, 60)).astype(np.float32), rng.integers(0, 10, 500)
    history = dp.train(net, X, y, epochs=3, batch_size=250, seed=seed, dropout=0.1)
    return [net.theta, history.cost, net.forward(X)]


def test_networks_trained_in_several_threads_at_once_are_those_trained_alone():
    alone = [trained(seed, n_threads=2) for seed in range(4)]
    found = {}

    def work(seed):
        found[seed] = trained(seed, n_threads=3)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for seed in range(4):
        same(found[seed], alone[seed])


def test_one_plan_in_two_threads_is_refused():
    """Whichever comes second is told; whatever comes back is right."""
    spec = make_spec((200, 300, 10), "relu", "softmax", "cross_entropy", "float32")
    plan = select("native").plan(spec, 128)
    theta = np.linspace(-0.1, 0.1, spec.n_parameters, dtype=np.float32)
    X = np.ones((20_000, 200), np.float32)
    want = {m: plan.forward(theta, X[:m]) for m in (1, len(X))}
    right, refused = [], []

    def ask(m):
        try:
            right.append(np.array_equal(plan.forward(theta, X[:m]), want[m]))
        except RuntimeError as error:
            refused.append(str(error))

    for _ in range(100):
        other = threading.Thread(target=ask, args=(20_000,))
        other.start()
        while other.is_alive() and not refused:
            ask(1)
        other.join()
        if refused:
            break
    assert set(refused) == {"this plan is at work in another thread: make a plan for each thread"}
    assert all(right)


def ours():
    return next(info for info in threadpool_info() if info["user_api"] == "deltaprop")


def test_threadpoolctl_lists_and_limits_our_threads():
    before = ours()["num_threads"]
    want = trained(0, n_threads=4)
    with threadpool_limits(1):
        assert ours()["num_threads"] == 1
        same(trained(0, n_threads=4), want)
    assert ours()["num_threads"] == before
    with threadpool_limits({"blas": 1}):
        assert ours()["num_threads"] == before


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


COUNT = """
import os, numpy as np, deltaprop as dp
count = lambda: len(os.listdir("/proc/self/task"))
def train(width, m, threads):
    net = dp.Network([width, width, 2], seed=0, engine="native", n_threads=threads)
    X = np.linspace(-1, 1, m * width, dtype=np.float32).reshape(m, width)
    dp.train(net, X, np.arange(m) % 2, epochs=2, batch_size=m, seed=0)
    return net.theta
"""
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in Linux's /proc")


@linux
def test_small_work_stays_on_one_thread_and_large_work_does_not():
    code = (
        "first = count(); train(10, 50, 8); small = count() - first; train(300, 300, 3); print(small, count() - first)"
    )
    done = run(COUNT + code)
    assert done.stdout.split() == ["0", "2"], done.stderr


@linux
def test_a_limit_set_before_keeps_threads_from_being_made():
    limited = (
        "from threadpoolctl import threadpool_limits\nfirst = count()\nwith threadpool_limits(1): train(300, 300, 3)\n"
    )
    assert run(COUNT + limited + "print(count() - first)").stdout.split() == ["0"]


FORK = """
import multiprocessing, threading
def child(ours, queue):
    queue.put(bool((train(300, 300, 3) == ours).all()))
ours = train(300, 300, 3)
stop = threading.Event()
def busy():
    while not stop.is_set(): train(300, 300, 3)
other = threading.Thread(target=busy)
other.start()
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
children = [context.Process(target=child, args=(ours, queue)) for _ in range(4)]
for process in children: process.start()
answers = [queue.get() for _ in children]
for process in children: process.join()
stop.set(); other.join()
print(all(answers), bool((train(300, 300, 3) == ours).all()), [process.exitcode for process in children])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_trains_while_the_parents_threads_are_at_work():
    done = run(COUNT + FORK)
    assert done.stdout.split(maxsplit=2) == ["True", "True", "[0, 0, 0, 0]\n"], done.stderr


@pytest.mark.parametrize("value", ["1", "1,4", "0"])
def test_omp_num_threads_is_honoured(monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert usable_cores() == 1


@pytest.mark.parametrize("value", ["100000", "", "many"])
def test_omp_num_threads_that_limits_nothing_changes_nothing(monkeypatch, value):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    all_cores = usable_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert usable_cores() == all_cores


def test_two_workers_share_the_cores(monkeypatch):
    """Workers of joblib get OMP_NUM_THREADS, and our share of the cores with it."""
    from joblib import Parallel, delayed

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    mine = usable_cores()
    found = Parallel(n_jobs=2, backend="loky")(delayed(usable_cores)() for _ in range(2))
    assert max(found) <= max(1, mine // 2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_fitted_by_two_workers_is_the_one_fitted_here():
    from sklearn.model_selection import cross_val_score

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((120, 5)), rng.integers(0, 2, 120)
    model = dp.MLPClassifier(
        (8,), max_iter=3, tol=0.0, n_iter_no_change=3, random_state=0, n_threads=2, engine="native"
    )
    found = [cross_val_score(model, X, y, cv=3, n_jobs=n, error_score="raise") for n in (1, 2)]
    np.testing.assert_array_equal(found[0], found[1])
