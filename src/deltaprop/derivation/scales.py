"""A layer of scales: BP2 and BP4 for a layer whose weights are a diagonal matrix."""

from __future__ import annotations

from deltaprop.core import equations as eq
from deltaprop.derivation import terms as t
from deltaprop.derivation.notation import Term, beside, diag, equal, infix, paren, prose, sym, total
from deltaprop.derivation.setting import applied, diagonal, one_by_one, product, turned
from deltaprop.derivation.steps import Quantity, Section, Side, Step


def _own(letter: str, layer: str) -> Term:
    return sym(letter, layer, "j")


_FORWARD = equal(t.Z, infix("⊙", t.S.term, t.A_BEFORE))
_OWN_INPUT = equal(_own("z", "l+1"), beside(_own("s", "l+1"), _own("a", "l")))
_OWN_SCALE = equal(_own("z", "l"), beside(_own("s", "l"), _own("a", "l-1")))
_BELOW = infix("⊙", paren(infix("⊙", t.S_NEXT.term, t.DELTA_NEXT.term)), t.PRIME_L.term)
_TO_INPUT = infix("⊙", t.S_FIRST.term, t.DELTA_FIRST.term)
_GRADIENT = infix("⊙", t.DELTA.term, t.A_PREV.term)
_DIAG_A = Quantity(diag(t.A_BEFORE), ("l", "l"), lambda s, l: diagonal(s.a(l - 1)))
_DC_DS = Quantity(t.DC_DS.term, ("l",), lambda s, l: s.gradient("s", l), whole=True)
_DELTA_I = Quantity(sym("δ", "l", "i"), ("l",), t.DELTA.value)
_A_I = Quantity(sym("a", "l-1", "i"), ("l-1",), t.A_PREV.value)

SCALE = Section(
    "scale",
    "A Layer of Scales",
    equal(t.DC_DS.term, _GRADIENT),
    prose(
        "In {} each unit has one input and one scale: the layer is dense, with a diagonal matrix and {}.",
        _FORWARD,
        equal(t.B, sym("0")),
    ),
    (
        Step(
            "scale.1",
            "Differentiate the Scaling",
            prose("In {} no other activation occurs, so the Jacobian is diagonal.", _OWN_INPUT),
            (t.side(t.DZ_DA), t.side(t.DIAG_S_NEXT)),
            (t.DZ_DA, t.S_NEXT, t.DIAG_S_NEXT),
            layers="below scale",
        ),
        Step(
            "scale.2",
            "Propagate the Error",
            prose("In BP2 the weights are that diagonal matrix, which is its own transpose."),
            (
                t.side(t.DELTA),
                Side(
                    beside(t.DIAG.term, t.DIAG_S_NEXT.term, t.DELTA_NEXT.term),
                    lambda s, l: applied(
                        product(t.DIAG.value(s, l), turned(t.DIAG_S_NEXT.value(s, l))), t.DELTA_NEXT.value(s, l)
                    ),
                ),
                Side(_BELOW, lambda s, l: eq.bp2_scale(s.s(l + 1), t.DELTA_NEXT.value(s, l), s.sigma_prime(l))),
            ),
            (t.DELTA, t.DIAG, t.DIAG_S_NEXT, t.DELTA_NEXT, t.S_NEXT, t.PRIME_L),
            layers="below scale",
        ),
        Step(
            "scale.3",
            "Propagate the Error to the Input",
            prose("If layer 1 scales the input, BP2 ends without its second Hadamard product."),
            (
                t.side(t.DC_DX),
                Side(_TO_INPUT, lambda s, l: eq.bp2_scale_input(s.s(1), t.DELTA_FIRST.value(s, l))),
            ),
            (t.DC_DX, t.S_FIRST, t.DELTA_FIRST),
            layers="first scale",
        ),
        Step(
            "scale.4",
            "Chain Rule via Intermediate z",
            prose("{} reaches {} only through {}.", t.S.term, t.C, t.Z),
            (t.side(t.DC_DS), t.turned_times(t.DZ_DS, t.DC_DZ)),
            (t.DC_DS, t.DZ_DS, t.DC_DZ),
            layers="scale",
        ),
        Step(
            "scale.5",
            "Compute Local Gradient",
            prose("In {} no other scale occurs.", _OWN_SCALE),
            (t.side(t.DZ_DS), t.side(_DIAG_A)),
            (t.DZ_DS, t.A_PREV, _DIAG_A),
            layers="scale",
        ),
        Step(
            "scale.6",
            "Conclusion",
            prose("Multiplying a diagonal matrix by a vector is the Hadamard product."),
            (
                t.side(t.DC_DS),
                t.turned_times(_DIAG_A, t.DELTA),
                Side(_GRADIENT, lambda s, l: one_by_one("bp4_scale", t.DELTA.value(s, l), s.a(l - 1))),
            ),
            (t.DC_DS, _DIAG_A, t.DELTA, t.A_PREV),
            layers="scale",
        ),
        Step(
            "scale.7",
            "Sum over the Examples",
            prose("All examples share the scales, so their gradients add up."),
            (
                t.side(_DC_DS),
                Side(
                    total("i", infix("⊙", _DELTA_I.term, _A_I.term)),
                    lambda s, l: eq.bp4_scale(t.DELTA.value(s, l), s.a(l - 1)),
                ),
            ),
            (_DC_DS, _DELTA_I, _A_I),
            layers="scale",
            batch=True,
        ),
    ),
)
