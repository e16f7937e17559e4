"""Which engine runs: the only place that looks at the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass

from deltaprop.engines.protocol import Engine
from deltaprop.engines.reference import ReferenceEngine
from deltaprop.errors import EngineError, one_of

NAMES = ("auto", "reference", "native", "torch")


@dataclass(frozen=True)
class EngineInfo:
    """One engine: whether it can run here, and why or why not."""

    name: str
    available: bool
    why: str


def engines() -> list[EngineInfo]:
    """Every engine by name, fastest first, with the reason for its state."""
    return [
        EngineInfo("torch", False, "not part of this version"),
        EngineInfo("native", False, "not part of this version"),
        EngineInfo("reference", True, "NumPy, always here"),
    ]


def select(name: str) -> Engine:
    """The engine of that name; "auto" takes the fastest one that is available."""
    if name not in NAMES:
        raise one_of("engine", name, NAMES)
    found = {info.name: info for info in engines()}
    chosen = next(info for info in found.values() if info.available) if name == "auto" else found[name]
    if not chosen.available:
        raise EngineError(f"The engine {name!r} is not available: {chosen.why}. Use engine='auto' or 'reference'.")
    return ReferenceEngine()


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def show_engines() -> str:
    """Print, and return, which engines are available on this machine and why, and what "auto" picks."""
    lines = [f"{info.name:<10} {'yes' if info.available else 'no':<4} {info.why}" for info in engines()]
    lines.append(f'"auto" picks {select("auto").name}')
    text = "\n".join(lines)
    print(text)
    return text
