"""Memory: none is allocated from step to step, too much is refused in a sentence, a refusal leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from engine_oracles import train

import deltaprop as dp
from deltaprop.engines.protocol import Data, Steps
from deltaprop.engines.registry import select
from deltaprop.optim.rules import Rules


class Work:
    """A plan, and as many steps of every kind as one likes."""

    def __init__(self, dtype, n_threads, rules, batch=64):
        self.net = dp.Network([200, 300, 65, 10], dtype=dtype, seed=0)
        self.plan = select("native", n_threads=n_threads).plan(self.net.spec, batch)
        rng = np.random.default_rng(0)
        X = rng.standard_normal((500, 200)).astype(dtype)
        self.data, self.rules = Data(X, rng.integers(0, 10, 500), rng.uniform(0.5, 2, 500)), rules
        self.slots = tuple(np.zeros_like(self.net.theta) for _ in rules.optimizer.slots)
        self.order = rng.permutation(500)

    def steps(self, count):
        bounds = np.linspace(0, 500, count + 1).astype(np.intp)
        steps = Steps(self.order, bounds, np.full(count, 1e-3))
        assert train(self.plan, self.net.theta, self.slots, self.rules, self.data, steps).done == count

    def everything(self):
        self.steps(7)
        self.steps(50)
        self.plan.forward(self.net.theta, self.data.X)
        self.plan.evaluate(self.net.theta, self.data)
        self.plan.gradients(self.net.theta, self.data)
        self.plan.input_gradient(self.net.theta, self.data)


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize(
    "rules",
    [
        Rules(dp.SGD(0.1)),
        Rules(dp.Adam(0.01), dropout=(0.5, 0.2)),
        Rules(dp.SGD(0.1, 0.9), l1=0.1, l2=0.1, clip_norm=1),
    ],
    ids=["plain", "dropout", "clipped"],
)
def test_nothing_is_allocated_once_a_plan_has_seen_such_steps(native, dtype, n_threads, rules):
    from deltaprop import _native

    work = Work(dtype, n_threads, rules)
    work.everything()
    before = _native.allocations()
    work.everything()
    assert _native.allocations() == before


def test_python_holds_no_more_after_many_steps_than_after_one(native, dtype):
    work = Work(dtype, 2, Rules(dp.Adam(0.01)))
    work.everything()
    tracemalloc.start()
    try:
        work.steps(400)
        held = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held[1] < 64 * 1024  # bounds, rates and costs of 400 steps; a gradient alone has 330 KB


HUGE = [[2**31, 2**31], [2, 2**40], [2**62, 2**62, 2], [2**70, 2], [3, 2**22, 2**22, 2], [2**63 - 1, 2**63 - 1, 2]]


@pytest.mark.parametrize("sizes", HUGE, ids=str)
def test_a_network_that_no_machine_can_hold_is_refused_at_once(dtype, sizes):
    with pytest.raises(MemoryError, match=r"^Unable to allocate [^\n]*$"):
        dp.Network(sizes, dtype=dtype)


def test_a_native_plan_that_no_machine_can_hold_is_refused_at_once(native, dtype):
    net = dp.Network([100, 100, 2], dtype=dtype, seed=0)
    for batch in (2**40, 2**62):
        with pytest.raises(MemoryError):
            native.plan(net.spec, batch)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


LIMITED = """
import resource, numpy as np, deltaprop as dp
X, y = np.ones((5000, 100), np.float32), np.arange(5000) % 10
net = dp.Network([100, 100, 10], seed=0, engine="native", n_threads=2)
dp.train(net, X, y, epochs=1, batch_size=1000, seed=0)
before = net.forward(X)
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 300_000_000, resource.RLIM_INFINITY))
refused = 0
for attempt in range(30):
    try:
        net.new_plan(250_000)
    except MemoryError:
        refused += 1
try:
    dp.Network([100_000, 2000, 10], engine="native")
except MemoryError:
    refused += 1
print(refused, net.new_plan(50_000).batch, bool((net.forward(X) == before).all()))
print(dp.train(net, X, y, epochs=1, batch_size=1000, seed=0).stopped)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process by RLIMIT_AS, and asks /proc what it has")
def test_memory_that_runs_out_is_an_error_and_leaves_nothing_behind(native):
    done = run(LIMITED)
    assert done.stdout.split() == ["31", "50000", "True", "epochs"], done.stdout + done.stderr
