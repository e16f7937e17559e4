"""How a parameter of an estimator is declared, and the checks that refuse a value by the parameter's name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import field
from numbers import Integral, Real
from typing import Any, Concatenate, ParamSpec

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from deltaprop.errors import ArgumentError, ArgumentTypeError, nearest, sentence

Check = Callable[[str, Any], None]  # of a parameter's name and value; raises ParameterError
P = ParamSpec("P")


class ParameterError(ArgumentError, ArgumentTypeError, InvalidParameterError):  # type: ignore[misc]
    """A parameter of an estimator cannot be used; scikit-learn's InvalidParameterError, with a remedy."""


def declared(default: Any, check: Check | None = None) -> Any:
    """A dataclass field with its default and the check of its value alone, if it has one."""
    return field(default=default, metadata={"check": check})


def takes(parameters: Callable[P, object]) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]:
    """An `__init__` with the signature of this dataclass, which keeps its arguments as attributes, unchecked.

    scikit-learn demands both: it reads the parameters from the signature, and sets and copies them before a fit.
    """
    signature = inspect.signature(parameters)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    def with_signature(method: Callable[..., None]) -> Callable[Concatenate[Any, P], None]:
        def __init__(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> None:  # noqa: N807
            try:
                arguments = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{method.__qualname__}() {error}") from None
            arguments.apply_defaults()
            vars(self).update(arguments.arguments)

        __init__.__doc__, __init__.__qualname__ = method.__doc__, method.__qualname__
        parameters = [own, *signature.parameters.values()]
        __init__.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return __init__

    return with_signature


def must_be(what: str, holds: Callable[[Any], bool]) -> Check:
    """The check that `holds` is true of the value; the error says what the value must be."""

    def check(name: str, value: Any) -> None:
        if not holds(value):
            raise ParameterError(sentence(name, what, repr(value)))

    return check


def one_of(options: Iterable[str], *, or_else: str = "") -> Check:
    """The check that the value is one of these names; the error lists them, and `or_else`, what else is possible."""
    listed = sorted(set(options))
    what = " ".join(["one of", ", ".join(map(repr, listed)), or_else]).rstrip()

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in listed:
            raise ParameterError(sentence(name, what, repr(value), nearest(str(value), listed)))

    return check


def unless(kind: Any, check: Check) -> Check:
    """The check for values that are not of this kind; those of it are good."""
    return lambda name, value: None if isinstance(value, kind) else check(name, value)


def in_range(
    low: float, high: float = np.inf, *, kind: type = Real, open_low: bool = False, open_high: bool = True
) -> Callable[[Any], bool]:
    """Whether a value is a number of this kind from low to high, the open ends not included."""

    def holds(value: Any) -> bool:
        if is_flag(value) or not isinstance(value, kind):
            return False
        number: Any = value
        above = number > low if open_low else number >= low
        return bool(above and (number < high if open_high else number <= high))

    return holds


def is_flag(value: Any) -> bool:
    """Whether it is True or False."""
    return isinstance(value, (bool, np.bool_))


is_count = in_range(1, kind=Integral)
COUNT = "a whole number, 1 or more"
TRUTH = "True or False"
count = must_be(COUNT, is_count)
truth = must_be(TRUTH, is_flag)
at_least_0 = must_be("a finite number, 0 or more", in_range(0))
positive = must_be("a finite number greater than 0", in_range(0, open_low=True))
below_1 = must_be("a number, 0 or more and below 1", in_range(0, 1))
fraction = must_be("a fraction, 0 or more and below 1", in_range(0, 1))
inside_0_1 = must_be("a number between 0 and 1", in_range(0, 1, open_low=True))
from_0_to_1 = must_be("a number from 0 to 1", in_range(0, 1, open_high=False))
