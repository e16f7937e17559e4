"""What `derive` gives: the steps, to read, to prove and to verify. It shows itself in a terminal and in a notebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from deltaprop.derivation import beyond, book, latex, page
from deltaprop.derivation.notation import Term
from deltaprop.derivation.results import Results
from deltaprop.derivation.scales import SCALE
from deltaprop.derivation.steps import Section, Step
from deltaprop.errors import one_of

SECTIONS = {
    section.key: section
    for section in (book.BP1, book.BP2, book.BP3, book.BP4, beyond.SOFTMAX, beyond.BATCH, beyond.INPUT, SCALE)
}


@dataclass(frozen=True, repr=False)
class Derivation(Results):
    """The derivation of one equation or of all: `sections`, each with its `steps`.

    `prove()` and `verify(net, X, Y)` give a derivation that knows what they found: `proofs`, `verification`, `ok`.
    """

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        found = self.verification
        return {
            "ok": self.ok,
            "network": found and found.network,
            "given": found and found.given,
            "rows": found and found.rows,
            "left_out": found and found.left_out,
            "steps": [self._plain(section, step) for section in self.sections for step in section.steps],
        }

    def to_latex(self) -> str:
        """A LaTeX document, with amsmath alone."""
        return latex.document(self)

    def to_html(self) -> str:
        """A page that needs no network: formulas in MathML."""
        return page.document(self)

    def __str__(self) -> str:
        from deltaprop.derivation.terminal import plain

        return plain(self)

    def __repr__(self) -> str:
        names = ", ".join(section.key for section in self.sections)
        return f"<Derivation of {names}: {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        return page.fragment(self)

    def _repr_latex_(self) -> str:
        return latex.formulas(self)

    def _plain(self, section: Section, step: Step) -> dict[str, Any]:
        proof, check = self.proof_of(step), self.check_of(step)
        return {
            "equation": section.key,
            "step": step.key,
            "heading": step.heading,
            "statement": _spelt(step.statement),
            "reason": step.reason.text,
            "shapes": {quantity.term.text: quantity.shape.text for quantity in step.shapes},
            "proved": proof and proof.proved,
            "proof": proof and asdict(proof),
            "verified": check and check.verified,
            "residual": check and check.residual,
            "check": check and asdict(check),
        }


def derive(equation: str | None = None) -> Derivation:
    """The derivation of "BP1", "BP2", "BP3", "BP4", "softmax", "batch", "input" or "scale"; None for all of it.

    Example: `derive("BP2").verify(net, X, Y)`.
    """
    if equation is None:
        return Derivation(tuple(SECTIONS.values()))
    named = {key.lower(): section for key, section in SECTIONS.items()}
    section = named.get(equation.lower()) if isinstance(equation, str) else None
    if section is None:
        raise one_of("equation", equation, SECTIONS)
    return Derivation((section,))


def _spelt(term: Term) -> dict[str, str]:
    return {"unicode": term.text, "latex": term.latex}
