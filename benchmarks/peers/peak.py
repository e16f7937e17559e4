"""The peak of the processor, by a loop of multiply-adds in registers (peak.cpp), compiled on first use."""

import ctypes
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deltaprop.bench.timing import Contender

FLOP = 4e9  # of a run, per thread: tens of milliseconds, compared with which the start of a thread is short


def _library() -> ctypes.CDLL | None:
    """The compiled loop, or None and a line with the reason."""
    compiler = shutil.which("g++")
    if compiler is None or platform.machine() not in ("x86_64", "AMD64"):
        why = "no g++" if compiler is None else f"written for x86-64, not for {platform.machine()}"
        print(f"skipped: peak of multiply-adds ({why})", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "peak.so"
        source = Path(__file__).with_name("peak.cpp")
        subprocess.run([compiler, "-O2", "-std=c++20", "-shared", "-fPIC", "-pthread", source, "-o", built], check=True)
        library = ctypes.CDLL(str(built))
    library.peak_run.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int]
    library.peak_run.restype = None
    return library


def contenders(threads: int) -> tuple[list[Contender], float]:
    """One per available instruction set, and the floating-point operations of a run of each."""
    library = _library()
    found = []
    for bits in (512, 256) if library else ():
        flop = library.peak_flop(bits)
        if flop:
            run = lambda bits=bits, n=int(FLOP / flop): library.peak_run(bits, n, threads)  # noqa: E731
            found.append(Contender(f"peak, {bits} bits", run))
    return found, FLOP * threads
