"""`deltaprop derive`: the derivation of the equations, step by step, with proofs and checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaprop.cli import show
from deltaprop.cli.options import Json, Names, check_output, names_or_none
from deltaprop.errors import ArgumentError

if TYPE_CHECKING:
    from deltaprop.derivation.proof import Derivation

Equation = Annotated[
    str | None,
    typer.Argument(metavar="EQUATION", help="BP1, BP2, BP3, BP4, softmax, batch, input or scale.  [default: all]"),
]
Model = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Verify on this model, a file that `deltaprop train --save` wrote.")
]
Rows = Annotated[str | None, typer.Option(metavar="DATA", help="The rows to verify on, as for `deltaprop check`.")]
Symbolic = Annotated[
    bool, typer.Option("--symbolic", help="Prove every step, with symbols and with fractions; needs SymPy.")
]
Latex = Annotated[bool, typer.Option("--latex", help="Print a LaTeX document.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page that works offline.")]


def derive(
    equation: Equation = None,
    model: Model = None,
    data: Rows = None,
    names: Names = None,
    symbolic: Symbolic = False,
    latex: Latex = False,
    html: Html = None,
    json: Json = False,
) -> None:
    """Derive the four equations step by step, and verify each step on a network.

    Without --model the network is a small example. --json also proves every step. Exit code 1 if a step is wrong.
    """
    from deltaprop.derivation.proof import derive as derivation_of

    _check_together(model, data, names, latex, html, json)
    check_output(html, model, data)
    try:
        derivation = derivation_of(equation)
    except ArgumentError as error:
        raise typer.BadParameter(str(error).removeprefix("`equation` "), param_hint="'EQUATION'") from None
    derivation = _verified(derivation, model, data, names)
    if symbolic or json:
        derivation = _proved(derivation)
    _put(derivation, latex, html, json)
    if not derivation.ok:
        raise typer.Exit(1)


def _check_together(
    model: Path | None, data: str | None, names: str | None, latex: bool, html: Path | None, json: bool
) -> None:
    if model is None and data is not None:
        raise typer.BadParameter("must come with --model, whose network is verified on it.", param_hint="'--data'")
    if data is None and model is not None:
        raise typer.BadParameter("must come with --data, the rows to verify it on.", param_hint="'--model'")
    if data is None and names is not None:
        raise typer.BadParameter("must come with --data, whose columns it names.", param_hint="'--names'")
    if sum((latex, html is not None, json)) > 1:
        raise typer.BadParameter("--latex, --html and --json exclude each other. Give one of them.")


def _verified(derivation: Derivation, model: Path | None, data: str | None, names: str | None) -> Derivation:
    if model is None:
        return derivation.verify_examples()
    from deltaprop.tables.model import TableModel

    table = TableModel.load(model)
    return derivation.verify(table.network, *table.examples(data, names=names_or_none(names)))


def _proved(derivation: Derivation) -> Derivation:
    """Prove every step; a terminal shows the progress."""
    with show.console(stderr=True).status("proving") as status:
        return derivation.prove(on_step=lambda proof: status.update(f"proving; {proof.key} done"))


def _put(derivation: Derivation, latex: bool, html: Path | None, json: bool) -> None:
    if json:
        show.json_object(derivation.to_dict())
    elif latex:
        print(derivation.to_latex(), end="")
    elif html is not None:
        from deltaprop.files.atomic import write_atomically

        write_atomically(html, derivation.to_html().encode())
        show.remark(f"Wrote {html}.")
    elif (screen := show.console()).is_terminal:
        from deltaprop.derivation.terminal import rendered

        screen.print(rendered(derivation), soft_wrap=False)
    else:
        print(derivation)
