"""A derivation for the terminal, and the same as plain text."""

from __future__ import annotations

import io

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deltaprop.derivation.book import CONVENTIONS, INTRODUCTION
from deltaprop.derivation.results import Results
from deltaprop.derivation.steps import Section, Step
from deltaprop.derivation.words import RIGHT, WRONG, found_of, summary

STYLES = {RIGHT: "green", WRONG: "bold red"}


def rendered(derivation: Results) -> RenderableType:
    """All of it, for a rich console."""
    parts: list[RenderableType] = [Text(INTRODUCTION.text), "", _conventions()]
    for section in derivation.sections:
        parts += ["", _title(section), *(_step(derivation, step) for step in section.steps)]
    parts += [Text(line) for line in summary(derivation)]
    return Group(*parts)


def plain(derivation: Results) -> str:
    """All of it as text of 80 columns, without colours."""
    out = io.StringIO()
    Console(file=out, width=80, color_system=None, force_terminal=False, highlight=False).print(rendered(derivation))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _conventions() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for letter, meaning, shape in CONVENTIONS:
        grid.add_row(Text(letter.text, "cyan"), meaning.text, Text(shape.text if shape else "", "dim"))
    return grid


def _title(section: Section) -> RenderableType:
    goal = Text(section.goal.text, "bold cyan", justify="center")
    return Group(
        Panel(goal, title=Text(section.title, "bold"), title_align="left", padding=(0, 2)),
        Text(section.before.text, "italic"),
        "",
    )


def _step(derivation: Results, step: Step) -> RenderableType:
    first, *others = step.sides
    indent = " " * len(first.term.text)
    lines = [f"{first.term} = {others[0].term}", *(f"{indent} = {side.term}" for side in others[1:])]
    shapes = [Text.assemble((q.term.text, "dim cyan"), (f": {q.shape.text}", "dim")) for q in step.shapes]
    found = [Text(f"{mark} {words}", STYLES.get(mark, "dim")) for mark, words in found_of(derivation, step.key)]
    return Group(
        Text.assemble((f"{step.key}  ", "bold cyan"), (step.heading, "bold")),
        _indented(Text(step.reason.text)),
        Padding(Text("\n".join(lines), "cyan"), (1, 0, 1, 7)),
        _indented(Columns(shapes, padding=(0, 3, 0, 0))),
        *map(_indented, found),
        "",
    )


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 7))
