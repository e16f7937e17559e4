"""The reference engine against the same computation written by hand in NumPy: one training step, plain SGD.

784-256-128-10, sigmoid hidden layers, softmax and cross-entropy, batch 128, float32; 100 steps a round. Both start from
the same parameters and use the same batches; their costs are compared before the timing.
"""

import sys

import numpy as np
from threadpoolctl import threadpool_limits

import deltaprop as dp
from benchmarks._timing import interleaved
from deltaprop.engines.protocol import Data, Steps
from deltaprop.optim.rules import Rules

SIZES, BATCH, STEPS, RATE = [784, 256, 128, 10], 128, 100, 0.1


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def steps_by_hand(W, b, X, y, order):
    """Careful hand-written code: rows, in-place operations if they are free; returns the cost of each step."""
    costs, rate = [], np.float32(RATE)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        m = len(rows)
        a = [X[rows]]
        for W_l, b_l in zip(W[:-1], b[:-1], strict=True):
            a.append(sigmoid(a[-1] @ W_l.T + b_l))
        p = softmax(a[-1] @ W[-1].T + b[-1])
        costs.append(-np.log(p[np.arange(m), y[rows]]).mean())
        p[np.arange(m), y[rows]] -= 1
        delta = p / m
        for layer in range(len(W) - 1, -1, -1):
            dW, db = delta.T @ a[layer], delta.sum(axis=0)
            if layer:
                delta = (delta @ W[layer]) * (a[layer] * (1 - a[layer]))
            W[layer] -= rate * dW
            b[layer] -= rate * db
    return costs


def contenders():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((STEPS * BATCH, SIZES[0])).astype("float32")
    y = rng.integers(0, SIZES[-1], len(X))
    order = rng.permutation(len(X))
    net = dp.Network(SIZES, activation="sigmoid", seed=0, engine="reference")
    W, b = [layer.W.copy() for layer in net], [layer.b.copy() for layer in net]
    training = net.new_plan(BATCH).begin(net.theta, (), Rules(dp.SGD(RATE)), Data(X, y, None))
    steps = Steps(order, np.arange(0, len(X) + 1, BATCH), np.full(STEPS, RATE))

    def engine():
        report = training.run(steps)
        assert report.done == STEPS
        return report.costs

    return engine, lambda: steps_by_hand(W, b, X, y, order)


def main(rounds=21):
    engine, by_hand = contenders()
    apart = np.max(np.abs(np.array(by_hand()) / engine() - 1))
    assert apart < 1e-4, f"the two do not compute the same: {apart}"
    print(f"costs of 100 steps agree to {apart:.1e}")
    print(f"{'threads':>8} {'engine us/step':>15} {'by hand us/step':>16} {'ratio':>7}")
    for threads in (1, 2):
        with threadpool_limits(threads):
            a, b, ratio = interleaved(engine, by_hand, rounds)
        print(f"{threads:>8} {a / STEPS * 1e6:>15.0f} {b / STEPS * 1e6:>16.0f} {ratio:>7.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
