"""The peak memory of training in addition to the data; expected: parameters, slots, one batch of activations.

784-256-128-10, batch 128, Adam, float32, on 40,000 rows (120 MiB). `tracemalloc` counts
the arrays of NumPy, so the reference engine is measured.
"""

import tracemalloc

import numpy as np

import deltaprop as dp

SIZES, BATCH, M = [784, 256, 128, 10], 128, 40_000


def main():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, SIZES[0]), dtype=np.float32)
    y = rng.integers(0, 10, M)
    net = dp.Network(SIZES, seed=0, engine="reference")
    tracemalloc.start()
    dp.train(net, X, y, epochs=1, batch_size=BATCH, optimizer=dp.Adam(), seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    theta = net.theta.nbytes
    batch = 4 * BATCH * (SIZES[0] + 2 * sum(SIZES[1:]))
    order = 3 * 8 * M  # the rows, their order in this epoch, and the shuffle's own copy
    expected = 3 * theta + batch + order
    mib = 2**20
    print(f"data {X.nbytes / mib:.0f} MiB, peak beyond it {peak / mib:.1f} MiB")
    print(
        f"expected: gradient and Adam's two slots {3 * theta / mib:.1f} + one batch of a and σ' {batch / mib:.1f} "
        f"+ order of the examples {order / mib:.1f} = {expected / mib:.1f} MiB"
    )


if __name__ == "__main__":
    main()
