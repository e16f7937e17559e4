"""A user's own code at arm's length: found in its file, and its errors told with its own part of the traceback."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from deltaprop.errors import ArgumentError, CodeError, nearest, sentence
from deltaprop.verify.usercode.holder import keeps_parameters

METHODS = ("backprop", "backward")
OURS = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class UserCode:
    """What is to be judged: a function, a class, an object, or a bound method; `method` where a name was given."""

    thing: Any
    method: str = ""

    @property
    def name(self) -> str:
        """Its name, for messages."""
        own = getattr(self.thing, "__name__", type(self.thing).__name__)
        return f"{own}.{self.method}" if self.method else own

    @property
    def owner(self) -> Any:
        """The class or object that has the method; None for a plain function."""
        bound = getattr(self.thing, "__self__", None)
        if inspect.ismethod(self.thing) and bound is not None:
            return bound if keeps_parameters(bound) else None
        has_method = any(hasattr(self.thing, name) for name in METHODS)
        return self.thing if inspect.isclass(self.thing) or has_method or not callable(self.thing) else None

    @property
    def entry(self) -> str:
        """The name of the method that computes the gradients, "" for a plain function."""
        if self.owner is None:
            return ""
        if self.method or inspect.ismethod(self.thing):
            return self.method or self.thing.__name__
        return next((name for name in METHODS if hasattr(self.owner, name)), "")


@contextmanager
def their_errors(name: str, must: str) -> Iterator[None]:
    """Whatever a user's code raises becomes one sentence, "`name` must ...", with the traceback of that code alone."""
    try:
        yield
    except CodeError:
        raise
    except SyntaxError as error:
        where = f"{Path(error.filename or name).name}, line {error.lineno}"
        shown = f"    {(error.text or '').strip()}" if error.text else ""
        got = f"a syntax error in {where}: {error.msg}"
        raise CodeError(sentence(name, must, got), shown) from None
    except SystemExit as error:
        raise _told(name, must, f"sys.exit({error.code!r})", error) from None
    except MemoryError as error:
        raise _told(name, must, "MemoryError: it needs more memory than it may have", error) from None
    except Exception as error:
        got = f"{type(error).__name__}: {error}".rstrip(": ").rstrip(".")
        raise _told(name, must, got, error, shapes=isinstance(error, (ValueError, IndexError))) from None


def _told(name: str, must: str, got: str, error: BaseException, shapes: bool = False) -> CodeError:
    """The error with the frames that are the user's: neither deltaprop's nor those of installed libraries."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_theirs(frame.filename)]
    shown = "Traceback of your code:\n" + "".join(traceback.format_list(frames)).rstrip("\n") if frames else ""
    return CodeError(sentence(name, must, got), shown, line=(frames[-1].lineno or 0) if frames else 0, shapes=shapes)


def is_theirs(filename: str) -> bool:
    """Whether a file is the user's: neither deltaprop's nor an installed library's."""
    if filename.startswith("<frozen"):
        return False
    path = Path(filename).resolve()
    installed = "site-packages" in path.parts or path.is_relative_to(Path(inspect.__file__).resolve().parent)
    return not installed and not path.is_relative_to(OURS)


def load(path: Path, name: str) -> UserCode:
    """`name`, or `Class.method`, of a Python file. Importing the file runs it."""
    asked = "FILE.py:NAME"
    if not path.is_file():
        raise ArgumentError(sentence(asked, "a Python file and a name in it", f"{str(path)!r}: no such file"))
    with their_errors(path.name, "a Python file that can be imported"):
        module = _imported(path)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise ArgumentError(_missing(path, name, found))
        found = getattr(found, part)
    if not callable(found):
        raise ArgumentError(sentence(asked, "a function or a class", f"{name!r}, of type {type(found).__name__}"))
    owner, _, method = name.rpartition(".")
    return UserCode(getattr(module, owner), method) if owner else UserCode(found)


def _imported(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(sentence("FILE.py:NAME", "a Python file and a name in it", repr(str(path))))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _missing(path: Path, name: str, where: Any) -> str:
    last = name.split(".")[-1]
    names = [n for n, value in vars(where).items() if callable(value) and not n.startswith("_")]
    own = [n for n in names if getattr(getattr(where, n), "__module__", None) in (path.stem, None)] or names
    near = nearest(last, own)
    has = f"It has {', '.join(own)}." if own else "It has no function and no class."
    return sentence("FILE.py:NAME", f"a function or a class in {path.name}", repr(name), f"{near} {has}".strip())


def arguments(function: Callable[..., Any]) -> list[str]:
    """The names of the positional arguments that must be given, `self` left out."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]
    return needed[1:] if needed[:1] == ["self"] else needed
