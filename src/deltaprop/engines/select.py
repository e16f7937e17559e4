"""Which engine runs: the only place that looks at the machine."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deltaprop.core.spec import Spec
from deltaprop.engines.protocol import Engine
from deltaprop.engines.reference import ReferenceEngine
from deltaprop.errors import ArgumentError, ArgumentTypeError, EngineError, one_of, sentence

_import_error: str | None = None
try:
    from deltaprop.engines import native
except ImportError as error:
    _import_error = str(error)

NAMES = ("auto", "reference", "native", "torch")
FORCED_SET = "DELTAPROP_INSTRUCTION_SET"
_said: set[str] = set()


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
        _native_info(),
        EngineInfo("reference", True, "NumPy, always here"),
    ]


def _native_info() -> EngineInfo:
    if _import_error is not None:
        return EngineInfo("native", False, _why_absent())
    chosen, had = instruction_set(), ", ".join(native.INSTRUCTION_SETS)
    why = f"named by {FORCED_SET}" if FORCED_SET in os.environ else "the fastest that this processor has"
    cores = usable_cores()
    threads = f"{cores} thread{'s' if cores > 1 else ''} unless n_threads says otherwise"
    return EngineInfo("native", True, f"compiled, instruction set {chosen}: {why} ({had}); {threads}")


def _why_absent() -> str:
    try:
        from deltaprop import _native_absent  # CMakeLists.txt writes it where it leaves the compiled core out
    except ImportError:
        return f"its compiled core does not load ({_import_error})"
    return f"not built, since {_native_absent.WHY}"


def instruction_set() -> str:
    """The instruction set that the native engine runs on: the fastest, or the one that the environment names."""
    forced = os.environ.get(FORCED_SET)
    if forced is None:
        return native.INSTRUCTION_SETS[0]
    if forced not in native.INSTRUCTION_SETS:
        have = " or ".join(native.INSTRUCTION_SETS)
        raise EngineError(sentence(FORCED_SET, f"{have} on this machine", repr(forced)))
    return forced


def select(name: str, spec: Spec | None = None, n_threads: int | None = None) -> Engine:
    """The engine of that name for this network; "auto" takes the fastest one that is here and knows its σ and C."""
    threads = check_threads(n_threads)
    if name not in NAMES:
        raise one_of("engine", name, NAMES)
    found = {info.name: info for info in engines()}
    chosen = next(info for info in found.values() if info.available) if name == "auto" else found[name]
    if not chosen.available:
        raise EngineError(f"The engine {name!r} is not available: {chosen.why}. Use engine='auto' or 'reference'.")
    if name == "auto" and _import_error is not None:
        say_once(f"The native engine is {found['native'].why}. The reference engine runs instead, and is slower.")
    if chosen.name == "reference":
        return ReferenceEngine()
    unknown = native.unsupported(spec) if spec else None
    if unknown is None:
        return native.NativeEngine(threads, instruction_set())
    if name == "native":
        raise EngineError(f"The engine 'native' does not know {unknown}. Use engine='auto' or 'reference'.")
    say_once(f"The native engine does not know {unknown}: the reference engine runs this network, and is slower.")
    return ReferenceEngine()


def say_once(sentence: str) -> None:
    """Warn by the logger "deltaprop", which writes to stderr unless told otherwise; the same sentence only once."""
    if sentence not in _said:
        _said.add(sentence)
        logging.getLogger("deltaprop").warning(sentence)


def check_threads(n_threads: object) -> int:
    """A number of threads, 1 or more; None stands for the cores that this process may use."""
    if n_threads is None:
        return usable_cores()
    if isinstance(n_threads, bool) or not isinstance(n_threads, (int, np.integer)):
        raise ArgumentTypeError(sentence("n_threads", "a whole number, or None for all cores", repr(n_threads)))
    if not 1 <= n_threads <= 1024:
        raise ArgumentError(sentence("n_threads", "from 1 to 1024, or None for all cores", repr(n_threads)))
    return int(n_threads)


def usable_cores() -> int:
    """The cores that this process may use: by its affinity, its container's quota, and OMP_NUM_THREADS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # one number per level of nesting
    limits = [cores, *([int(most)] if most.isdecimal() else []), *_quota()]
    return max(1, min(limits))


def _quota() -> list[int]:
    """Whole cores of the control group's quota: `max` or microseconds, and the period. Linux, cgroup v2."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        return [-(-int(quota) // int(period))]
    except (OSError, ValueError):
        return []


def show_engines() -> str:
    """Print, and return, which engines are available on this machine and why, and what "auto" picks."""
    lines = [f"{info.name:<10} {'yes' if info.available else 'no':<4} {info.why}" for info in engines()]
    lines.append(f'"auto" picks {select("auto").name}')
    text = "\n".join(lines)
    print(text)
    return text
