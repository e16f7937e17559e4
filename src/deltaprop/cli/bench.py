"""`deltaprop bench`: the speed of training and prediction on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich import progress

from deltaprop.cli import show
from deltaprop.cli.options import Json

if TYPE_CHECKING:
    from deltaprop.bench.cases import Case
    from deltaprop.bench.measure import Result

SECONDS = {False: 50.0, True: 8.0}  # of measuring all networks; start and output take a few more
QUICK = ("tiny", "mnist")
HEADINGS = ("net", "batch", "by", "threads", "µs/step", "GFLOP/s", "rows/s")


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Two nets only: about ten seconds.")] = False,
    json: Json = False,
) -> None:
    """Measure how fast this machine trains and predicts; takes less than a minute.

    All available engines and scikit-learn train each network and predict with it, in turn, on one thread and on all.
    They get the same data, and their results are compared first. Close other programs before you start.
    """
    from deltaprop.bench.cases import CASES

    begun = perf_counter()
    cases = [case for name, case in CASES.items() if not quick or name in QUICK]
    results = list(_measured(cases, SECONDS[quick]))
    if json:
        show.json_object({"seconds": perf_counter() - begun, "results": [asdict(result) for result in results]})
        return
    show.table(HEADINGS, _rows(results), right=(1, 3, 4, 5, 6))
    show.facts(
        [
            ("µs/step", "one step of training: gather a batch, forward, BP1-BP4, update W and b"),
            ("GFLOP/s", "billions of multiplications and additions per second, in such a step"),
            ("rows/s", f"rows predicted; medians of rounds in turn, {perf_counter() - begun:.0f} s in all"),
        ]
    )


def _measured(cases: list[Case], seconds: float) -> Iterator[Result]:
    """The results, network by network; shows a bar or lines if stderr is a terminal."""
    from deltaprop.bench.measure import measure
    from deltaprop.engines.machine import usable_cores

    parts = [(case, n) for case in cases for n in sorted({1, usable_cores()})]
    screen = show.console(stderr=True)
    lines = screen.is_dumb_terminal or screen.no_color
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=24),
        progress.TimeRemainingColumn(compact=True),
        console=screen,
        transient=True,
        disable=lines or not sys.stderr.isatty(),
    )
    deadline = perf_counter() + seconds
    missing: dict[str, None] = {}
    with bar:
        task = bar.add_task("", total=len(parts))
        for done, (case, n) in enumerate(parts):
            left = deadline - perf_counter()
            if done and left <= 0:
                missing = dict.fromkeys(f"{case}" for case, _ in parts[done:])
                break
            what = f"{case}, {n} thread{'s' if n > 1 else ''}"
            bar.update(task, description=what)
            if lines and sys.stderr.isatty():
                show.remark(what)
            yield from measure(case, n, left / (len(parts) - done) / 2)
            bar.advance(task)
    if missing:
        show.remark(f"The time is up: {', '.join(missing)} left out or not finished. Is this machine busy?")


def _rows(results: list[Result]) -> Iterator[tuple[str, ...]]:
    """Rows of the table; the first row of a network names it."""
    named = None
    for r in results:
        net = (r.net, str(r.batch)) if r.net != named else ("", "")
        speeds = (
            f"{r.us_per_step:,.{1 if r.us_per_step < 100 else 0}f}",
            f"{r.gflops:.1f}",
            f"{r.rows_per_second:,.0f}",
        )
        yield *net, r.by, str(r.threads), *speeds
        named = r.net
