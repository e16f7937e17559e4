"""`deltaprop evaluate`: scores a model on rows with a known target."""

from __future__ import annotations

from deltaprop.cli import show
from deltaprop.cli.options import Data, Engine, Json, ModelFile, Names, Threads, loaded, names_or_none


def evaluate(
    model: ModelFile,
    data: Data,
    names: Names = None,
    engine: Engine = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Compare the model's predictions with the target column of DATA."""
    fitted = loaded(model, engine, threads)
    found = fitted.evaluate(data, names=names_or_none(names))
    if json:
        show.json_object(found.to_dict())
        return
    show.facts([("rows", f"{found.rows:,}"), ("scores", show.metrics(found.numbers))])
    if found.per_class:
        rows = [
            (name, f"{scores['precision']:.4f}", f"{scores['recall']:.4f}", f"{scores['rows']:,.0f}")
            for name, scores in found.per_class.items()
        ]
        show.table(("class", "precision", "recall", "rows"), rows, right=(1, 2, 3))
