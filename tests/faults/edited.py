"""Right codes with their text edited: compiled under a file name of their own, which tracebacks and inspect know."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import right_codes
import their_maths
from edits import changed, run

SOURCE = Path(right_codes.__file__).read_text("utf-8")


@cache
def text_of(name):
    """The text of the right code of this name."""
    return inspect.getsource(getattr(right_codes, name))


def fits(text, edits):
    """Whether every old text stands in it, once."""
    return all(text.count(old) == 1 for old in edits)


def edited(name, edits, by=None, title="edited"):
    """The right code `name` with {old: new} in its text, or rather the code `by` that rests on it."""
    text = text_of(name)
    made = module(f"{title} in {name}", SOURCE.replace(text, changed(text, edits, name)))
    code = getattr(made, by or name)
    code.__name__ = title
    return code


@cache
def module(name, source):
    """The module of this source."""
    made = ModuleType(f"right_codes_{name}")
    made.__file__ = f"<{name}>"
    vars(made).update({key: value for key, value in vars(their_maths).items() if not key.startswith("_")})
    sys.modules[made.__name__] = made
    run(source, made.__file__, vars(made))
    return made


def rests_on(code, name):
    """Whether the right code calls the one of this name, or extends its method."""
    text = text_of(code)
    return f" {name}(" in text or (f"({name}):" in text and "super()" in text)
