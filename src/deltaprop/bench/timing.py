"""Contenders in turn, A B C A B C ...: a drifting machine hurts all alike, and ratios are taken within a round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np

from deltaprop._types import Array


def _nothing() -> None:
    """For a contender that has nothing to put back."""


@dataclass(frozen=True)
class Contender:
    """Someone who does the work: `reset` puts everything back to its beginning, `run` does it once.

    `run` returns what can be compared, one number per step or one row per prediction; it is made an array by
    `outcome`, outside of any timing, so that nobody has to fetch numbers while the clock runs.
    """

    name: str
    run: Callable[[], Any]
    reset: Callable[[], object] = _nothing

    def outcome(self) -> Array:
        """What a run from the beginning gives, in float64."""
        self.reset()
        found = self.run()
        return np.asarray([float(x) for x in found] if isinstance(found, list) else found, np.float64)


def turn(contender: Contender, least: float) -> float:
    """Seconds per run, over as many runs from the beginning as take at least this long."""
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
    """Seconds per run of each contender in each round, after one turn each that is not counted.

    Before each turn it waits `pause` seconds, for threads of the one before that still spin. After `limit` seconds no
    round begins, but there is always one.
    """
    taking_part = list(contenders)
    begun = monotonic()
    for contender in taking_part:
        turn(contender, 0.0)
    found: dict[str, list[float]] = {contender.name: [] for contender in taking_part}
    for count in range(rounds):
        if count and monotonic() - begun > limit:
            break
        for contender in taking_part:
            sleep(pause)
            found[contender.name].append(turn(contender, least))
    return found


def ratio(first: list[float], second: list[float]) -> float:
    """The median over the rounds of first / second."""
    return median(a / b for a, b in zip(first, second, strict=True))


def apart(first: Array, second: Array) -> float:
    """The largest difference of two outcomes, relative to the larger of 1e-3 and what stands in the second.

    Where one has a single number for the whole epoch, the means are compared.
    """
    if first.shape != second.shape:
        first, second = first.mean(keepdims=True), second.mean(keepdims=True)
    return float(np.max(np.abs(first - second) / np.maximum(np.abs(second), 1e-3)))
