"""Times two contenders in turn, A B A B ..., so that a change of the machine's speed affects both equally."""

from collections.abc import Callable
from statistics import median

from deltaprop.bench.timing import Contender, ratio, take_turns


def interleaved(a: Callable[[], object], b: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """(median seconds of a, of b, median of a / b), after one uncounted round."""
    found = take_turns([Contender("a", a), Contender("b", b)], rounds=rounds, least=0.0)
    return median(found["a"]), median(found["b"]), ratio(found["a"], found["b"])
