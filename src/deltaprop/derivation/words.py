"""What was found of a step, in words: the same in the terminal, on a page and in LaTeX."""

from __future__ import annotations

from deltaprop.derivation.proving import StepProof
from deltaprop.derivation.results import Results
from deltaprop.derivation.verifying import StepCheck, Verification

RIGHT, WRONG, ABSENT = "✓", "✗", "–"
ULP = "An ulp is the last binary digit of a float64 number, here of the sum of the terms' sizes: about 2e-16 of it."


def proof_words(proof: StepProof) -> tuple[str, str]:
    """(mark, what was proved)."""
    if not proof.proved:
        return WRONG, f"not proved: the sides differ for {proof.failed}"
    return RIGHT, f"proved in {proof.symbolic} cases with symbols, {proof.rational} with fractions"


def check_words(check: StepCheck) -> tuple[str, str]:
    """(mark, what was verified)."""
    if check.verified is None or check.residual is None:
        return ABSENT, f"not here: {check.note[:1].lower()}{check.note[1:].rstrip('.')}"
    if not check.verified:
        return WRONG, f"wrong by {check.residual:.2g} ulp in layer {check.layer}; rounding explains {check.tolerance:g}"
    size = f"to {check.residual:.2g} ulp" if check.residual else "to the last bit"
    return RIGHT, f"verified {size} in {_layers(check.layers)}"


def _layers(layers: tuple[int, ...]) -> str:
    first, last = layers[0], layers[-1]
    if len(layers) == 1:
        return f"layer {first}"
    return f"layers {first} to {last}" if len(layers) == last - first + 1 else f"layers {', '.join(map(str, layers))}"


def found_of(derivation: Results, key: str) -> list[tuple[str, str]]:
    """Marks and words for a step: of its proof, of its check, of neither."""
    step = next(step for step in derivation.steps if step.key == key)
    proof, check = derivation.proof_of(step), derivation.check_of(step)
    return ([proof_words(proof)] if proof else []) + ([check_words(check)] if check else [])


def summary(derivation: Results) -> list[str]:
    """What was found of all steps, one sentence each."""
    steps, found, lines = len(derivation.steps), derivation.verification, []
    if derivation.proofs:
        proved = sum(proof.proved for proof in derivation.proofs)
        lines.append(f"{proved} of {steps} steps proved, without any tolerance. A case is one layer of one network.")
    if found:
        verified = [check for check in found.steps if check.verified]
        absent = sum(check.verified is None for check in found.steps)
        rest = f", {absent} not about it" if absent else ""
        lines.append(f"{len(verified)} of {steps} steps verified{rest}, on {found.network}; {_rows(found)}.")
        worst = max((check.residual or 0.0 for check in verified), default=0.0)
        lines.append(f"Largest distance between two sides: {worst:.2g} ulp. {ULP}")
    return lines


def _rows(found: Verification) -> str:
    taken = found.rows + found.left_out
    rows = f"{taken:,} row{'s' * (taken != 1)}"
    if taken < found.given:
        rows = f"the first{f' {taken:,}' if taken > 1 else ''} of {found.given:,} rows"
    return rows + (f", {found.left_out:,} of them left out: ∇C is infinite there" if found.left_out else "")
