"""Code that is changed on purpose: {old text: new text}, each old text in one place, and compiled again."""

from __future__ import annotations

import inspect
import linecache
import textwrap


def changed(text, edits, name):
    """The text with the edits made one after another."""
    for old, new in edits.items():
        if text.count(old) != 1:
            raise ValueError(f"{old!r} must stand once in {name}. It stands there {text.count(old)} times.")
        text = text.replace(old, new)
    return text


def run(source, file, space, made=None):
    """Run source text whose lines tracebacks and inspect find under the name `file`; `made` takes what it defines."""
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    exec(compile(source, file, "exec"), space, made)


def edited(function, edits):
    """A function or method with edits in its text, in the module of the original."""
    made = {}
    source = changed(textwrap.dedent(inspect.getsource(function)), edits, function.__qualname__)
    run(source, f"<{function.__qualname__} edited>", function.__globals__, made)
    return made[function.__name__]
