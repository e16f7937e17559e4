"""A derivation as LaTeX: a document of its own, or its formulas alone for a notebook."""

from __future__ import annotations

import re

from deltaprop.derivation.book import CONVENTIONS, INTRODUCTION
from deltaprop.derivation.results import Results
from deltaprop.derivation.steps import Quantity, Section, Step
from deltaprop.derivation.words import found_of, summary

_SPECIAL = {"\\": r"\textbackslash{}", **{letter: rf"\{letter}" for letter in "&%$#_{}"}, "~": r"\textasciitilde{}"}
_SIGNS = {"^": r"\textasciicircum{}", "✓": r"$\surd$", "✗": r"$\times$", "–": "--", "∇": r"$\nabla$"}

HEAD = r"""\documentclass[a4paper]{article}
\usepackage{amsmath}
\setlength{\parindent}{0pt}
\begin{document}
"""


def document(derivation: Results) -> str:
    """A document that compiles with LaTeX's base and amsmath."""
    body = [r"\section*{Conventions}", INTRODUCTION.latex, "", r"\begin{tabular}{@{}lll@{}}"]
    body += [
        rf"${letter.latex}$ & {meaning.latex} & {f'${shape.latex}$' if shape else ''} \\"
        for letter, meaning, shape in CONVENTIONS
    ]
    body.append(r"\end{tabular}")
    for section in derivation.sections:
        body += [_section(section), *(_step(derivation, step) for step in section.steps)]
    body += [f"{escaped(line)}\n" for line in summary(derivation)]
    return HEAD + "\n".join(body) + "\n\\end{document}\n"


def formulas(derivation: Results) -> str:
    """Every statement, one under another, as one displayed formula."""
    lines = [
        rf"&\text{{{step.key}: {escaped(step.heading)}}} \\ &\quad {step.statement.latex}"
        for section in derivation.sections
        for step in section.steps
    ]
    return "$$\\begin{aligned}\n" + " \\\\[1ex]\n".join(lines) + "\n\\end{aligned}$$"


def escaped(text: str) -> str:
    """Plain text with LaTeX's own letters made harmless."""
    letters = {**_SPECIAL, **_SIGNS}
    return re.sub("|".join(map(re.escape, letters)), lambda found: letters[found[0]], text)


def _section(section: Section) -> str:
    return f"\\section*{{{escaped(section.title)}}}\n\\[ {section.goal.latex} \\]\n{section.before.latex}\n"


def _step(derivation: Results, step: Step) -> str:
    first, *others = (side.term.latex for side in step.sides)
    lines = " \\\\\n  &= ".join(others)
    shapes = ", ".join(f"${quantity.term.latex}$: {_shape(quantity)}" for quantity in step.shapes)
    found = "; ".join(f"{mark} {words}" for mark, words in found_of(derivation, step.key))
    return (
        f"\\subsection*{{{step.key}: {escaped(step.heading)}}}\n{step.reason.latex}\n"
        f"\\begin{{align*}}\n{first} &= {lines}\n\\end{{align*}}\nShapes: {shapes}.\n\n{escaped(found)}\n"
    )


def _shape(quantity: Quantity) -> str:
    return f"${quantity.shape.latex}$" if quantity.dims else quantity.shape.latex
