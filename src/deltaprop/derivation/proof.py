"""What `derive` gives: the steps, to read, to prove and to verify. It shows itself in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from deltaprop.derivation import beyond, book, latex, page
from deltaprop.derivation.examples import verify_examples
from deltaprop.derivation.notation import Term
from deltaprop.derivation.proving import StepProof, prove
from deltaprop.derivation.steps import Section, Step
from deltaprop.derivation.verifying import StepCheck, Verification, verify
from deltaprop.errors import one_of
from deltaprop.network import Network

SECTIONS = {
    section.key: section
    for section in (book.BP1, book.BP2, book.BP3, book.BP4, beyond.SOFTMAX, beyond.BATCH, beyond.INPUT)
}


@dataclass(frozen=True)
class Derivation:
    """The derivation of one equation or of all: `sections`, each with its `steps`.

    `prove()` and `verify(net, X, Y)` give a derivation that knows what they found: `proofs`, `verification`, `ok`.
    """

    sections: tuple[Section, ...]
    proofs: tuple[StepProof, ...] = field(default=(), repr=False)
    verification: Verification | None = field(default=None, repr=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return tuple(step for section in self.sections for step in section.steps)

    @property
    def ok(self) -> bool:
        """Whether nothing that was proved or verified has failed."""
        verified = self.verification is None or self.verification.ok
        return verified and all(proof.proved for proof in self.proofs)

    def prove(self, *, on_step: Callable[[StepProof], object] | None = None) -> Derivation:
        """Each step proved with symbols and with fractions; MissingExtraError without SymPy, `deltaprop[symbolic]`."""
        return replace(self, proofs=prove(self.steps, on_step=on_step))

    def verify(self, net: Network, X: object, Y: object, sample_weight: object = None) -> Derivation:
        """Each step evaluated on this network and these rows in float64, its Jacobians formed; residuals in ulp."""
        return replace(self, verification=verify(self.steps, net, X, Y, sample_weight))

    def verify_examples(self) -> Derivation:
        """Each step evaluated on three small networks that come with the derivation."""
        return replace(self, verification=verify_examples(self.steps))

    def proof_of(self, step: Step) -> StepProof | None:
        """What `prove` found of a step."""
        return next((proof for proof in self.proofs if proof.key == step.key), None)

    def check_of(self, step: Step) -> StepCheck | None:
        """What `verify` found of a step."""
        checks = self.verification.steps if self.verification else ()
        return next((check for check in checks if check.key == step.key), None)

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
    """The derivation of "BP1", "BP2", "BP3", "BP4", "softmax", "batch" or "input", step by step; None for all of it.

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
