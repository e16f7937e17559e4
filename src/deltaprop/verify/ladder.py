"""The slope of a line t -> f(t) at 0 from differences at ever smaller steps, and whether there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

SHRINK = 4.0  # from one step to the next


@dataclass(frozen=True)
class _Rung:
    """At one step: the central difference, the gap between the slopes on the right and left, the rounding of either."""

    central: float
    gap: float
    noise: float


def descend(line: Callable[[float], float], h: float, steps: int, noise: float) -> tuple[float, float, bool]:
    """(slope, how far it may be off, whether there is none to be told from both sides); f is exact to `noise`.

    Extrapolated to h = 0 where change and rounding together are least, as in Ridders 1982; only steps below those at
    which the slopes from left and right do not yet come together count, so a kink close by does no harm.
    """
    rungs = _rungs(line, h, steps, noise)
    best, least = np.nan, np.inf
    for before, rung in pairwise(rungs[_first_smooth(rungs) :]):
        doubt = abs(rung.central - before.central) + rung.noise
        if doubt < least:
            best, least = rung.central + (rung.central - before.central) / (SHRINK**2 - 1), doubt
    return best, least, not np.isfinite(least)


def _rungs(line: Callable[[float], float], h: float, steps: int, noise: float) -> list[_Rung]:
    here, found = line(0.0), []
    for _ in range(steps):
        up, down = line(h), line(-h)
        if np.isfinite(up - down):  # else beyond an edge
            found.append(_Rung((up - down) / (2 * h), abs(up - 2 * here + down) / h, 4 * noise / h))
        h /= SHRINK
    return found


def _first_smooth(rungs: list[_Rung]) -> int:
    """The first rung from which on the gap falls with h, as it does for a smooth f, as far as rounding lets one see."""
    first, scale = 0, max((abs(rung.central) for rung in rungs), default=0.0)
    for k, (rung, after) in enumerate(pairwise(rungs)):
        stays = after.gap > 0.5 * rung.gap
        vanishes = after.gap < 0.1 * rung.gap and rung.gap > 1e-4 * scale
        if rung.gap > 10 * rung.noise and (stays or vanishes):
            first = k + 1
    return first
