"""`deltaprop check`: compares a model's gradients with complex steps, layer by layer."""

from __future__ import annotations

import typer

from deltaprop.cli import show
from deltaprop.cli.options import Data, Engine, Json, ModelFile, Names, Threads, loaded, names_or_none


def check(
    model: ModelFile,
    data: Data,
    names: Names = None,
    engine: Engine = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Check the gradients of MODEL on the first 100 rows of DATA; exit code 1 if one is wrong."""
    fitted = loaded(model, engine, threads)
    report = fitted.check(data, names=names_or_none(names))
    if json:
        show.json_object(report.to_dict())
    else:
        rows = [
            (
                str(row.layer),
                row.equation,
                row.element,
                f"{row.gradient:.6g}",
                f"{row.truth:.6g}",
                f"{row.error:.1e}",
            )
            for row in report.rows
        ]
        headings = ("layer", "equation", "worst element", "gradient", "truth", "error")
        show.table(headings, rows, right=(3, 4, 5))
        furthest = [] if report.ok else [("furthest off", report.culprit)]
        show.facts([(f"gradients {'ok' if report.ok else 'WRONG'}", report.summary), *furthest])
    if not report.ok:
        raise typer.Exit(1)
