"""Which equation is wrong, in which layer, and how: BP1..BP4 recomputed from the other code's own values.

From the last layer to the first, δ^l is compared with BP1, or with BP2 of the code's own δ^(l+1); then its ∂C/∂b^l with
BP3 and its ∂C/∂W^l with BP4 of its own δ^l. So the layer of the mistake is found, not the layers of its consequences.
If the code does not return δ^l, its gradients determine it: for one example BP3 says that ∂C/∂b^l is δ^l, and by BP4
δ^l can be divided out of ∂C/∂W^l. If the two disagree, δ^l is the one that agrees with the equation above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.verify.findings import LEFT, Finding, filled, right_formula, worst
from deltaprop.verify.here import Here
from deltaprop.verify.mistakes import FITTED, MISTAKES
from deltaprop.verify.seen import Seen
from deltaprop.verify.truth import Truth, each, rtol

AXES = {"BP1": ("unit", "example"), "BP2": ("unit", "example"), "BP3": ("unit", "example")}
AXES_4 = ("example", "row", "column")


@dataclass(frozen=True)
class Named:
    """A mistake that gives exactly the numbers that were seen."""

    name: str
    formula: str
    says: str
    number: float | None = None


def localise(truth: Truth, seen: Seen, cost_factor: float = 1.0) -> list[Finding]:
    """Every equation that fails on single examples, from the last layer to the first; [] if all hold."""
    search = _Search(truth, seen, cost_factor)
    for l in range(truth.L, 0, -1):
        search.layer(l)
    return search.found


class _Search:
    """The walk from the last layer to the first; `deltas` are the other code's own, as far as they are known."""

    def __init__(self, truth: Truth, seen: Seen, cost_factor: float) -> None:
        self.truth, self.seen, self.factor = truth, seen, cost_factor
        self.deltas: dict[int, Array] = {}
        self.found: list[Finding] = []

    def layer(self, l: int) -> None:
        """Judge δ^l, ∂C/∂b^l and ∂C/∂W^l."""
        low, high, slack = self._expected(l)
        right, db, dW = (low + high) / 2, self.seen.db[l], self.seen.dW[l]

        def follows(delta: Array) -> bool:
            return bool(((delta >= low - slack) & (delta <= high + slack)).all())

        if l in self.seen.delta:
            self._take(l, self.seen.delta[l], right, follows)
        elif follows(db):
            self._take(l, db, right, follows)
        elif self._outer(l, right, dW):
            self._take(l, divided_out(dW, self.truth.a[l - 1], right), right, follows)
        elif self._outer(l, db, dW):
            self._take(l, db, right, follows)
        else:
            self._take(l, self._likeliest(l, db, dW, right), right, follows)

    def _expected(self, l: int) -> tuple[Array, Array, Array]:
        if l < self.truth.L:
            return self.truth.hidden_error_range(l, self.deltas[l + 1])
        low, high, slack = self.truth.output_error_range()
        return self.factor * low, self.factor * high, abs(self.factor) * slack

    def _outer(self, l: int, delta: Array, dW: Array) -> bool:
        gap = np.abs(dW - each(delta, self.truth.a[l - 1]))
        return bool((gap <= self.truth.outer_slack(l, delta)).all())

    def _likeliest(self, l: int, db: Array, dW: Array, right: Array) -> Array:
        """δ^l if ∂C/∂b^l, ∂C/∂W^l and the equation disagree: the one that a known mistake explains."""
        equation = "BP1" if l == self.truth.L else "BP2"
        from_dW = divided_out(dW, self.truth.a[l - 1], right)
        is_outer = len(self.truth.a[l - 1]) > 1 and self._outer(l, from_dW, dW)  # n (n_(l-1)) numbers made of n
        candidates = [from_dW, db] if is_outer else [db]
        for delta in candidates:
            if self._name(equation, l, right, delta, right):
                return delta
        outer = each(right, self.truth.a[l - 1])
        by_itself = self._name("BP3", l, right, db, right), self._name("BP4", l, right, dW, outer)
        return right if any(by_itself) else candidates[0]

    def _take(self, l: int, delta: Array, right: Array, follows: Callable[[Array], bool]) -> None:
        """Settle on δ^l, and write down which of the three equations fail."""
        self.deltas[l] = delta
        if not follows(delta):
            self._report("BP1" if l == self.truth.L else "BP2", l, right, delta)
        near = np.abs(self.seen.db[l] - delta) <= rtol(self.truth.eps) * np.abs(delta) + self.truth.eps * 1e-3
        if not (near.all() or (follows(delta) and follows(self.seen.db[l]))):
            self._report("BP3", l, delta, self.seen.db[l])
        if not self._outer(l, delta, self.seen.dW[l]):
            self._report("BP4", l, each(delta, self.truth.a[l - 1]), self.seen.dW[l])

    def _report(self, equation: str, l: int, right: Array, got: Array) -> None:
        if _rounded(got, right, self.truth.eps):
            return
        left = filled(LEFT[equation], l, self.truth.L)
        named = self._name(equation, l, self.deltas[l], got, right)
        if named:
            text = f"your {left} equals {named.formula}: {named.says}."
        else:
            own = f" of your own δ^{l + 1}" if equation == "BP2" else f" of your own δ^{l}" if equation == "BP4" else ""
            says = right_formula(equation, l, self.truth.spec).split(" = ")[1]
            text = f"your {left} is not {says}{own}, and no known mistake gives these numbers."
        self.found.append(
            Finding(
                layer=l,
                equation=equation,
                mistake=named.name if named else "",
                text=text,
                formula=right_formula(equation, l, self.truth.spec),
                number=named.number if named else None,
                **worst(right, got, left, AXES.get(equation, AXES_4)),
            )
        )

    def _name(self, equation: str, l: int, delta: Array, got: Array, right: Array) -> Named | None:
        here = Here(self.truth, l, {**self.deltas, l: delta}, got)
        return next(_named(equation, here, got, right), None)


def _named(equation: str, here: Here, got: Array, right: Array) -> Iterator[Named]:
    """The known mistakes that give these numbers: as they stand, with a number of their own, times a factor."""
    l, L, eps = here.l, here.truth.L, here.truth.eps
    for fitted in FITTED.get(equation, ()):
        value = _value(fitted.direction, here, right.shape)
        c = None if value is None else ratio(got - right, value, eps, of=got)
        if c is not None:
            yield Named(fitted.name, filled(fitted.formula, l, L, c), filled(fitted.says, l, L, c), c)
    size = float(np.abs(right).max(initial=0.0))
    wrongs = []
    for mistake in MISTAKES[equation]:
        value = _value(mistake.wrong, here, right.shape)
        if value is None or same(value, right, eps, size):  # not a mistake here, as with σ' of a for ReLU
            continue
        wrongs.append((mistake, value))
        if same(got, value, eps, size):
            yield Named(mistake.name, filled(mistake.formula, l, L), filled(mistake.says, l, L))
    c = ratio(got, right, eps)
    if c is not None and abs(c - 1) > 1e-5:  # nearer to 1 it is an inexactness, not a factor
        yield _times(c, equation, here)
    for mistake, value in wrongs:
        c = ratio(got, value, eps)
        if c is not None:
            formula = f"{c:.6g} times {filled(mistake.formula, l, L)}"
            yield Named(mistake.name, formula, f"{filled(mistake.says, l, L)}, and there is a factor {c:.6g}", c)


def _value(wrong: Callable[[Here], Array], here: Here, shape: tuple[int, ...]) -> Array | None:
    """The mistake's value; None if its shapes do not fit here or it is not finite."""
    try:
        with np.errstate(all="ignore"):
            value = wrong(here)
    except (KeyError, ValueError):
        return None
    return value if value.shape == shape and np.isfinite(value).all() else None


def _times(c: float, equation: str, here: Here) -> Named:
    """The right value times a factor, with the reason for a usual one."""
    formula = right_formula(equation, here.l, here.truth.spec).split(" = ")[1].removesuffix(", as σ' cancels")
    if abs(c + 1) < 1e-4:
        return Named("sign", f"-({formula})", "the sign is wrong", c)
    n_L = here.truth.spec.sizes[-1]
    reasons = {2.0: "a factor 2, as of ‖a - y‖² without the ½", 1 / n_L: "a mean over the outputs as well",
               2 / n_L: "a factor 2, and a mean over the outputs as well"}  # fmt: skip
    usual = [says for number, says in reasons.items() if equation == "BP1" and abs(c / number - 1) < 1e-4]
    says = usual[0] if usual else f"a factor {c:.6g} too many"
    return Named("factor", f"{c:.6g} times {formula}", says, c)


def _rounded(got: Array, right: Array, eps: float) -> bool:
    """Whether these differ by no more than sums of the array's larger numbers are rounded, small elements too."""
    top = float(np.abs(right).max(initial=0.0))
    return bool((np.abs(got - right) <= rtol(eps) * (np.abs(right) + 1e-2 * top)).all())


def same(got: Array, value: Array, eps: float, size: float = 0.0) -> bool:
    """Whether these are the same numbers up to the rounding of numbers of this size, or of their own; 0 is exact."""
    exact, floor = (1e-7, 1e-3) if eps < 1e-12 else (2e-4, 1e-2)
    top = float(np.abs(value).max(initial=0.0))
    if top == 0:
        return not got.any()
    return bool((np.abs(got - value) <= exact * (np.abs(value) + floor * max(top, size))).all())


def ratio(got: Array, value: Array, eps: float, of: Array | None = None) -> float | None:
    """c ≠ 0 with got = c value up to rounding; None if there is none. Rounding is that of `of`, by default c value."""
    top = float(np.abs(value).max(initial=0.0))
    if not 0 < top < np.inf:
        return None
    unit = value / top  # its squares neither underflow nor overflow
    c = float((got / top * unit).sum() / (unit * unit).sum())
    if of is None:
        return c if abs(c) > 1e-9 and same(got, c * value, eps) else None
    return c if abs(c) > 1e-9 and same(of, of - got + c * value, eps) else None


def divided_out(dW: Array, a_prev: Array, otherwise: Array) -> Array:
    """δ (n, m) from ∂C/∂W (m, n, k) = δ aᵀ, the least squares of it; `otherwise` for an example whose a is 0."""
    top = np.abs(a_prev).max(axis=0)
    unit = a_prev / np.where(top > 0, top, 1.0)  # its squares neither underflow nor overflow
    delta = np.einsum("ijk,ki->ji", dW, unit) / np.where(top > 0, top * (unit * unit).sum(axis=0), 1.0)
    return np.where(top > 0, delta, otherwise)
