"""Two contenders in turn, A B A B ..., and the median of the pairwise ratios: a drifting machine hurts both alike."""

from collections.abc import Callable
from statistics import median
from time import perf_counter


def seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def interleaved(a: Callable[[], object], b: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """(median seconds of a, of b, median of a / b), after one round that is not counted."""
    a(), b()
    pairs = [(seconds(a), seconds(b)) for _ in range(rounds)]
    return median(x for x, _ in pairs), median(y for _, y in pairs), median(x / y for x, y in pairs)
