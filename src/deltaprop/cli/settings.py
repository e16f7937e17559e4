"""The options of `deltaprop train` that are a model's settings: made from their declarations, and read back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any, NamedTuple

import typer

from deltaprop.cli.options import listed
from deltaprop.errors import ArgumentError, sentence
from deltaprop.tables.settings import TableSettings

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


def _declared() -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """(name, default, option's metadata) of each setting that has an option."""
    return ((each.name, each.default, each.metadata) for each in fields(TableSettings) if each.metadata["metavar"])


def with_setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each setting, instead of its `**settings`, before `--save`."""
    options = []
    for name, default, about in _declared():
        if about["switch"]:
            options.append(_parameter(name, bool, True, typer.Option(help=about["switch"])))
        shown = ",".join(map(str, default)) or None if isinstance(default, tuple) else default
        kind = SYNTAX[about["metavar"]].kind if shown is not None else SYNTAX[about["metavar"]].kind | None
        option = typer.Option(metavar=about["metavar"], help=about["help"])
        options.append(_parameter(about["option"] or name, kind, shown, option))
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    place = [parameter.name for parameter in own].index("save")
    parameters = [*own[:place], *options, *own[place:]]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def _parameter(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=Annotated[kind, option]
    )


def read_settings(typed: dict[str, Any]) -> dict[str, Any]:
    """The settings by their names, from the options by theirs; ArgumentError for a text that cannot be read."""
    settings = {}
    for name, _, about in _declared():
        value = SYNTAX[about["metavar"]].read(name, typed[about["option"] or name])
        settings[name] = value if not about["switch"] or typed[name] else None
    return settings
