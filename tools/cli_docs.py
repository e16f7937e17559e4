"""Write docs/cli.md from the commands' own --help: python tools/cli_docs.py

The test tests/cli/test_cli_docs.py fails where the document is out of date. The help is 80 columns wide, whatever the
terminal.
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

Results go to stdout; progress, remarks and errors go to stderr. While a network is trained, a terminal shows a bar;
where the terminal cannot move its cursor (`TERM=dumb`), or `NO_COLOR` is set, it shows a line every few seconds
instead. Into a pipe or a file goes neither, and never an escape code.

"""

EXIT_CODES = {
    "0": "Fine.",
    "1": "Failed; one sentence on stderr says why. `check` and `check-code` also where a gradient is wrong.",
    "2": "Wrong usage: an unknown command or option, or a setting that cannot be meant.",
    "130": "Stopped by Ctrl-C. `train` ends its step, reports, and with `--save` saves the model as trained so far.",
}
AFTER_EXIT_CODES = """\
What fails leaves every file as it was: a model or a table of predictions is written beside its place and then put
there in one step. Where the output could not be written, or is one of the inputs, this is said before the work begins.

"""

JSON = {
    "train": {
        "network": "the layers, in words",
        "parameters": "how many numbers the network has",
        "target": "`name`, `task`, `classes`; for a number `mean` and `std` of the training rows",
        "columns": "what each column was taken for: `name`, `kind`, `source`, `missing`, `outputs`, `details`",
        "facts": "rows, settings, why it stopped, the seed; with `--test` the metrics in `test`",
        "history": "one object per epoch: `epoch`, `cost`, `validation_cost`, `validation_score`, `learning_rate`, "
        "`seconds`",
        "saved": "the model's file, or null",
    },
    "evaluate": {
        "rows": "how many rows were predicted",
        "numbers": "`accuracy`, `balanced_accuracy`, `log_loss`; for a number `r2`, `rmse`, `mae`",
        "per_class": "for classes only: `precision`, `recall`, `rows` of each",
    },
    "check": {
        "ok": "whether every element is within the tolerance",
        "tolerance": "the largest relative error that is taken for rounding",
        "checked": "how many elements were compared one by one",
        "kinks": "how many were left out, because a unit lies at a kink such as ReLU's at 0",
        "directions": "how many random directions compared all elements of an array at once",
        "rows": "the worst element of each array: `layer`, `equation`, `element`, `gradient`, `truth`, `error`, `ulp`",
        "how": "how the truth was computed",
        "example": "the row where the worst element is furthest off; null unless a gradient is wrong for a row alone",
    },
    "derive": {
        "ok": "whether every step is proved and, where it applies, verified",
        "network": "what the steps were verified on",
        "given": "how many rows there were",
        "rows": "how many took part: the first ones, as many as let every Jacobian fit into memory",
        "left_out": "how many of them could not take part, as ∇_a C is infinite there",
        "steps": "one object per step: `equation`, `step`, `heading`, `statement` (`unicode`, `latex`), `reason`, "
        "`shapes`, `proved`, `proof` (cases `symbolic`, `rational`; `failed`), `verified` (null where it does not "
        "apply), `residual` in ulp, `check` (`residual`, `tolerance`, `layer`, `layers`, `note`)",
    },
    "check-code": {
        "ok": "whether every equation holds, in a convention that is settled",
        "verdict": "`right`, `convention` (say the option that a question names) or `wrong`",
        "network": "the layers, in words",
        "examples": "how many examples were given",
        "called": "how the code was called, in words",
        "findings": "the mistakes, the last layer first: `layer`, `equation`, `mistake`, `text`, `formula`, "
        "`place`, `right`, `yours`, `number`",
        "questions": "conventions that nothing settles, with the option that does",
        "remarks": "what was recognised",
        "compared": "whether all shapes were right, so that numbers were compared",
        "failure": "how it failed before all layers were made equally wide, or empty",
    },
    "info": {
        "sizes": "units per layer, the inputs first",
        "activations": "of each layer",
        "cost": "what was minimised",
        "dtype": "float32 or float64",
        "parameters": "how many numbers the network has",
        "facts": "about the training, as in `train`",
        "table": "`encoder`, `target` and `drop`, see [the file format](file-format.md); null for a network alone",
    },
    "bench": {
        "seconds": "how long all of it took",
        "results": "one object per net, engine and number of threads: `net`, `batch`, `by`, `threads`, `us_per_step` "
        "(microseconds), `gflops` (billions of multiplications and additions per second), `rows_per_second` "
        "(predicted)",
    },
}


def help_of(*command: str) -> str:
    """What `deltaprop COMMAND --help` prints in a terminal of 80 columns."""
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
