"""A fit that fails leaves its model as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unchanged_by_failure(model: Any, **copies: Any) -> Iterator[None]:
    """Put every attribute back if a fit fails: a model that could predict still can.

    `copies` stand for the attributes that the fit changes in place.
    """
    before = {**vars(model), **copies}
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise
