"""Measures on the cores that its parent selected; prints one JSON object per net. Not called by hand."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from importlib.util import find_spec
from statistics import median
from time import perf_counter

from threadpoolctl import threadpool_info

from benchmarks.peers import jax_peer, numpy_peer, peak, torch_peer
from deltaprop.bench.cases import CASES, Job
from deltaprop.bench.contenders import our_prediction, ours, scikit_learn, scikit_learn_prediction
from deltaprop.bench.measure import check_same
from deltaprop.bench.timing import Contender, take_turns

PAUSE = 0.04  # between turns on several cores: OpenBLAS's and OpenMP's idle threads spin for about 20 ms
INSTALLED = {name: find_spec(name) is not None for name in ("torch", "jax")}


def named(name: str, contender: Contender) -> Contender:
    return replace(contender, name=name)


def fastest(makers: list, job: Job, first: Contender) -> Contender:
    """Of a library's variants, each compared with the first contender, the one with the smallest median."""
    variants = [make(job) for make in makers]
    check_same([first, *variants], job.case)
    if len(variants) == 1:
        return variants[0]
    found = take_turns(variants, rounds=3, least=0.02)
    return min(variants, key=lambda variant: median(found[variant.name]))


def training(job: Job, engine: str) -> tuple[list[Contender], dict[str, str]]:
    """The contenders for training, named "library: scope", and the selected variant of each library."""
    found = [
        named("deltaprop: step", ours(job, engine, by_step=True)),
        named("deltaprop: epoch", ours(job, engine)),
        named("NumPy: step", numpy_peer.step(job)),
        named("scikit-learn: step", scikit_learn(job, by_step=True)),
        named("scikit-learn: epoch", scikit_learn(job)),
    ]
    return _with_peers(found, "TRAINING", job)


def prediction(job: Job, engine: str) -> tuple[list[Contender], dict[str, str]]:
    """The contenders for prediction, and the selected variant of each library."""
    found = [named("deltaprop", our_prediction(job, engine)), numpy_peer.prediction(job), scikit_learn_prediction(job)]
    return _with_peers(found, "PREDICTION", job)


def _with_peers(found: list[Contender], table: str, job: Job) -> tuple[list[Contender], dict[str, str]]:
    modules = [module for module, library in ((torch_peer, "torch"), (jax_peer, "jax")) if INSTALLED[library]]
    peers = {name: makers for module in modules for name, makers in getattr(module, table).items()}
    best = {name: fastest(makers, job, found[0]) for name, makers in peers.items()}
    return [*found, *(named(name, peer) for name, peer in best.items())], {name: p.name for name, p in best.items()}


def measured(name: str, threads: int, given: Namespace) -> dict:
    """Seconds per step in every round, peak in GFLOP/s, seconds per prediction, and the differences of the results."""
    begun = perf_counter()
    if INSTALLED["torch"]:
        torch_peer.prepare(threads)
    job = Job(CASES[name])
    case, pause = job.case, PAUSE if threads > 1 else 0.0
    contenders, taken = training(job, given.engine)
    found = {"case": name, "threads": threads, "engine": ours(job, given.engine).name, "taken": taken}
    found["apart"] = check_same(contenders, case)
    prepared = perf_counter() - begun
    loops, flop = peak.contenders(threads)
    how = {"rounds": given.rounds, "least": given.least, "pause": pause}
    turns = take_turns([*contenders, *loops], **how)
    found["peak"] = {loop.name: [flop / s / 1e9 for s in turns.pop(loop.name)] for loop in loops}
    found["step"] = {key: [s / case.steps for s in column] for key, column in turns.items()}
    if not given.no_prediction:
        readers, found["taken_to_predict"] = prediction(job, given.engine)
        found["predictions_apart"] = check_same(readers, case)
        found["prediction"] = take_turns(readers, **how)
    took = f"{prepared:.0f} s to prepare, {perf_counter() - begun - prepared:.0f} s to measure"
    print(f"{case}, {threads} core(s): {took}", file=sys.stderr)
    return found


def running() -> dict:
    """Which BLAS runs, with which kernel and how many threads."""
    return {
        "threads": len(os.sched_getaffinity(0)),
        "blas": sorted({f"{i['internal_api']} {i['version']} {i.get('architecture', '')}" for i in threadpool_info()}),
    }


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("nets", nargs="+")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--least", type=float)
    parser.add_argument("--engine")
    parser.add_argument("--no-prediction", action="store_true")
    given = parser.parse_args()
    for library, installed in INSTALLED.items():
        if not installed:
            print(f"skipped: {library} is not installed", file=sys.stderr)
    threads = len(os.sched_getaffinity(0))
    for name in given.nets:
        found = measured(name, threads, given)
        print(json.dumps(found | {"running": running()}), flush=True)


if __name__ == "__main__":
    main()
