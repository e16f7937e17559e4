"""Writes docs/cli.md from the --help of the commands: python tools/cli_docs.py

The test tests/cli/test_cli_docs.py fails if the document is out of date. The help is 80 columns wide on any terminal.
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout, suppress
from importlib.metadata import version
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "cli.md"
WIDTH = 80

HEAD = """\
<!-- Written by `python tools/cli_docs.py` from the commands' own help (typer {typer}). Do not edit. -->

# The command line

```console
$ deltaprop train digits --test 0.2 --save digits.safetensors
$ deltaprop predict digits.safetensors digits -o predictions.csv
```

Results go to stdout; progress, remarks and errors go to stderr. While a network is trained, a terminal shows a bar, or
a line every few seconds if the terminal cannot move its cursor (`TERM=dumb`) or `NO_COLOR` is set. Pipes and files get
no progress and no escape codes.

"""

EXIT_CODES = {
    "0": "Success.",
    "1": "Failure; one sentence on stderr says why. Also if `check`, `check-code` or `derive` finds an error.",
    "2": "Wrong usage: an unknown command or option, or an invalid value.",
    "130": "Stopped by Ctrl-C. `train` finishes its step, prints its results, and with `--save` saves the model.",
}
AFTER_EXIT_CODES = """\
A failure leaves every file unchanged: a model or a table of predictions is written to a temporary file, which then
replaces the old one in one step. An output that cannot be written, or that is one of the inputs, is an error before the
work begins.

"""

JSON = {
    "train": {
        "network": "the layers, in words",
        "parameters": "the number of weights and biases",
        "target": "`name`, `task`, `classes`; for a number `mean` and `std` of the training rows",
        "columns": "how each column is treated: `name`, `kind`, `source`, `missing`, `outputs`, `details`",
        "facts": "rows, settings, the reason for stopping, the seed; with `--test` the metrics in `test`",
        "history": "one object per epoch: `epoch`, `cost`, `validation_cost`, `validation_score`, `learning_rate`, "
        "`seconds`",
        "saved": "the file of the model, or null",
    },
    "evaluate": {
        "rows": "the number of rows predicted",
        "numbers": "`accuracy`, `balanced_accuracy`, `log_loss`; for a number `r2`, `rmse`, `mae`",
        "per_class": "for classes only: `precision`, `recall`, `rows` of each class",
    },
    "check": {
        "ok": "whether every element is within the tolerance",
        "tolerance": "the largest relative error that counts as rounding",
        "checked": "the number of elements that were compared one by one",
        "kinks": "the number of elements that were left out, because a unit lies at a kink such as ReLU's at 0",
        "directions": "the number of random directions along which all elements of an array were compared at once",
        "rows": "the worst element of each array: `layer`, `equation`, `element`, `gradient`, `truth`, `error`, `ulp`",
        "how": "how the reference gradient was computed",
        "example": "the row with the largest error of the worst element; null unless a single row has a wrong gradient",
    },
    "derive": {
        "ok": "whether every step is proved and, where it applies, verified",
        "network": "the network on which the steps were verified",
        "given": "the number of rows in the data",
        "rows": "the number of rows that were used: the first ones, as many as the memory limit for Jacobians allows",
        "left_out": "the number of these rows that were left out, because ∇_a C is infinite for them",
        "steps": "one object per step: `equation`, `step`, `heading`, `statement` (`unicode`, `latex`), `reason`, "
        "`shapes`, `proved`, `proof` (cases `symbolic`, `rational`; `failed`), `verified` (null if it does not "
        "apply), `residual` in ulp, `check` (`residual`, `tolerance`, `layer`, `layers`, `note`)",
    },
    "check-code": {
        "ok": "whether every equation holds, in a known convention",
        "verdict": "`right`, `convention` (give the option that a question names) or `wrong`",
        "network": "the layers, in words",
        "examples": "the number of examples",
        "called": "how your code was called, in words",
        "findings": "the mistakes, the last layer first: `layer`, `equation`, `mistake`, `text`, `formula`, "
        "`place`, `right`, `yours`, `number`",
        "questions": "conventions that could not be determined, with the option that sets them",
        "remarks": "conventions that were recognised",
        "compared": "whether numbers were compared, which requires that all shapes are right",
        "failure": "how your code failed with the given sizes, before layers of equal width were tried, or empty",
    },
    "info": {
        "sizes": "units per layer, the inputs first",
        "activations": "the activation of each layer",
        "cost": "the cost that was minimised",
        "dtype": "float32 or float64",
        "parameters": "the number of weights and biases",
        "facts": "about the training, as in `train`",
        "table": "`encoder`, `target` and `drop`, see [the file format](file-format.md); null without a table",
    },
    "bench": {
        "seconds": "the total time",
        "results": "one object per net, engine and number of threads: `net`, `batch`, `by`, `threads`, `us_per_step` "
        "(microseconds), `gflops` (billions of multiplications and additions per second), `rows_per_second` "
        "(predicted)",
    },
}


def help_of(*command: str) -> str:
    """The output of `deltaprop COMMAND --help` in a terminal of 80 columns."""
    from deltaprop.cli.main import app

    os.environ["COLUMNS"] = str(WIDTH)
    text = io.StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        app([*command, "--help"], prog_name="deltaprop")
    return text.getvalue().rstrip() + "\n"


def commands() -> list[str]:
    """The names of the commands, in the order of the help."""
    from deltaprop.cli.main import COMMANDS

    return [command.__name__.replace("_", "-") for command in COMMANDS]


def document() -> str:
    """The whole of docs/cli.md."""
    parts = [HEAD.format(typer=version("typer"))]
    for name in ("", *commands()):
        title = f"deltaprop {name}".strip()
        parts.append(f"## {title}\n\n```text\n{help_of(*name.split())}```\n\n")
    parts.append("## Exit codes\n\n" + _table(("code", "meaning"), EXIT_CODES) + "\n" + AFTER_EXIT_CODES)
    parts.append("## What --json prints\n\nOne object, with these keys.\n\n")
    for name, keys in JSON.items():
        marked = {f"`{key}`": meaning for key, meaning in keys.items()}
        parts.append(f"### {name}\n\n" + _table(("key", "value"), marked) + "\n")
    return "".join(parts).rstrip() + "\n"


def _table(headings: tuple[str, str], rows: dict[str, str]) -> str:
    lines = [headings, ("---", "---"), *rows.items()]
    return "".join(f"| {left} | {right} |\n" for left, right in lines)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
