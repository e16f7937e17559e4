"""The time of one call: `net.forward` on one row, and the same call of each peer, microseconds on one core.

The nets have sigmoid hidden layers and a softmax output, float32; the results are compared before the timing.
The compiled call, which does the arithmetic, is also timed separately: the rest is checks and the array of the result.
"""

import json
import sys
from statistics import median

from benchmarks import _machine, _process

SIZES = ([4, 8, 3], [30, 16, 16, 3], [784, 30, 10], [784, 256, 128, 10])
CALLS = 200  # a run
GOAL = 3.0  # µs, of the whole call, for a net with almost no arithmetic
OWN, CORE = "deltaprop", "compiled call"


def repeated(contender):
    """The contender with many calls per run, so that the clock does not count; `outcome` is that of one call."""
    from dataclasses import replace

    def run():
        for _ in range(CALLS - 1):
            contender.run()
        return contender.run()

    return replace(contender, run=run)


def compiled_call(job):
    """The call of the compiled core in `net.forward`, separately; empty on an engine without it."""
    import numpy as np

    from deltaprop.bench.contenders import our_network
    from deltaprop.bench.timing import Contender

    net = our_network(job, "auto")
    if net.engine != "native":
        return []
    forward, theta, X = net.plan()._plan.forward, net.theta, job.unseen
    out = np.empty((len(X), job.case.sizes[-1]), np.float32)

    def run():
        forward(theta, X, out)
        return out

    return [Contender(CORE, run)]


def child(rounds):
    """One JSON object per net: µs per call in every round."""
    from benchmarks.peers import child as peers
    from benchmarks.peers import torch_peer
    from deltaprop.bench.cases import Case, Job
    from deltaprop.bench.measure import check_same
    from deltaprop.bench.timing import take_turns

    if peers.INSTALLED["torch"]:
        torch_peer.prepare(1)
    for sizes in SIZES:
        job = Job(Case("-".join(map(str, sizes)), tuple(sizes), 16, 1))
        job.unseen = job.X[:1].copy()
        contenders = [*map(repeated, [*peers.prediction(job, "auto")[0], *compiled_call(job)])]
        check_same(contenders, job.case)
        turns = take_turns(contenders, rounds=rounds, least=0.02)
        found = {name: [s / CALLS * 1e6 for s in column] for name, column in turns.items()}
        print(json.dumps({"net": job.case.name, "us": found}), flush=True)


def row(us, names):
    """Medians: the whole call, the compiled call in it, the median of the rounds' differences, the peers."""
    core = us.get(CORE)
    around = core and f"{median(whole - part for whole, part in zip(us[OWN], core, strict=True)):.1f}"
    parts = [f"{median(core):.1f}", around] if core else ["-", "-"]
    return [f"{median(us[OWN]):.1f}", *parts, *(f"{median(us[name]):.1f}" for name in names)]


def main(rounds=15):
    print(_machine.heading("benchmarks.overhead"))
    found = list(_process.results("benchmarks.overhead", 1, "child", str(rounds)))
    if not found:
        return
    names = [name for name in found[0]["us"] if name not in (OWN, CORE)]
    rows = [[one["net"], *row(one["us"], names)] for one in found]
    print(_machine.table(["µs per call", OWN, f"of it the {CORE}", "the rest", *names], rows))
    net, whole, core, around = rows[0][:4]
    over = median(found[0]["us"][OWN]) - GOAL
    verdict = "met" if over <= 0 else f"missed by {over:.1f} µs"
    print(f"Goal: at most {GOAL:.0f} µs for {net}. The whole call takes {whole} µs: {verdict}.")
    print(f"The {CORE}, which does the arithmetic, takes {core} µs of it, the rest {around} µs.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
