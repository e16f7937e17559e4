"""`deltaprop predict`: writes one prediction per row, as CSV."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from deltaprop.cli import show
from deltaprop.cli.options import Data, Engine, ModelFile, Names, Threads, check_output, loaded, names_or_none
from deltaprop.files.atomic import write_atomically


def predict(
    model: ModelFile,
    data: Data,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the CSV there.")] = None,
    names: Names = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Predict the target of every row of DATA, as CSV: the prediction, and for classes its probability.

    A column with the name of the target is ignored.
    """
    check_output(output, model, data)
    fitted = loaded(model, engine, threads)
    values, probability = fitted.predict_with_probability(data, names=names_or_none(names))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if probability is None:
        writer.writerow([fitted.target.name])
        writer.writerows([repr(value)] for value in values.tolist())
    else:
        writer.writerow([fitted.target.name, "probability"])
        writer.writerows((label, f"{p:.6g}") for label, p in zip(values.tolist(), probability.tolist(), strict=True))
    if output is None:
        sys.stdout.write(text.getvalue())
    else:
        write_atomically(output, text.getvalue().encode())
        show.remark(f"Wrote {len(values):,} predictions to {output}.")
