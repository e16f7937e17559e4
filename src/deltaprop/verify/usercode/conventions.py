"""A different convention is not a mistake: the factor of the cost, the sum over the batch, a penalty on the weights.

If the user states the convention, the code must follow it. If the code returns its own cost, that cost decides: the
gradient must be the gradient of it. Otherwise the difference becomes a question that names the option.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, one_of, sentence
from deltaprop.verify.batches import batch_share, localise_batch
from deltaprop.verify.findings import Finding, right_formula
from deltaprop.verify.localise import localise
from deltaprop.verify.seen import Seen
from deltaprop.verify.truth import Truth
from deltaprop.verify.usercode.collect import cost_line

BATCHES = ("mean", "sum")
CLOSE = 1e-4


@dataclass(frozen=True)
class Said:
    """The conventions of the code as the user states them; None if not stated.

    `batch`: whether its cost is the mean over the examples or the sum. `cost_factor`: how many times C its cost is.
    `l2`: the λ of ½ λ ‖W‖² in its cost, and so of λ W^l in its ∂C/∂W^l.
    """

    batch: str | None = None
    cost_factor: float | None = None
    l2: float | None = None

    def checked(self) -> Said:
        """Itself, or an ArgumentError."""
        if self.batch is not None and self.batch not in BATCHES:
            raise one_of("batch", self.batch, BATCHES)
        for name, value, least in (("cost_factor", self.cost_factor, "a positive"), ("l2", self.l2, "a")):
            if value is not None and not (np.isfinite(value) and (value > 0 or (name == "l2" and value == 0))):
                must = f"{least} number" if name == "cost_factor" else "0 or a positive number"
                raise ArgumentError(sentence(name, must, repr(value)))
        return self


@dataclass
class Judgement:
    """The result: mistakes, questions (conventions that nothing settles), remarks (those that are settled)."""

    findings: list[Finding] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def judge(truth: Truth, seen: Seen, said: Said) -> Judgement:
    """Compare the code's numbers with BP1..BP4 in the convention that is stated, shown, or asked for."""
    return _Judge(truth, seen, said).judgement()


class _Judge:
    def __init__(self, truth: Truth, seen: Seen, said: Said) -> None:
        self.truth, self.said, self.out = truth, said, Judgement()
        self.seen = seen.without_penalty(said.l2 or 0.0, truth.W)
        self.line = None if seen.costs is None else cost_line(seen.costs, truth)
        self.factor = said.cost_factor or 1.0
        self.l2 = said.l2 or 0.0

    def judgement(self) -> Judgement:
        found = localise(self.truth, self.seen, self.factor)
        found = self._cost_factor(found)
        found = self._penalty(found)
        found = [self._left_out(finding) for finding in found]
        whole = not any(finding.mistake in ("", "stale_activations", "accumulated") for finding in found)
        if self.seen.batch_db and whole:
            found += self._batch()
        self.out.findings = found
        if self.line and not found and not self.out.remarks and abs(self.line[0] / self.factor - 1) > CLOSE:
            own, of = _times(self.line[0]), _times(self.factor)
            self.out.remarks.append(f"The cost that you return is {own} C; your gradient is that of {of} C.")
        a = self.seen.outputs
        if found and a is not None and not np.allclose(a, self.truth.a[-1], rtol=1e-3, atol=1e-6):
            self.out.remarks.append(f"What your forward returns is not a^{self.truth.L}: look there first.")
        if self.line is None and self.seen.costs is not None and found:
            self.out.remarks.append(
                "The costs that you return are not those of this network on these examples: look at forward, and at "
                "the cost, before backpropagation."
            )
        return self.out

    def _cost_factor(self, found: list[Finding]) -> list[Finding]:
        """A usual factor in BP1 and nothing else in it: the cost may have it too."""
        first = found[0] if found else None
        if self.said.cost_factor is not None or first is None or (first.equation, first.mistake) != ("BP1", "factor"):
            return found
        c = _usual(first.number or 0.0, self.truth.spec)
        if c is None:
            return found
        costs = "the cost that you return"
        if self.line and abs(self.line[0] / c - 1) < CLOSE:
            self.out.remarks.append(f"Your cost is {_times(c)} C, and so is your gradient (--cost-factor {c:.6g}).")
        elif self.line:
            own = "C itself" if abs(self.line[0] - 1) < CLOSE else f"{self.line[0]:.6g} C"
            text = f"{first.text[:-1]}; {costs} is {own}, and the gradient must be of that."
            return [replace(first, text=text), *found[1:]]
        else:
            what = _meaning(c, self.truth.spec)
            self.out.questions.append(
                f"Every gradient is {c:.6g} times the book's, from δ^{first.layer} on. That is right if your cost is "
                f"{what}: then say --cost-factor {c:.6g}. If it is C, BP1 of layer {first.layer} has that factor "
                "too many (--cost-factor 1 says so)."
            )
        return localise(self.truth, self.seen, c)

    def _penalty(self, found: list[Finding]) -> list[Finding]:
        """The same λ W^l in every ∂C/∂W^l (and λ b^l in every ∂C/∂b^l): the cost may have the penalty too."""
        parts = [finding for finding in found if finding.mistake == "penalty" and finding.equation == "BP4"]
        beta = self.line[1] if self.line else None
        if self.said.l2 is not None:
            return found
        if not parts:
            return found + self._penalty_left_out(found, beta)
        l2 = self._common_number(parts)
        if l2 is None or "sign(" in parts[0].text:
            return found
        expected = 0.5 * l2 * sum(float((W * W).sum()) for W in self.truth.W)
        biases = [finding for finding in found if finding.mistake == "penalty" and finding.equation == "BP3"]
        both = expected + 0.5 * l2 * sum(float((b * b).sum()) for b in self.truth.b)
        if self._common_number(biases) == l2 and beta is not None and abs(beta / both - 1) < 1e-3:
            parts += biases
            expected = both
        if beta is not None and any(abs(beta - c * expected) < 1e-3 * expected for c in (0.0, 0.5, 2.0)):
            return [
                self._not_in_the_cost(finding, beta / expected) if finding in parts else finding for finding in found
            ]
        self.l2 = l2
        self.seen = self.seen.without_penalty(l2, self.truth.W)
        if beta is not None and abs(beta / expected - 1) < 1e-3:
            self.out.remarks.append(f"Your cost has the penalty ½ λ ‖W‖² with λ = {l2:.6g}, and so has your gradient.")
        else:
            self.out.questions.append(
                f"Every ∂C/∂W^l is right except for {l2:.6g} W^l. That is right if your cost has the penalty ½ λ ‖W‖² "
                f"with λ = {l2:.6g}: then say --l2 {l2:.6g}. If it has none, BP4 counts a penalty in (--l2 0 says so)."
            )
        return [finding for finding in found if finding not in parts]

    def _common_number(self, findings: list[Finding]) -> float | None:
        """λ, if it is the same in all layers."""
        numbers = [finding.number or 0.0 for finding in findings]
        alike = len(numbers) == self.truth.L and np.ptp(numbers) < CLOSE * abs(numbers[0])
        return float(f"{numbers[0]:.6g}") if alike else None

    def _not_in_the_cost(self, finding: Finding, share: float) -> Finding:
        its = "has none" if abs(share) < 0.1 else f"has it with λ = {share * (finding.number or 0.0):.6g}"
        return replace(finding, text=f"{finding.text[:-1]}, and the cost that you return {its}.")

    def _penalty_left_out(self, found: list[Finding], beta: float | None) -> list[Finding]:
        """A cost that is C and a constant more, as of ½ λ ‖W‖², and a gradient without it."""
        costs = self.seen.costs
        if beta is None or costs is None or beta <= CLOSE * float(np.abs(costs).max()):
            return []
        if any(finding.equation == "BP4" for finding in found):
            return []
        L = self.truth.L
        text = (
            f"the cost that you return is C + {beta:.6g}, as with a penalty on the weights, and your ∂C/∂W^{L} is "
            f"that of C alone: the penalty's part is left out."
        )
        return [Finding(L, "BP4", "penalty_left_out", text, f"{right_formula('BP4', L, self.truth.spec)} + λ W^{L}")]

    def _left_out(self, finding: Finding) -> Finding:
        """A penalty that is stated and not there: its part, subtracted beforehand, shows as -λ W."""
        l2, c = self.said.l2, finding.number
        if not l2 or finding.mistake != "penalty" or c is None or abs(c / -l2 - 1) > CLOSE:
            return finding
        l = finding.layer
        text = f"your ∂C/∂W^{l} equals δ^{l} (a^{l - 1})ᵀ: the penalty's part, {l2:.6g} W^{l}, is left out."
        return replace(finding, mistake="penalty_left_out", text=text)

    def _batch(self) -> list[Finding]:
        """The batch against the examples alone, and whether it is their sum or their mean."""
        share = batch_share(self.truth, self.seen, self.said.batch)
        found = localise_batch(self.truth, self.seen, share)
        if found and self.l2:
            found = self._penalty_by_the_batch(found, share)
        if share == 1.0 and self.said.batch is None and self.truth.m > 1 and not found:
            if self.seen.batch_cost is not None and self.seen.costs is not None:
                self.out.remarks.append(
                    "Your cost is the sum over the examples, and so is your gradient (--batch sum)."
                )
            else:
                L = self.truth.L
                self.out.questions.append(
                    "Every gradient of a batch is the sum over its examples. That is right if your cost is the sum: "
                    f"then say --batch sum. If it is the mean, BP1 of layer {L} lacks the factor 1/m "
                    "(--batch mean says so)."
                )
        return found

    def _penalty_by_the_batch(self, found: list[Finding], share: float) -> list[Finding]:
        """A penalty that is divided by m, as Nielsen's λ/n, or multiplied by it in a sum: no mistake of the batch."""
        m, l2 = self.truth.m, self.l2
        for of_batch in (l2 / m, l2 * m):
            batch_dW = {l: dW + (l2 - of_batch) * self.truth.W[l] for l, dW in self.seen.batch_dW.items()}
            if not localise_batch(self.truth, replace(self.seen, batch_dW=batch_dW), share):
                self.out.remarks.append(f"For {m} examples together the penalty's λ is {of_batch:.6g}.")
                return []
        return found


def _usual(c: float, spec: Spec) -> float | None:
    """A usual factor: 2, ½, and a mean or a sum over the outputs."""
    n_L = spec.sizes[-1]
    return next((f for f in (2.0, 0.5, 1 / n_L, 2 / n_L, float(n_L)) if f != 1 and abs(c / f - 1) < CLOSE), None)


def _times(c: float) -> str:
    return f"{c:.6g} times"


def _meaning(c: float, spec: Spec) -> str:
    if spec.cost.name == "quadratic":
        n_L = spec.sizes[-1]
        names = {2.0: "‖a - y‖², without the ½", 2 / n_L: "the mean of (a_j - y_j)² over the outputs, without the ½",
                 1 / n_L: "½ times the mean of (a_j - y_j)² over the outputs"}  # fmt: skip
        return next((name for f, name in names.items() if abs(c / f - 1) < CLOSE), f"{c:.6g} times C")
    return f"{c:.6g} times C"
