"""The engines by name, and which one runs a network.

A new engine is one module with a `probe`, and its name in ENGINES.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module

from deltaprop.core.spec import Spec
from deltaprop.engines.machine import check_threads
from deltaprop.engines.protocol import Engine, Probe
from deltaprop.errors import EngineError, one_of
from deltaprop.optim.rules import Rules

ENGINES: dict[str, Callable[[], Probe]] = {  # the fastest first: "auto" takes the first that can run
    name: import_module(f"deltaprop.engines.{name}").probe for name in ("native", "reference")
}
_said: set[str] = set()


def probes() -> dict[str, Probe]:
    """Every engine's probe on this machine."""
    return {name: probe() for name, probe in ENGINES.items()}


def select(name: str, spec: Spec | None = None, n_threads: int | None = None, *, rules: Rules | None = None) -> Engine:
    """The engine of that name for this network and these rules; "auto" takes the fastest that can run them here.

    Raises EngineError if the engine that is named cannot. "auto" warns, once, of each engine that it passes over.
    """
    threads = check_threads(n_threads)
    if name not in ("auto", *ENGINES):
        raise one_of("engine", name, ("auto", *ENGINES))
    passed_over: list[str] = []
    for here in ENGINES if name == "auto" else (name,):
        why_not, engine = _made(here, spec, threads, rules)
        if engine is not None:
            for why in passed_over:
                say_once(f"{why} The {here} engine runs instead, and is slower.")
            return engine
        passed_over.append(f"The {here} engine {why_not}.")
    raise EngineError(f"{passed_over[-1]} Use engine='auto' or 'reference'.")


def _made(name: str, spec: Spec | None, threads: int, rules: Rules | None) -> tuple[str, Engine | None]:
    """(why not, None), or ("", the engine)."""
    probe = ENGINES[name]()
    if not probe.available:
        return f"is not available: {probe.why}", None
    engine = probe.make(threads)
    unknown = engine.unsupported(spec, rules) if spec else None
    return (f"does not know {unknown}", None) if unknown else ("", engine)


def say_once(sentence: str) -> None:
    """Warn by the logger "deltaprop", which writes to stderr unless told otherwise; the same sentence only once."""
    if sentence not in _said:
        _said.add(sentence)
        logging.getLogger("deltaprop").warning(sentence)


def show_engines() -> str:
    """Print, and return, which engines are available on this machine and why, and which one "auto" takes."""
    lines = [f"{name:<10} {'yes' if p.available else 'no':<4} {p.why}" for name, p in probes().items()]
    lines.append(f'"auto" picks {select("auto").name}')
    text = "\n".join(lines)
    print(text)
    return text
