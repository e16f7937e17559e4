"""What one call costs: `net.forward` on one row, against the same call of each peer, microseconds on one core.

The nets have sigmoid hidden layers and a softmax output, float32; the results are compared before anything is timed.
"""

import json
import sys
from statistics import median

from benchmarks import _machine, _process

SIZES = ([4, 8, 3], [30, 16, 16, 3], [784, 30, 10], [784, 256, 128, 10])
CALLS = 200  # a run
GOAL = 3.0  # µs, of overhead: for a net whose arithmetic is nothing


def repeated(contender):
    """The contender with many calls in a run, so that the clock costs nothing; `outcome` is still one call's."""
    from dataclasses import replace

    def run():
        for _ in range(CALLS - 1):
            contender.run()
        return contender.run()

    return replace(contender, run=run)


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
        contenders = [repeated(contender) for contender in peers.prediction(job, "auto")[0]]
        check_same(contenders, job.case)
        turns = take_turns(contenders, rounds=rounds, least=0.02)
        found = {name: [s / CALLS * 1e6 for s in column] for name, column in turns.items()}
        print(json.dumps({"net": job.case.name, "us": found}), flush=True)


def main(rounds=15):
    print(_machine.heading("benchmarks.overhead"))
    found = list(_process.results("benchmarks.overhead", 1, "child", str(rounds)))
    if not found:
        return
    names = list(found[0]["us"])
    rows = [[one["net"], *(f"{median(one['us'][name]):.1f}" for name in names)] for one in found]
    print(_machine.table(["µs per call", *names], rows))
    smallest = median(found[0]["us"]["deltaprop"])
    verdict = "met" if smallest <= GOAL else f"missed by {smallest - GOAL:.1f} µs"
    print(f"Goal: at most {GOAL:.0f} µs for {found[0]['net']}: {verdict}.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
