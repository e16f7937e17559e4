"""Runs all measurements, in about 20 minutes; `make bench` calls it. `pip install '.[bench]'` installs the peers."""

from benchmarks import _machine, fit, memory, norms, overhead, reference, sklearn_migration, sparse, start_up, tables
from benchmarks.peers import __main__ as peers

MODULES = {
    "peers": peers,
    "fit": fit,
    "sklearn_migration": sklearn_migration,
    "overhead": overhead,
    "start_up": start_up,
    "reference": reference,
    "sparse": sparse,
    "norms": norms,
    "memory": memory,
    "tables": tables,
}

if __name__ == "__main__":
    print(_machine.heading("benchmarks"))
    for name, module in MODULES.items():
        print(f"## {name}: {module.__doc__.splitlines()[0]}\n")
        module.main()
        print(flush=True)
