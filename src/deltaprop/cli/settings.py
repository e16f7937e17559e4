"""The options of `deltaprop train` that are a model's settings: made from their declarations, and read back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from typing import Annotated, Any, NamedTuple

import typer

from deltaprop.cli.options import listed
from deltaprop.errors import ArgumentError, sentence
from deltaprop.tables.settings import CommandOption, TableSettings

WIDTHS = "whole numbers with commas, or none"


def _whole(name: str, text: str, must: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(sentence(name, must, repr(text))) from None


def _widths(name: str, text: str) -> list[int]:
    if text.strip().lower() == "none":
        return []
    parts = listed(text)
    if not parts:
        raise ArgumentError(sentence(name, WIDTHS, repr(text)))
    return [_whole(name, part, WIDTHS) for part in parts]


def _whole_or_auto(name: str, text: str) -> int | str:
    return text if text == "auto" else _whole(name, text, "a whole number or auto")


class Syntax(NamedTuple):
    """How a value is typed: the type that Typer reads, and what turns that into the setting's value."""

    kind: Any
    read: Callable[[str, Any], Any] = lambda _, value: value


SYNTAX = {  # by the metavar
    "N": Syntax(int),
    "X": Syntax(float),
    "P": Syntax(float),
    "NAME": Syntax(str),
    "N,N": Syntax(str, _widths),
    "A,B": Syntax(str, lambda _, text: listed(text)),
    "N|auto": Syntax(str, _whole_or_auto),
}


def _declared() -> Iterator[tuple[Field[Any], CommandOption]]:
    for each in fields(TableSettings):
        if each.metadata["option"] is not None:
            yield each, each.metadata["option"]


def with_setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each setting, in the place of its `**settings`, before `--save`."""
    options = []
    for each, option in _declared():
        if option.switch:
            options.append(_parameter(each.name, bool, True, typer.Option(help=option.switch)))
        default = ",".join(map(str, each.default)) or None if isinstance(each.default, tuple) else each.default
        kind = SYNTAX[option.metavar].kind
        typed = typer.Option(metavar=option.metavar, help=option.help)
        options.append(
            _parameter(option.name or each.name, kind if default is not None else kind | None, default, typed)
        )
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    place = [parameter.name for parameter in own].index("save")
    command.__signature__ = signature.replace(parameters=[*own[:place], *options, *own[place:]])  # type: ignore[attr-defined]
    return command


def _parameter(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=Annotated[kind, option]
    )


def read_settings(typed: dict[str, Any]) -> dict[str, Any]:
    """The settings by their names, from the options by theirs; ArgumentError for a text that cannot be read."""
    settings = {}
    for each, option in _declared():
        value = SYNTAX[option.metavar].read(each.name, typed[option.name or each.name])
        settings[each.name] = value if not option.switch or typed[each.name] else None
    return settings
