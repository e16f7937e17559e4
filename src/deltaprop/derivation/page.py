"""A derivation as HTML: a page of its own with nothing to load, or a fragment for a notebook. Formulas are MathML."""

from __future__ import annotations

from html import escape

from deltaprop.derivation.book import CONVENTIONS, INTRODUCTION
from deltaprop.derivation.notation import Term
from deltaprop.derivation.results import Results
from deltaprop.derivation.steps import Section, Step
from deltaprop.derivation.words import ABSENT, RIGHT, WRONG, found_of, summary

STYLE = """
.dp-derivation { max-width: 46rem; margin: 0 auto; line-height: 1.5; font-family: system-ui, sans-serif; }
.dp-derivation h2 { margin: 2.5rem 0 .5rem; font-size: 1.35rem; }
.dp-derivation h3 { margin: 0 0 .25rem; font-size: 1.05rem; }
.dp-derivation h3 span { color: #3567b0; margin-right: .5rem; font-variant-numeric: tabular-nums; }
.dp-derivation p { margin: .25rem 0; }
.dp-derivation math { font-size: 1.08em; }
.dp-derivation .goal { margin: .75rem 0; padding: .9rem 1rem; overflow-x: auto; text-align: center; font-size: 1.2rem;
  border: 1px solid #3567b0; border-radius: .5rem; background: #3567b014; }
.dp-derivation .step { margin: 1.25rem 0; padding: .9rem 1.1rem; border: 1px solid #8886; border-radius: .5rem; }
.dp-derivation .statement { margin: .75rem 0; overflow-x: auto; border: 0; border-collapse: collapse; }
.dp-derivation .statement td { padding: .2rem .2rem; vertical-align: baseline; border: 0; background: none; }
.dp-derivation .statement td:first-child { text-align: right; }
.dp-derivation .shapes { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1.6rem; font-size: .88rem;
  opacity: .8; }
.dp-derivation .found { font-size: .88rem; }
.dp-derivation .right { color: #1a7f37; } .dp-derivation .wrong { color: #c62828; font-weight: bold; }
.dp-derivation .absent { opacity: .7; }
.dp-derivation .letters td { padding: .1rem 1.2rem .1rem 0; border: 0; text-align: left; background: none; }
@media (prefers-color-scheme: dark) { .dp-derivation .right { color: #57c46f; }
  .dp-derivation .wrong { color: #ff7b72; } .dp-derivation h3 span { color: #86b3f2; } }
"""
ALONE = """
html { color-scheme: light dark; }
body { margin: 2rem 1rem 4rem; }
h1 { max-width: 46rem; margin: 0 auto 1rem; font: bold 1.7rem system-ui, sans-serif; }
"""
CLASSES = {RIGHT: "right", WRONG: "wrong", ABSENT: "absent"}


def document(derivation: Results) -> str:
    """A page of its own."""
    title = "Backpropagation, step by step"
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{ALONE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{fragment(derivation)}</body>\n</html>\n"
    )


def fragment(derivation: Results) -> str:
    """What stands in a page's body, or in a notebook's cell, with its style."""
    parts = [f'<style>{STYLE}</style>\n<div class="dp-derivation">', f"<p>{INTRODUCTION.mathml}</p>", _conventions()]
    for section in derivation.sections:
        parts += [_section(section), *(_step(derivation, step) for step in section.steps)]
    parts += [f"<p>{escape(line)}</p>" for line in summary(derivation)]
    return "\n".join([*parts, "</div>"]) + "\n"


def _conventions() -> str:
    rows = [
        f"<tr><td>{_math(letter)}</td><td>{meaning.mathml}</td><td>{_math(shape) if shape else ''}</td></tr>"
        for letter, meaning, shape in CONVENTIONS
    ]
    return '<table class="letters">' + "".join(rows) + "</table>"


def _section(section: Section) -> str:
    goal = f'<div class="goal">{_math(section.goal, tall=True)}</div>'
    return f'<h2 id="{section.key}">{escape(section.title)}</h2>\n{goal}\n<p>{section.before.mathml}</p>'


def _step(derivation: Results, step: Step) -> str:
    first, *others = (_math(side.term, tall=True) for side in step.sides)
    rows = [
        f"<tr><td>{first if not i else ''}</td><td><math><mo>=</mo></math></td><td>{side}</td></tr>"
        for i, side in enumerate(others)
    ]
    shapes = [
        f"<span>{_math(q.term, tall=True)}: {_math(q.shape) if q.dims else q.shape.text}</span>" for q in step.shapes
    ]
    found = [
        f'<p class="found {CLASSES[mark]}">{mark} {escape(words)}</p>' for mark, words in found_of(derivation, step.key)
    ]
    return (
        f'<div class="step">\n<h3><span>{step.key}</span>{escape(step.heading)}</h3>\n<p>{step.reason.mathml}</p>\n'
        f'<table class="statement">{"".join(rows)}</table>\n<div class="shapes">{"".join(shapes)}</div>\n'
        f"{''.join(found)}\n</div>"
    )


def _math(term: Term, *, tall: bool = False) -> str:
    style = ' displaystyle="true"' if tall else ""
    return f"<math{style}>{term.mathml}</math>"
