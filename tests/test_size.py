"""Sizes that keep a reader: modules of at most 300 lines, functions of at most 40, most under 20."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np

import deltaprop

SOURCE = Path(deltaprop.__file__).parent
MODULE, FUNCTION, MOST = 300, 40, 20


def body_lines(function):
    """Lines from the first statement after the docstring to the end: signature and docstring are not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def functions():
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}", body_lines(node)


def test_modules_are_short():
    sizes = {path.relative_to(SOURCE): len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    long = [f"{name}: {lines} lines" for name, lines in sizes.items() if lines > MODULE]
    assert not long, f"modules above {MODULE} lines, split them by what makes them change: {long}"


def test_functions_are_short():
    long = [f"{name}: {lines} lines" for name, lines in functions() if lines > FUNCTION]
    assert not long, f"functions above {FUNCTION} lines: {long}"


def test_most_functions_are_shorter_still():
    ninetieth = float(np.percentile([lines for _, lines in functions()], 90))
    assert ninetieth <= MOST, f"a tenth of the functions is above {ninetieth:.0f} lines; {MOST} is the aim"


def test_what_is_counted_is_the_body_alone():
    function = ast.parse('def f(\n    a,\n):\n    """Two\n    lines."""\n    b = a\n\n    return b\n').body[0]
    assert body_lines(function) == 3
