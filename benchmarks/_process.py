"""Child processes for measurements; the numbers of cores and threads are fixed before the first import."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

SPOILERS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "DELTAPROP_INSTRUCTION_SET")  # would slow a contender down
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
KERNELS = (None, "Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids")  # None: OpenBLAS's own choice
SGEMM = """
import numpy as np, time, threadpoolctl
a = np.ones((768, 768), np.float32)
def seconds():
    start = time.perf_counter()
    a @ a
    return time.perf_counter() - start
best = min(seconds() for _ in range(25))
blas = [i for i in threadpoolctl.threadpool_info() if i["internal_api"] == "openblas"]
print(best, blas[0]["architecture"] if blas else "none")
"""


def cores(n: int) -> list[int] | None:
    """The last n cores that this process may use; None if they cannot be chosen (not Linux) or are too few."""
    if not hasattr(os, "sched_setaffinity"):
        print("skipped: this system cannot pin a process to cores", file=sys.stderr)
        return None
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < n:
        print(f"skipped: {n} cores asked for, {len(usable)} here", file=sys.stderr)
        return None
    return usable[-n:]


def environment(n: int, kernel: str | None = None) -> dict[str, str]:
    """The environment with n threads for every library, without the settings that slow OpenBLAS down."""
    clean = {name: value for name, value in os.environ.items() if name not in SPOILERS}
    clean |= dict.fromkeys(POOLS, str(n))
    clean["JAX_PLATFORMS"] = "cpu"  # XLA uses as many threads as the process has cores
    if n == 1:
        clean["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return clean | ({"OPENBLAS_CORETYPE": kernel} if kernel else {})


def _popen(arguments: list[str], pinned: list[int], kernel: str | None, **given) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(len(pinned), kernel),
        preexec_fn=lambda: os.sched_setaffinity(0, pinned),
        stdout=subprocess.PIPE,
        text=True,
        **given,
    )


@cache
def best_kernel() -> str | None:
    """The value of OPENBLAS_CORETYPE with the fastest product on one core; prints the tried ones."""
    pinned = cores(1)
    tried: dict[str | None, tuple[float, str]] = {}
    for kernel in (*KERNELS, *KERNELS) if pinned else ():
        with _popen(["-c", SGEMM], pinned, kernel, stderr=subprocess.DEVNULL) as child:
            words = child.stdout.read().split()
        if child.returncode == 0:  # a kernel with unsupported instructions ends its process
            tried[kernel] = min((float(words[0]), words[1]), tried.get(kernel, (float("inf"), "")))
    shown = {kernel or f"own choice, {name}": f"{2 * 768**3 / s / 1e9:.0f}" for kernel, (s, name) in tried.items()}
    best = min(tried, key=lambda kernel: tried[kernel][0] * (1.0 if kernel is None else 1.03), default=None)
    print(f"OpenBLAS, GFLOP/s by kernel: {shown}; taken: {best or 'its own choice'}", file=sys.stderr)
    return best


def results(module: str, n: int, *arguments: str) -> Iterator[dict]:
    """Run `python -m module` pinned to n cores, and yield the JSON object in each line of its output."""
    pinned = cores(n)
    if pinned is None:
        return
    with _popen(["-m", module, *arguments], pinned, best_kernel()) as child:
        yield from map(json.loads, child.stdout)
    if child.returncode:
        raise SystemExit(f"{module} on {n} core(s) ended with exit code {child.returncode}")
