"""Run the children, one per number of cores, and print their tables: python -m benchmarks.peers --help."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter

from benchmarks import _machine, _process
from benchmarks.peers import report
from deltaprop.bench.cases import CASES

LEAST = 0.04  # seconds of a turn
METHOD = """\
Plain SGD, float32, sigmoid hidden layers, softmax and cross-entropy; the same weights to begin with, the same data in
the same order; every contender gathers its batches from shuffled rows (only scikit-learn's epoch gets them in order:
it would shuffle in an order of its own). All costs and predictions were compared before anything was timed. {rounds}
rounds in turn in one process, each turn from the first weights for at least {least:.0f} ms; medians, and medians of
the rounds' own ratios. flop = 2 m n k per product, 3 products per layer, 2 for the first. Peak: multiply-adds in
registers, one thread on each core, in the same rounds.
"""


def main(arguments: list[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("nets", nargs="*", metavar="NET", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--no-prediction", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every round's seconds there")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.nets if name not in CASES]:
        parser.error(f"no such net: {', '.join(unknown)}")
    begun, everything = perf_counter(), []
    print(_machine.heading("benchmarks.peers"))
    print(METHOD.format(rounds=given.rounds, least=LEAST * 1e3))
    options = ["--rounds", str(given.rounds), "--engine", given.engine]
    options += ["--no-prediction"] if given.no_prediction else []
    options += ["--least", str(LEAST)]
    for n in given.cores:
        results = list(_process.results("benchmarks.peers.child", n, *(given.nets or CASES), *options))
        everything += results
        if results:
            print(report.document(results), flush=True)
    if given.json:
        given.json.write_text(json.dumps(everything), encoding="utf-8")
    print(f"{perf_counter() - begun:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
