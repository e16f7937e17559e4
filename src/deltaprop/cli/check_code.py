"""`deltaprop check-code`: checks a hand-written backprop in a file, equation by equation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from deltaprop.cli import show
from deltaprop.cli.options import Json, listed, usage_errors
from deltaprop.errors import ArgumentError, sentence

if TYPE_CHECKING:
    from deltaprop.verify.findings import Finding
    from deltaprop.verify.usercode.judge import CodeReport

SHOWN = 8  # the most mistakes shown; in a deep network one may occur in every layer

Code = Annotated[str, typer.Argument(metavar="CODE", help="FILE.py:NAME of a function, a Class or a Class.method.")]
Sizes = Annotated[str, typer.Option(metavar="N,N", help="Units per layer, the inputs first.")]
Activation = Annotated[
    str, typer.Option(metavar="NAME[,NAME]", help="Of the hidden layers: one for all, or one per layer.")
]
Output = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of the last layer.  [default: that of the hidden layers]")
]
CostName = Annotated[str, typer.Option("--cost", metavar="NAME", help="quadratic is ½ ‖a - y‖² of each example.")]
Style = Annotated[str | None, typer.Option(metavar="NAME", help="nielsen, rows or class.  [default: by signature]")]
LayoutName = Annotated[
    str | None, typer.Option("--layout", metavar="NAME", help="rows, rows-book or columns.  [default: what fits]")
]
Params = Annotated[str | None, typer.Option(metavar="NAME", help="pairs, dict, lists or flat.  [default: what fits]")]
Targets = Annotated[str | None, typer.Option(metavar="NAME", help="rows or labels.  [default: what fits]")]
Batch = Annotated[str | None, typer.Option(metavar="NAME", help="The cost of a batch: mean or sum.")]
Factor = Annotated[float | None, typer.Option(metavar="F", help="Your cost is F times C: 2 for ‖a - y‖².")]
Penalty = Annotated[float | None, typer.Option("--l2", metavar="λ", help="Your cost includes ½ λ ‖W‖².")]
Dtype = Annotated[str, typer.Option(metavar="NAME", help="float64 or float32.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Of the random parameters and examples.")]
Seconds = Annotated[float, typer.Option(metavar="S", help="Time limit for your code, in seconds.")]
Megabytes = Annotated[int, typer.Option(metavar="MB", help="Memory limit for your code, in MB.")]


def check_code(
    code: Code,
    sizes: Sizes,
    activation: Activation = "sigmoid",
    output: Output = None,
    cost: CostName = "quadratic",
    style: Style = None,
    layout: LayoutName = None,
    params: Params = None,
    targets: Targets = None,
    batch: Batch = None,
    cost_factor: Factor = None,
    l2: Penalty = None,
    dtype: Dtype = "float64",
    seed: Seed = 0,
    time_limit: Seconds = 20.0,
    memory_limit: Megabytes = 2048,
    json: Json = False,
) -> None:
    """Check the backprop that you wrote yourself: which equation is wrong, in which layer, and how.

    This RUNS the code in FILE.py, in a separate process with your rights. The limits protect against mistakes, not
    against malicious code. docs/check-your-code.md has a template for each style.
    """
    from deltaprop.verify.usercode.collect import Manner
    from deltaprop.verify.usercode.conventions import Conventions
    from deltaprop.verify.usercode.judge import described, report
    from deltaprop.verify.usercode.question import ask
    from deltaprop.verify.usercode.sandbox import Limits, run_file

    file, name = _file_and_name(code)
    with usage_errors():
        limits = Limits(time_limit, memory_limit).checked()
        names = listed(activation) or [activation]
        spec = described(_numbers(sizes), names if len(names) > 1 else names[0], output, cost, dtype)
        stated = Conventions(batch, cost_factor, l2).checked()
        question = ask(spec, None, None, None, seed)
        manner = Manner(style, layout, params, targets).checked()
    run = run_file(file, name, question, manner, limits)
    if run.printed:
        first = run.printed.splitlines()[0]
        show.remark(f"Your code printed {run.lines or 1} lines, beginning with: {first[:60]}", style="dim")
    found = report(question, run.reply, stated)
    if json:
        show.json_object(found.to_dict())
    else:
        _show(found, code)
    if not found.ok:
        raise typer.Exit(1)


def _file_and_name(code: str) -> tuple[Path, str]:
    file, _, name = code.rpartition(":")
    if not file or not name or not file.endswith(".py"):
        remedy = "For example backprop.py:Network, or backprop.py:loss_and_grads."
        raise typer.BadParameter(sentence("FILE.py:NAME", "a Python file and a name in it", repr(code), remedy))
    return Path(file), name


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in listed(text)]
    except ValueError:
        raise ArgumentError(sentence("sizes", "whole numbers separated by commas, such as 4,5,3", repr(text))) from None


def _show(found: CodeReport, code: str) -> None:
    facts = [("code", code), ("network", found.network), ("called", f"{found.examples} examples, {found.called}")]
    if found.failure:
        facts.append(
            ("instead of", "the given sizes, with which your code fails (see below): all layers have the same width")
        )
    show.facts(facts)
    show.console().print()
    _grid(found)
    show.console().print()
    for at, finding in enumerate(found.findings[:SHOWN]):
        _finding(finding, whole=at == 0)
    for question in found.questions:
        _hanging("?", question, "bold yellow")
    for remark in found.remarks:
        _hanging("·", remark, "dim")
    if found.failure:
        sentence, *traceback = found.failure.splitlines()
        _hanging("·", f"With the given sizes: {sentence}", "dim")
        for line in traceback:
            show.console().print(show.visible(f"  {line}", style="dim"))
    if found.findings or found.questions or found.remarks:
        show.console().print()
    styles = {"right": "bold green", "convention": "bold yellow", "wrong": "bold red"}
    show.console().print(show.visible(_verdict(found), style=styles[found.verdict]))


def _grid(found: CodeReport) -> None:
    """One row per layer, the last layer first, as in backpropagation; one mark per equation."""
    wrong = {(finding.layer, finding.equation) for finding in found.findings}

    def mark(l: int, equation: str) -> Text:
        sign, style = ("✗", "red") if (l, equation) in wrong else ("✓", "green") if found.compared else ("·", "dim")
        return Text.assemble(f"{equation} ", (sign, style))

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("layer", "δ", "∂C/∂b", "∂C/∂W"):
        grid.add_column(heading)
    for l in range(found.layers, 0, -1):
        grid.add_row(str(l), mark(l, "BP1" if l == found.layers else "BP2"), mark(l, "BP3"), mark(l, "BP4"))
    show.console().print(grid)


def _finding(finding: Finding, whole: bool) -> None:
    _hanging("✗", str(finding), "bold red")
    if whole and finding.formula:
        lines = [("  ", "the book", finding.formula)]
        if finding.place:
            lines.append(
                ("  ", "for example", f"{finding.place}: right {finding.right:.6g}, yours {finding.yours:.6g}")
            )
        _rows(lines, ("", "dim", ""))


def _verdict(found: CodeReport) -> str:
    if found.first is None:
        remedy = "give the option of the convention that you use, and run it again."
        return "right: BP1 to BP4 hold in every layer." if found.ok else f"right up to a convention: {remedy}"
    count = len(found.findings)
    place = f"layer {found.first.layer}, {found.first.equation}" if found.first.layer else found.first.equation
    return f"WRONG{'' if count == 1 else f' in {count} places'}: begin with {place}."


def _hanging(mark: str, text: str, style: str) -> None:
    """A mark, and a text whose further lines are indented like its first."""
    _rows([(mark, text)], (style, ""))


def _rows(rows: Sequence[tuple[str, ...]], styles: tuple[str, ...]) -> None:
    screen = show.console()
    if not screen.is_terminal:
        for row in rows:
            screen.print(show.visible("  ".join(row)))
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    for style in styles:
        grid.add_column(style=style)
    for row in rows:
        grid.add_row(*map(show.visible, row))
    screen.print(grid)
