"""Sparse rows against the same rows as dense arrays: a step by Adam, a step by SGD, a prediction, by width and density.

n-256-256-2, ReLU, batch 256, float32, one thread: the default network for a table. Each pair is timed in turn;
the numbers are the medians of dense / sparse, above 1 if sparse is faster. Costs are compared first.
"""

import sys

import numpy as np
from scipy import sparse

import deltaprop as dp
from benchmarks._timing import interleaved
from deltaprop.core.sparse import dense, sparse_rows
from deltaprop.engines.protocol import Data, Steps
from deltaprop.optim.rules import Rules

WIDTHS = (50, 100, 200, 500, 1000, 2000, 5000)
DENSITIES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.01, 0.001)
HIDDEN, BATCH = 256, 256
ROWS = 8 * BATCH


def rows_of(width, density):
    """As a one-hot table has them: the same number in every row, at least one."""
    rng = np.random.default_rng(0)
    stored = max(1, round(width * density))
    columns = np.sort(rng.permuted(np.tile(np.arange(width), (ROWS, 1)), axis=1)[:, :stored])
    data = rng.standard_normal(ROWS * stored).astype("float32")
    starts = np.arange(0, ROWS * stored + 1, stored)
    return sparse_rows(sparse.csr_array((data, columns.ravel(), starts), (ROWS, width)), "X")


def contenders(width, X, optimizer):
    """(one epoch of training, one prediction) on these rows."""
    net = dp.Network([width, HIDDEN, HIDDEN, 2], seed=0, n_threads=1)
    y = np.arange(ROWS) % 2
    plan = net.new_plan(BATCH)
    slots = tuple(np.zeros_like(net.theta) for _ in optimizer.slots)
    training = plan.begin(net.theta, slots, Rules(optimizer), Data(X, y, None))
    steps = Steps(np.arange(ROWS), np.arange(0, ROWS + 1, BATCH), np.full(ROWS // BATCH, 1e-4))

    def epoch():
        report = training.run(steps)
        assert report.done == len(steps)
        return report.costs

    return epoch, lambda: plan.forward(net.theta, X)


def ratios(width, density, rounds):
    """dense / sparse of a step by Adam, a step by SGD, and a prediction."""
    X = rows_of(width, density)
    found = []
    for optimizer in (dp.Adam(), dp.SGD(0.1)):
        train, predict = contenders(width, dense(X), optimizer)
        train_sparse, predict_sparse = contenders(width, X, optimizer)
        apart = float(np.max(np.abs(train() / train_sparse() - 1)))
        assert apart < 1e-4, f"the two do not compute the same: {apart}"
        found.append(interleaved(train, train_sparse, rounds)[2])
    return *found, interleaved(predict, predict_sparse, rounds)[2]


def main(rounds=5):
    table = {width: [ratios(width, density, rounds) for density in DENSITIES] for width in WIDTHS}
    for place, what in enumerate(("a step by Adam", "a step by SGD", "a prediction")):
        print(f"dense / sparse, {what}")
        print("   width" + "".join(f"{density:>8.1%}" for density in DENSITIES))
        for width, found in table.items():
            print(f"{width:>8}" + "".join(f"{ratio[place]:>8.2f}" for ratio in found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
