"""Times contenders in turn, A B C A B C ..., so that a change of the machine's speed affects all of them equally."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np

from deltaprop._types import Array


def _nothing() -> None:
    """The `reset` of a contender without state."""


@dataclass(frozen=True)
class Contender:
    """One implementation of the work: `reset` restores the initial state, `run` does the work once.

    `run` returns the numbers to compare, one per step or one row per prediction. `outcome` turns them into an array
    outside of the timing, so that the conversion is not measured.
    """

    name: str
    run: Callable[[], Any]
    reset: Callable[[], object] = _nothing

    def outcome(self) -> Array:
        """The result of a run from the initial state, in float64."""
        self.reset()
        found = self.run()
        return np.asarray([float(x) for x in found] if isinstance(found, list) else found, np.float64)


def turn(contender: Contender, least: float) -> float:
    """Seconds per run, averaged over runs from the initial state that take at least `least` seconds together."""
    contender.reset()
    start, runs, passed = perf_counter(), 0, 0.0
    while not runs or passed < least:
        contender.run()
        runs += 1
        passed = perf_counter() - start
    return passed / runs


def take_turns(
    contenders: Iterable[Contender],
    *,
    rounds: int,
    least: float = 0.05,
    pause: float = 0.0,
    limit: float = float("inf"),
) -> dict[str, list[float]]:
    """Seconds per run of each contender in each round, after one uncounted turn each.

    It waits `pause` seconds before each turn, until the threads of the previous contender have stopped spinning. No
    round starts after `limit` seconds, except for the first.
    """
    every = list(contenders)
    begun = monotonic()
    for contender in every:
        turn(contender, 0.0)
    found: dict[str, list[float]] = {contender.name: [] for contender in every}
    for count in range(rounds):
        if count and monotonic() - begun > limit:
            break
        for contender in every:
            sleep(pause)
            found[contender.name].append(turn(contender, least))
    return found


def ratio(first: list[float], second: list[float]) -> float:
    """The median over the rounds of first / second."""
    return median(a / b for a, b in zip(first, second, strict=True))


def apart(first: Array, second: Array) -> float:
    """The largest difference of two outcomes, relative to the larger of 1e-3 and the second outcome.

    The means are compared if one of them is a single number for the whole epoch.
    """
    if first.shape != second.shape:
        first, second = first.mean(keepdims=True), second.mean(keepdims=True)
    return float(np.max(np.abs(first - second) / np.maximum(np.abs(second), 1e-3)))
