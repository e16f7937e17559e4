"""Compares the results, then the speed, of all available engines and scikit-learn on one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from threadpoolctl import threadpool_limits

from deltaprop.bench.cases import Case, Job
from deltaprop.bench.contenders import our_prediction, ours, scikit_learn, scikit_learn_prediction
from deltaprop.bench.timing import Contender, apart, take_turns
from deltaprop.engines.registry import probes
from deltaprop.errors import EngineError

ROUNDS, LEAST = 7, 0.03
SAME = 1e-3  # float32 after an epoch: rounding errors accumulate, but mistakes are larger


@dataclass(frozen=True)
class Result:
    """The speed of one contender on one network: medians over the rounds."""

    net: str
    batch: int
    by: str
    threads: int
    us_per_step: float
    gflops: float
    rows_per_second: float


def measure(case: Case, n_threads: int, limit: float) -> list[Result]:
    """The results of all contenders on `n_threads` threads, within about 2 `limit` seconds."""
    available = [name for name, probe in probes().items() if probe.available]
    with threadpool_limits(n_threads):
        job = Job(case)
        train = [*(ours(job, name, n_threads) for name in available), scikit_learn(job)]
        predict = [*(our_prediction(job, name, n_threads) for name in available), scikit_learn_prediction(job)]
        check_same(train, case)
        check_same(predict, case)
        epochs = take_turns(train, rounds=ROUNDS, least=LEAST, limit=limit)
        passes = take_turns(predict, rounds=ROUNDS, least=LEAST, limit=limit)
    return [_result(case, n_threads, name, median(epochs[name]), median(passes[name])) for name in epochs]


def check_same(contenders: Sequence[Contender], case: Case) -> float:
    """The largest difference of the others from the first contender; EngineError if it is more than rounding."""
    first, *others = contenders
    expected, worst = first.outcome(), 0.0
    for other in others:
        found = apart(other.outcome(), expected)
        if not found <= SAME:
            raise EngineError(f"{other.name} and {first.name} do not compute the same on {case}: {found:.1e} apart.")
        worst = max(worst, found)
    return worst


def _result(case: Case, n_threads: int, name: str, epoch: float, prediction: float) -> Result:
    step = epoch / case.steps
    return Result(str(case), case.batch, name, n_threads, step * 1e6, case.flop / step / 1e9, case.rows / prediction)
