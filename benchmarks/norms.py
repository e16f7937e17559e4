"""`gradient_norms` of an estimator's rows beside one `backprop` of the same rows: `python -m benchmarks.norms`.

Goal: at most 1.3 times the time of the backprop, on every network, since no gradient of an example is formed.
"""

from __future__ import annotations

import json
import sys

from benchmarks import _machine, _process

NETWORKS = ([4, 8, 3], [784, 30, 10], [30, 64, 64, 2], [100, 256, 256, 10], [784, 256, 128, 10], [64] * 16 + [10])
NETWORKS += ([1024, 1024, 1024, 10],)
ROWS, ROUNDS = 1024, 21


def child() -> None:
    """Measure on the cores that the parent gave; one JSON object per network."""
    import numpy as np

    from benchmarks._timing import interleaved
    from deltaprop.factors.norms import gradient_norms
    from deltaprop.network import Network

    for sizes in NETWORKS:
        for activation in ("relu", "sigmoid"):
            net, rng = Network(sizes, activation=activation, seed=0), np.random.default_rng(0)
            X = rng.standard_normal((ROWS, sizes[0]), dtype=np.float32)
            y = rng.integers(0, sizes[-1], ROWS)
            took = interleaved(lambda: gradient_norms(net, X, y), lambda: net.backprop(X, y), ROUNDS)  # noqa: B023
            print(json.dumps({"net": str(net.spec.architecture()), "took": took}), flush=True)


def main() -> None:
    print(_machine.heading("benchmarks.norms"))
    print(f"{ROWS} rows, medians of {ROUNDS} rounds in turn.\n")
    print("| net | cores | norms, ms | backprop, ms | ratio |\n|---|---|---|---|---|")
    for n in (1, 2):
        for found in _process.results("benchmarks.norms", n, "child"):
            norms, backprop, ratio = found["took"]
            net = found["net"].partition(", ")[0]
            net = net if len(net) < 60 else f"{net[:24]} ... {net[-24:]}"
            print(f"| {net} | {n} | {norms * 1e3:.3f} | {backprop * 1e3:.3f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    child() if sys.argv[1:] == ["child"] else main()
