"""What the founding text leaves open: an output that is not elementwise, several examples, the input."""

from __future__ import annotations

from deltaprop.core import equations as eq
from deltaprop.core.activations import softmax_jacobian
from deltaprop.derivation import terms as t
from deltaprop.derivation.notation import (
    beside,
    close,
    d,
    diag,
    equal,
    infix,
    minus,
    of,
    paren,
    prose,
    sym,
    total,
    transposed,
)
from deltaprop.derivation.setting import applied, one_by_one, turned
from deltaprop.derivation.steps import Quantity, Section, Side, Step

_A_OUT = Quantity(t.A_OUT, ("L",), lambda s, l: s.a(l))
_SOFTMAX_JACOBIAN = infix("−", diag(t.A_OUT), beside(t.A_OUT, transposed(t.A_OUT)))
_GENERAL = beside(transposed(t.DA_DZ_OUT.term), t.GRAD_A.term)
_MULTIPLIED = infix(
    "⊙",
    t.A_OUT,
    paren(
        infix("−", t.GRAD_A.term, beside(paren(beside(transposed(t.A_OUT), t.GRAD_A.term)), sym("1"))),
    ),
)

_A_J, _A_K, _Z_J = sym("a", "L", "j"), sym("a", "L", "k"), sym("z", "L", "j")
_SOFTMAX = equal(_A_K, infix("/", of(sym("exp"), sym("z", "L", "k")), total("j", of(sym("exp"), _Z_J))))
_NUMBER = beside(transposed(t.A_OUT), t.GRAD_A.term)
_SHARE = sym("s", sub="i")
_SHARE_I = Quantity(_SHARE, (), lambda s, l: s.share)
_DELTA_OUT_I = Quantity(sym("δ", "L", "i"), ("L",), t.DELTA_OUT.value)
_A_OUT_I = Quantity(sym("a", "L", "i"), ("L",), lambda s, l: s.a(l))
_Y_I = Quantity(sym("y", sub="i"), ("L",), lambda s, l: s.y)

SOFTMAX = Section(
    "softmax",
    "BP1 in General: Softmax",
    equal(t.DELTA_OUT.term, _GENERAL),
    prose("Where an output depends on every {}, the Jacobian is full, and BP1 keeps it.", _Z_J),
    (
        Step(
            "softmax.1",
            "Apply the Chain Rule to Every Output",
            prose(
                "Each {} reaches {} through all the outputs {}, so the chain rule sums over {}.",
                _Z_J,
                t.C,
                _A_K,
                sym("k"),
            ),
            (
                t.side(t.DELTA_OUT),
                t.side(t.DC_DZ_OUT),
                Side(_GENERAL, lambda s, l: eq.bp1_general(t.DA_DZ_OUT.value(s, l), t.GRAD_A.value(s, l))),
            ),
            (t.DELTA_OUT, t.DA_DZ_OUT, t.GRAD_A),
            layers="output",
        ),
        Step(
            "softmax.2",
            "Compute the Jacobian",
            prose(
                "In {} the numerator gives {} on the diagonal, and the denominator {} everywhere.",
                _SOFTMAX,
                _A_K,
                minus(beside(_A_K, _A_J)),
            ),
            (t.side(t.DA_DZ_OUT), Side(_SOFTMAX_JACOBIAN, lambda s, l: softmax_jacobian(s.a(l)))),
            (t.DA_DZ_OUT, _A_OUT),
            layers="output",
            output="softmax",
        ),
        Step(
            "softmax.3",
            "Multiply Out",
            prose(
                "The full Jacobian need not be formed: {} is one number, and {} the vector of ones.", _NUMBER, sym("1")
            ),
            (
                t.side(t.DELTA_OUT),
                Side(
                    beside(transposed(_SOFTMAX_JACOBIAN), t.GRAD_A.term),
                    lambda s, l: applied(turned(softmax_jacobian(s.a(l))), t.GRAD_A.value(s, l)),
                ),
                Side(_MULTIPLIED, lambda s, l: eq.bp1_softmax(t.GRAD_A.value(s, l), s.a(l))),
            ),
            (t.DELTA_OUT, _A_OUT, t.GRAD_A),
            layers="output",
            output="softmax",
        ),
        Step(
            "softmax.4",
            "Let a Canonical Pair Cancel",
            prose(
                "For softmax or sigmoid with cross-entropy (softmax: where {} sums to 1), identity with the quadratic "
                "cost and exp with Poisson's all factors cancel but the residual and the example's share {} of the "
                "cost, 1 where it is alone.",
                _Y_I.term,
                _SHARE,
            ),
            (
                t.side(_DELTA_OUT_I),
                Side(
                    beside(_SHARE, paren(infix("−", _A_OUT_I.term, _Y_I.term))),
                    lambda s, l: eq.bp1_canonical(s.a(l), s.y, s.share),
                ),
            ),
            (_DELTA_OUT_I, _A_OUT_I, _Y_I, _SHARE_I),
            layers="output",
            output="canonical",
        ),
    ),
)

_C_I = sym("C", sub="i")
_DELTA_I, _A_I = sym("δ", "l", "i"), sym("a", "l-1", "i")
_ONE = beside(_DELTA_I, transposed(_A_I))
_COLUMNS = Quantity(sym("δ", "l"), ("l", "m"), t.DELTA.value, whole=True)
_INPUTS = Quantity(t.A_BEFORE, ("l-1", "m"), lambda s, l: s.a(l - 1), whole=True)
_DC_DB = Quantity(t.DC_DB.term, ("l",), lambda s, l: s.gradient("b", l), whole=True)
_DC_DW = Quantity(t.DC_DW.term, ("l", "l-1"), lambda s, l: s.gradient("W", l), whole=True)
_DC_DA_I = Quantity(d(t.C, sym("a", "L", "i")), ("L",), t.DC_DA_OUT.value)
_GRAD_A_I = Quantity(close(sym("∇", sub="a"), _C_I), ("L",), lambda s, l: s.grad_a())
_DELTA_ONE = Quantity(_DELTA_I, ("l",), t.DELTA.value)
_ALONE = Quantity(d(_C_I, sym("z", "l", "i")), ("l",), lambda s, l: s.alone(l))

BATCH = Section(
    "batch",
    "Several Examples: the Batch",
    equal(t.C, total("i", beside(_SHARE, _C_I))),
    prose(
        "Each example {} has its own column, and its share {} of the cost: {} for a plain mean over {} examples.",
        sym("i"),
        _SHARE,
        infix("/", sym("1"), sym("m")),
        sym("m"),
    ),
    (
        Step(
            "batch.1",
            "Put the Mean into the Cost",
            prose("{} is a sum, and only the term of example {} contains its activations.", t.C, sym("i")),
            (
                t.side(_DC_DA_I),
                Side(beside(_SHARE, _GRAD_A_I.term), lambda s, l: s.share * s.grad_a()),
            ),
            (_DC_DA_I, _GRAD_A_I, _SHARE_I),
            layers="output",
            batch=True,
        ),
        Step(
            "batch.2",
            "Keep the Examples Apart",
            prose(
                "BP1 and BP2 are linear in the error and work column by column, so the share is carried to every layer."
            ),
            (t.side(_DELTA_ONE), Side(beside(_SHARE, _ALONE.term), lambda s, l: s.share * s.alone(l))),
            (_DELTA_ONE, _ALONE, _SHARE_I),
            batch=True,
        ),
        Step(
            "batch.3",
            "Sum BP3 over the Examples",
            prose("All examples share the bias, so their gradients add up; the mean is already in {}.", _DELTA_I),
            (
                t.side(_DC_DB),
                Side(total("i", _DELTA_I), lambda s, l: eq.bp3(t.DELTA.value(s, l))),
            ),
            (_DC_DB, _DELTA_ONE),
            layers="dense",
            batch=True,
        ),
        Step(
            "batch.4",
            "Read BP4 as a Product of Matrices",
            prose(
                "With one column for each example, a product of matrices is the sum of the examples' outer products."
            ),
            (
                t.side(_DC_DW),
                Side(
                    total("i", _ONE),
                    lambda s, l: one_by_one("bp4", t.DELTA.value(s, l), s.a(l - 1)).sum(axis=-1),
                ),
                Side(
                    beside(_COLUMNS.term, transposed(_INPUTS.term)),
                    lambda s, l: eq.bp4(t.DELTA.value(s, l), s.a(l - 1)),
                ),
            ),
            (_DC_DW, _COLUMNS, _INPUTS),
            layers="dense",
            batch=True,
        ),
    ),
)

INPUT = Section(
    "input",
    "BP2 One Layer Further: the Input",
    equal(t.DC_DX.term, beside(transposed(t.W_FIRST.term), t.DELTA_FIRST.term)),
    prose(
        "The input {} is no {} of anything, so BP2 ends without its Hadamard product.",
        equal(t.X, sym("a", "0")),
        t.SIGMA,
    ),
    (
        Step(
            "input.1",
            "Link the Input to the First Layer",
            prose("{} reaches {} only through {}.", t.X, t.C, sym("z", "1")),
            (t.side(t.DC_DX), t.turned_times(t.DZ_DX, t.DC_DZ_FIRST)),
            (t.DC_DX, t.DZ_DX, t.DC_DZ_FIRST),
            layers="first",
        ),
        Step(
            "input.2",
            "Differentiate the Linear Transformation",
            prose(
                "{} is linear in {}.", equal(sym("z", "1"), infix("+", beside(t.W_FIRST.term, t.X), sym("b", "1"))), t.X
            ),
            (t.side(t.DZ_DX), t.side(t.W_FIRST)),
            (t.DZ_DX, t.W_FIRST),
            layers="first",
        ),
        Step(
            "input.3",
            "Final Form",
            prose("By definition {} is {}.", t.DELTA_FIRST.term, t.DC_DZ_FIRST.term),
            (
                t.side(t.DC_DX),
                Side(
                    beside(transposed(t.W_FIRST.term), t.DELTA_FIRST.term),
                    lambda s, l: eq.bp2_input(s.W(1), t.DELTA_FIRST.value(s, l)),
                ),
            ),
            (t.DC_DX, t.W_FIRST, t.DELTA_FIRST),
            layers="first",
        ),
    ),
)
