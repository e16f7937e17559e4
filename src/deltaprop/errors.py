"""The exception family, and the one sentence form of every message.

A message reads "`name` must be X. Got Y. Remedy Z.": what is required, what was given, what to do.
Every exception is a `DeltapropError` and also the built-in exception that a caller would expect.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class DeltapropError(Exception):
    """The base class of all errors that deltaprop raises."""


class ArgumentError(DeltapropError, ValueError):
    """An argument has an invalid value."""


class ArgumentTypeError(DeltapropError, TypeError):
    """An argument has an invalid type."""


class ShapeError(ArgumentError):
    """The shapes of two arrays do not match; the message names the equation that combines them."""


class DataError(DeltapropError, ValueError):
    """A table or a data file cannot be used."""


class FileFormatError(DeltapropError, ValueError):
    """A model file is damaged, of another format, or newer than this version of deltaprop."""


class OutputError(DeltapropError, OSError):
    """A file could not be written; its previous content is unchanged."""


class NonFiniteError(DeltapropError, ArithmeticError, ValueError):
    """NaN or Inf appeared; the message names step, layer and equation. `fact` is the message without its remedy."""

    def __init__(self, text: str, fact: str = "") -> None:
        super().__init__(text)
        self.fact = fact or text


class EngineError(DeltapropError, RuntimeError):
    """An engine is not available on this machine, or does not support the request."""


RETURNED = 1 << 30  # larger than any line number


class CodeError(DeltapropError, RuntimeError):
    """A user's code failed, or returned values that cannot be checked; `traceback` has the frames of that code, if any.

    `line` is the last line of that code that ran (RETURNED if it returned); `shapes` is True if it failed because the
    shapes of two arrays do not match.
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
    """A suggestion for a misspelt name: "Did you mean 'relu'?", or "" if no name is close."""
    lowered = {option.lower(): option for option in options}
    match = get_close_matches(got.lower(), lowered, n=1, cutoff=0.6)
    return f"Did you mean {lowered[match[0]]!r}?" if match else ""


def one_of(name: str, got: object, options: Iterable[str]) -> ArgumentError:
    """The error for a value that is not in a list of names; it suggests the nearest name."""
    listed = sorted(options)
    return ArgumentError(sentence(name, "one of " + ", ".join(listed), repr(got), nearest(str(got), listed)))
