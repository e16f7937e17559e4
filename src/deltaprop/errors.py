"""The exception family, and the one sentence form of every message.

A message reads "`name` must be X. Got Y. Remedy Z.": what was asked for, what came, what to do.
Every exception is a `DeltapropError` and also the built-in exception that a caller would expect.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class DeltapropError(Exception):
    """Anything that deltaprop refuses or reports."""


class ArgumentError(DeltapropError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(DeltapropError, TypeError):
    """An argument has a type that cannot be used."""


class ShapeError(ArgumentError):
    """Two arrays do not fit together; the message names the equation in which they meet."""


class DataError(DeltapropError, ValueError):
    """A table or a data file cannot be used as it is."""


class FileFormatError(DeltapropError, ValueError):
    """A model file is damaged, foreign, or newer than this version."""


class OutputError(DeltapropError, OSError):
    """A file could not be written; what was there before is still there."""


class NonFiniteError(DeltapropError, ArithmeticError, ValueError):
    """NaN or Inf appeared; the message names step, layer and equation. `fact` is it without what to do about it."""

    def __init__(self, text: str, fact: str = "") -> None:
        super().__init__(text)
        self.fact = fact or text


class EngineError(DeltapropError, RuntimeError):
    """An engine is not available here, or cannot do what was asked."""


RETURNED = 1 << 30  # further than any line


class CodeError(DeltapropError, RuntimeError):
    """A user's own code failed, or gave what cannot be judged; `traceback` shows its part of the way there, if any.

    `line` is the last line of that code on the way (RETURNED where it got to its end); `shapes` says that arrays did
    not fit together there.
    """

    def __init__(self, text: str, traceback: str = "", *, line: int = 0, shapes: bool = False) -> None:
        super().__init__(f"{text}\n{traceback}".rstrip())
        self.text, self.traceback, self.line, self.shapes = text, traceback, line, shapes


class MissingExtraError(DeltapropError, ImportError):
    """An optional dependency is not installed; the message gives the command that installs it."""


def sentence(name: str, must: str, got: object, remedy: str = "") -> str:
    """The one form: "`name` must be X. Got Y. Remedy Z."."""
    text = f"`{name}` must be {must}. Got {got}."
    return f"{text} {remedy}" if remedy else text


def nearest(got: str, options: Iterable[str]) -> str:
    """A suggestion for a misspelt name: "Did you mean 'relu'?", or nothing where none is near."""
    lowered = {option.lower(): option for option in options}
    match = get_close_matches(got.lower(), lowered, n=1, cutoff=0.6)
    return f"Did you mean {lowered[match[0]]!r}?" if match else ""


def one_of(name: str, got: object, options: Iterable[str]) -> ArgumentError:
    """The error for a value outside a list of names, with the nearest name suggested."""
    listed = sorted(options)
    return ArgumentError(sentence(name, "one of " + ", ".join(listed), repr(got), nearest(str(got), listed)))
