"""polars and pyarrow on the same files: installed size, import and read times, and how each reads malformed files.

Run from the repository root, with both installed:  python benchmarks/table_libraries.py
Both do the same job: read every cell as text, strip it, make missing tokens null, find the type of each
column from all of its cells. Rounds are interleaved; the last figure of a line is the median of the rounds' own
ratios, polars / pyarrow.
"""

from __future__ import annotations

import gzip
import importlib.metadata as metadata
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from deltaprop.data.delimited import MISSING, parse

TABLES = Path("../shared/data/tables")
HEADERLESS = {"adult-train": 15, "winequality-white": 12, "abalone": 9}
ROUNDS = 21


def with_pyarrow(data: bytes, width: int | None) -> Any:
    """The library's own reader, which is built on pyarrow."""
    names = None if width is None else [f"c{index}" for index in range(width)]
    return parse(data, name="the file", separator=None, names=names)


def with_polars(data: bytes, width: int | None) -> pl.DataFrame:
    """The same job in polars, by expressions; booleans and dates left out, in its favour."""
    frame = pl.read_csv(data, has_header=width is None, infer_schema=False)
    cells = pl.all().str.strip_chars()
    frame = frame.select(pl.when(cells.is_in(MISSING)).then(None).otherwise(cells).name.keep())
    return frame.select(_typed(column) for column in frame)


def _typed(column: pl.Series) -> pl.Series:
    for kind in (pl.Int64, pl.Float64):
        cast = column.cast(kind, strict=False)
        if cast.null_count() == column.null_count():
            return cast
    return column


def installed_mb(*packages: str) -> float:
    files = (file for package in packages for file in metadata.files(package) or [])
    return sum(Path(str(file.locate())).stat().st_size for file in files if Path(str(file.locate())).exists()) / 1e6


def import_ms(module: str) -> float:
    code = f"import numpy, time; s = time.perf_counter(); import {module}; print(time.perf_counter() - s)"
    runs = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    return median(runs) * 1e3


def seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def distinct_floats(rows: int = 300_000, columns: int = 8) -> bytes:
    """The hardest table for a reader that converts distinct cells only: all cells are different."""
    values = np.random.default_rng(0).normal(size=(rows, columns))
    out = io.BytesIO()
    pl.DataFrame(values, schema=[f"c{index}" for index in range(columns)]).write_csv(out)
    return out.getvalue()


def race(name: str, data: bytes) -> None:
    width = HEADERLESS.get(name)
    rounds = [
        (seconds(lambda: with_polars(data, width)), seconds(lambda: with_pyarrow(data, width))) for _ in range(ROUNDS)
    ]
    polars, arrow = (median(column) * 1e3 for column in zip(*rounds, strict=True))
    ratio = median(first / second for first, second in rounds)
    print(f"{name:<20} {len(data) / 1e6:4.1f} MB  polars {polars:5.1f} ms  pyarrow {arrow:5.1f} ms  {ratio:.2f}")


def outcome(job: Callable[[], Any]) -> str:
    try:
        return repr(job())
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:70]}"


ODD_FILES = {
    "short row": b"a,b\n1,2\n3\n",
    "long row": b"a,b\n1,2\n3,4,5\n",
    "blank line": b"a,b\n1,2\n\n3,4\n",
    "same name twice": b"a,a\n1,2\n",
    "quote inside a cell": b'a,b\n5" pipe,1\n3" pipe,2\n',
    "`?` and a space": b"a,b\n1, ?\n 3, x\n",
    "letter in row 5000": b"a\n" + b"1\n" * 5000 + b"x\n",
    "gzip": gzip.compress(b"a,b\n1,2\n"),
}


def arrow_rows(data: bytes) -> Any:
    buffer = pa.input_stream(io.BytesIO(data), compression="gzip" if data[:2] == b"\x1f\x8b" else None)
    return arrow_csv.read_csv(buffer).to_pandas().to_numpy().tolist()[-2:]


def main() -> None:
    sizes = {"polars": installed_mb("polars", "polars-runtime-32"), "pyarrow": installed_mb("pyarrow")}
    for library, size in sizes.items():
        module = "pyarrow.csv, pyarrow.compute" if library == "pyarrow" else library
        print(f"{library:<8} {metadata.version(library):<8} {size:4.0f} MB, import {import_ms(module):4.0f} ms")
    for name in ("adult-train", "california-housing", "winequality-white", "abalone"):
        if TABLES.is_dir():
            race(name, (TABLES / f"{name}.csv").read_bytes())
        else:
            print(f"{name}: skipped, no {TABLES}")
    race("distinct floats", distinct_floats())
    print("\nwith each library's defaults, the last two rows:")
    for name, data in ODD_FILES.items():
        print(f"{name:<20} polars  {outcome(lambda data=data: pl.read_csv(data).rows()[-2:])}")
        print(f"{'':<20} pyarrow {outcome(lambda data=data: arrow_rows(data))}")


if __name__ == "__main__":
    main()
