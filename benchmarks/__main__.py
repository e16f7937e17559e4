"""All measurements in turn: what `make bench` runs."""

import os
import platform

import numpy as np

from benchmarks import memory, reference, sparse, start_up, tables

if __name__ == "__main__":
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}\n")
    for module in (start_up, reference, sparse, memory, tables):
        print(f"## {module.__name__.removeprefix('benchmarks.')}: {module.__doc__.splitlines()[0]}")
        module.main()
        print()
