"""Names of columns: what they must be, and what to say about one that is not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from deltaprop.errors import DataError, nearest, sentence

_SHOWN = 30


def refuse_bad_names(names: Sequence[str], where: str, remedy: str) -> None:
    """Raise `DataError` where a name is empty or given twice."""
    if "" in names:
        got = f"no name for column {names.index('') + 1} of {where}"
        raise DataError(sentence("columns", "named", got, remedy))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        got = f"{twice[0]!r} more than once in {where}"
        raise DataError(sentence("columns", "named differently", got, remedy))


def listed(names: Iterable[str]) -> str:
    """Names with commas, the first thirty and how many more."""
    every = list(names)
    more = f", and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def unknown_column(argument: str, got: str, columns: Sequence[str], where: str) -> DataError:
    """The error for a name that is no column of the table."""
    return DataError(sentence(argument, f"a column of {where} ({listed(columns)})", repr(got), nearest(got, columns)))
