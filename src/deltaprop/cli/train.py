"""`deltaprop train`: from a data file to a trained, tested, saved model."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deltaprop.cli import show
from deltaprop.cli.options import Data, Engine, Json, Names, Threads, check_output, names_or_none, usage_errors
from deltaprop.cli.progress import ProgressBar
from deltaprop.cli.settings import read_settings, with_setting_options
from deltaprop.errors import ArgumentError, sentence

if TYPE_CHECKING:
    from deltaprop.tables.model import TableModel


@with_setting_options
def train(
    data: Data,
    target: Annotated[str | None, typer.Option(metavar="COL", help="The column to predict.")] = None,
    names: Names = None,
    test: Annotated[
        str | None, typer.Option(metavar="FILE|FRACTION", help="Test on this file, or on a part that is held out.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the model there (.safetensors).")] = None,
    engine: Engine = "auto",
    threads: Threads = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Train a network on DATA and say how good it is.

    Numbers are standardised, text becomes one input per category, missing values are marked; rows that are
    mostly 0 are stored sparse. Text targets, and whole numbers with at most 20 values, are classes; others
    are numbers.
    """
    from deltaprop.tables.model import TableModel

    with usage_errors():
        held_out, test_file = _test(test)
        model = TableModel(**read_settings(settings), engine=engine, n_threads=threads)
    check_output(save, data, test_file)
    _fit(model, data, target, names_or_none(names), held_out, test_file, quiet=json)
    if save is not None:
        model.save(save)
    _report(model, save, json)
    if model.facts["stopped"] == "interrupted":
        raise typer.Exit(130)


def _fit(
    model: TableModel,
    data: str,
    target: str | None,
    names: list[str] | None,
    held_out: float,
    test_file: str | None,
    *,
    quiet: bool,
) -> None:
    def understood(fitted: TableModel) -> None:
        if not quiet:
            show.columns(fitted.encoder)
        if test_file is not None:
            fitted.evaluate(test_file, names=names)  # reports its errors before the training

    with ProgressBar(model) as progress:
        model.fit(
            data,
            target,
            names=names,
            test=held_out,
            on_columns=understood,
            on_epoch=progress.epoch,
            on_progress=progress.part,
        )
    if test_file is not None:
        model.facts["test"] = model.evaluate(test_file, names=names).to_dict() | {"source": test_file}


def _test(text: str | None) -> tuple[float, str | None]:
    """(fraction to hold out, file to test on)."""
    if text is None:
        return 0.0, None
    try:
        fraction = float(text)
    except ValueError:
        return 0.0, text
    if not 0 < fraction < 1:
        raise ArgumentError(sentence("test", "a file, or a fraction between 0 and 1", repr(text)))
    return fraction, None


def _report(model: TableModel, saved: Path | None, json: bool) -> None:
    history, facts = model.history, model.facts
    assert history is not None
    if json:
        show.json_object(
            {
                "network": model.network.spec.architecture(),
                "parameters": model.network.spec.n_parameters,
                "target": model.target.to_dict(),
                "columns": [asdict(info) for info in model.encoder.describe()],
                "facts": facts,
                "history": history.to_dict()["epochs"],
                "saved": None if saved is None else str(saved),
            }
        )
        return
    spec = model.network.spec
    lines = [("network", spec.architecture()), ("parameters", f"{spec.n_parameters:,}"), ("target", _target(model))]
    lines += [("trained", _trained(model)), ("seed", str(facts["seed"]))]
    if "validation_cost" in facts:
        kept = history[(history.best_epoch or len(history)) - 1]
        score = f"{history.score_name} {kept.validation_score:.4f}"
        lines.append(("validation", f"{score}, cost {kept.validation_cost:.4f}, on {facts['rows_validation']:,} rows"))
    if "test" in facts:
        test = facts["test"]
        lines.append(("test", f"{show.metrics(test['numbers'])}, on {test['rows']:,} rows"))
    if saved is not None:
        lines.append(("saved", f"{saved} ({saved.stat().st_size / 1024:,.0f} KiB)"))
    interrupted = facts["stopped"] == "interrupted"
    if interrupted and sys.stderr.isatty():
        sys.stderr.write("\n")  # after the terminal's own ^C
    show.facts(lines)
    sys.stdout.flush()
    if interrupted:
        where = "not saved" if saved is None else f"saved in {saved}"
        show.remark(f"Stopped by Ctrl-C; the model as trained so far was {where}.")
    elif saved is None:
        show.remark("The model was not saved: say where with --save FILE.")


def _target(model: TableModel) -> str:
    target = model.target
    if target.task == "regression":
        return (
            f"{target.name}, a number (mean {show.number(target.mean)}, standard deviation {show.number(target.std)})"
        )
    few = ", ".join(map(str, target.classes[:10])) + (", ..." if len(target.classes) > 10 else "")
    return f"{target.name}, {len(target.classes)} classes: {few}"


def _trained(model: TableModel) -> str:
    facts, history = model.facts, model.history
    assert history is not None
    seconds = history[-1].seconds if len(history) else 0.0
    epochs, kept = facts["epochs"], facts["best_epoch"]
    why = [] if facts["stopped"] == "epochs" else [facts["stopped"]]
    why += [f"kept epoch {kept}"] if kept and kept != epochs else []
    ended = f" ({', '.join(why)})" if why else ""
    number = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    return f"{number} of {facts['rows_train']:,} rows in {seconds:.1f} s{ended}"
