"""Two installed versions in turn on the nets of benchmarks.peers: `python -m benchmarks.commits OLD_PYTHON`.

OLD_PYTHON is the interpreter of an environment in which another version is installed. Each version runs in a process of
its own, through the public names alone; the processes take turns, and the ratio is taken round by round.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks import _machine, _process
from deltaprop.bench.cases import CASES

LEAST = 0.15  # seconds of a turn
CHILD = """
import json, sys, time
import numpy as np
import deltaprop as dp

class Turn:
    def __init__(self, sizes, batch, steps, engine):
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal((batch * steps, sizes[0]), dtype=np.float32)
        self.y = rng.integers(0, sizes[-1], batch * steps)
        self.net = dp.Network(sizes, activation="sigmoid", seed=0, engine=engine)
        self.start, self.batch = self.net.theta.copy(), batch

    def train(self, epochs):
        self.net.theta[...] = self.start
        dp.train(self.net, self.X, self.y, epochs=epochs, batch_size=self.batch, optimizer=dp.SGD(0.1), seed=0)

    def predict(self, times):
        for _ in range(times):
            self.net.forward(self.X)

    def gradient(self, times):
        for _ in range(times):
            self.net.backprop(self.X[: self.batch], self.y[: self.batch])

for line in sys.stdin:
    order = json.loads(line)
    if "net" in order:
        turn = Turn(*order["net"])
        print("ready", flush=True)
        continue
    begun = time.perf_counter()
    getattr(turn, order["job"])(order["times"])
    print(time.perf_counter() - begun, flush=True)
"""
JOBS = ("train", "predict", "gradient")


class Version:
    """A version of deltaprop in a process of its own."""

    def __init__(self, python: str, cores: list[int]) -> None:
        command = ["taskset", "-c", ",".join(map(str, cores)), python, "-c", CHILD]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=_process.environment(len(cores)), **pipes)

    def ask(self, **order: object) -> str:
        """Send one order, and wait for the answer."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def seconds(self, job: str, times: int) -> float:
        return float(self.ask(job=job, times=times))

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def versions(old: str, cores: list[int]) -> Iterator[tuple[Version, Version]]:
    both = Version(old, cores), Version(sys.executable, cores)
    try:
        yield both
    finally:
        for version in both:
            version.close()


def ratios(old: Version, new: Version, job: str, rounds: int) -> list[float]:
    """Seconds of the new version by those of the old one, round by round, the first of a round in turn."""
    times = 1
    while old.seconds(job, times) < LEAST:
        times *= 2
    new.seconds(job, times)
    found = []
    for i in range(rounds):
        pair = (old, new) if i % 2 else (new, old)
        took = {version: version.seconds(job, times) for version in pair}
        found.append(took[new] / took[old])
    return sorted(found)


def main(arguments: list[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m benchmarks.commits")
    parser.add_argument("old", metavar="OLD_PYTHON")
    parser.add_argument("nets", nargs="*", metavar="NET", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engine", default="auto")
    given = parser.parse_args(arguments)
    print(_machine.heading("benchmarks.commits"))
    print("Time of this version by that of the old one: median of the rounds (lower and upper quartile).\n")
    print("| net | cores | " + " | ".join(JOBS) + " |\n|---|---|" + "---|" * len(JOBS))
    for n in given.cores:
        cores = _process.cores(n)
        if cores is None:
            continue
        with versions(given.old, cores) as (old, new):
            for name in given.nets or CASES:
                case, shown = CASES[name], []
                for version in (old, new):
                    version.ask(net=[case.sizes, case.batch, case.steps, given.engine])
                for job in JOBS:
                    found = ratios(old, new, job, given.rounds)
                    low, high = found[len(found) // 4], found[3 * len(found) // 4]
                    shown.append(f"{median(found):.3f} ({low:.3f} to {high:.3f})")
                print(f"| {name} | {n} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
