"""Column names: checks, and the error for an unknown name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from deltaprop.errors import DataError, nearest, sentence

_SHOWN = 30


def refuse_bad_names(names: Sequence[str], place: str, remedy: str) -> None:
    """Raise `DataError` if a name is empty or not unique."""
    if "" in names:
        got = f"no name for column {names.index('') + 1} of {place}"
        raise DataError(sentence("columns", "named", got, remedy))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        got = f"{twice[0]!r} more than once in {place}"
        raise DataError(sentence("columns", "named differently", got, remedy))


def listed(names: Iterable[str]) -> str:
    """The first thirty names, separated by commas, and the number of the others."""
    every = list(names)
    more = f", and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def unknown_column(argument: str, got: str, columns: Sequence[str], place: str) -> DataError:
    """The error for a name that is not a column of the table."""
    return DataError(sentence(argument, f"a column of {place} ({listed(columns)})", repr(got), nearest(got, columns)))
