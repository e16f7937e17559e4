"""What this machine offers, and how many threads a caller may use: the only module that looks at the machine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from deltaprop.errors import ArgumentError, ArgumentTypeError, sentence


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
