"""The steps of a derivation, and what was found of them by proof and by verification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from deltaprop.derivation.examples import verify_examples
from deltaprop.derivation.proving import StepProof, prove
from deltaprop.derivation.steps import Section, Step
from deltaprop.derivation.verifying import StepCheck, Verification, verify
from deltaprop.network import Network


@dataclass(frozen=True)
class Results:
    """Sections with their steps; `proofs` and `verification` once `prove` and `verify` have been called."""

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

    def prove(self, *, on_step: Callable[[StepProof], object] | None = None) -> Self:
        """Each step proved with symbols and with fractions; MissingExtraError without SymPy, `deltaprop[symbolic]`."""
        return replace(self, proofs=prove(self.steps, on_step=on_step))

    def verify(self, net: Network, X: object, Y: object, sample_weight: object = None) -> Self:
        """Each step evaluated on this network and these rows in float64, its Jacobians formed; residuals in ulp."""
        return replace(self, verification=verify(self.steps, net, X, Y, sample_weight))

    def verify_examples(self) -> Self:
        """Each step evaluated on small networks that come with the derivation."""
        return replace(self, verification=verify_examples(self.steps))

    def proof_of(self, step: Step) -> StepProof | None:
        """What `prove` found of a step."""
        return next((proof for proof in self.proofs if proof.key == step.key), None)

    def check_of(self, step: Step) -> StepCheck | None:
        """What `verify` found of a step."""
        checks = self.verification.steps if self.verification else ()
        return next((check for check in checks if check.key == step.key), None)
