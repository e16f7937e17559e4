"""BP1..BP4 as the founding text derives them: its headings, its steps, its order."""

from __future__ import annotations

from deltaprop.core import equations as eq
from deltaprop.derivation import terms as t
from deltaprop.derivation.notation import Term, beside, equal, infix, of, paren, prose, sym, total, transposed
from deltaprop.derivation.setting import applied, one_by_one, product, turned
from deltaprop.derivation.steps import Section, Side, Step


def _vector(layer: str) -> Term:
    return infix("×", sym("n", sub=layer), sym("1"))


_BP1_FORM = infix("⊙", t.GRAD_A.term, t.PRIME_OUT.term)
_BP2_FORM = infix("⊙", paren(beside(transposed(t.W_NEXT.term), t.DELTA_NEXT.term)), t.PRIME_L.term)
_BP4_FORM = beside(t.DELTA.term, transposed(t.A_PREV.term))

_B_J = sym("b", "l", "j")
_FORWARD = equal(t.Z, infix("+", beside(sym("W", "l"), t.A_BEFORE), t.B))
_FORWARD_NEXT = equal(t.Z_NEXT, infix("+", beside(t.W_NEXT.term, t.A), sym("b", "l+1")))
_ACTIVATION = equal(t.A, of(t.SIGMA, t.Z))
_OWN_INPUT = equal(sym("a", "L", "j"), of(t.SIGMA, sym("z", "L", "j")))
_ONE_SUM = equal(t.Z_J, infix("+", total("m", beside(sym("w", "l", "jm"), sym("a", "l-1", "m"))), _B_J))
_TRANSPOSED_PRODUCT = equal(transposed(beside(sym("A"), sym("B"))), beside(transposed(sym("B")), transposed(sym("A"))))

INTRODUCTION = prose(
    "Backpropagation calculates the partial derivatives of the cost {} with respect to every weight and bias.", t.C
)
CONVENTIONS = (
    (t.A, prose("activations of layer {}; {} is the input", t.LAYER, equal(sym("a", "0"), t.X)), _vector("l")),
    (t.Z, prose("weighted inputs of layer {}: {}", t.LAYER, _FORWARD), _vector("l")),
    (sym("W", "l"), prose("weights of layer {}", t.LAYER), infix("×", sym("n", sub="l"), sym("n", sub="l-1"))),
    (t.B, prose("biases of layer {}", t.LAYER), _vector("l")),
    (t.DELTA.term, prose("error of layer {}, by definition {}", t.LAYER, t.DC_DZ.term), _vector("l")),
    (sym("⊙"), prose("Hadamard product: element by element"), None),
    (t.PRIME_L.term, prose("derivative of the activation function, element by element"), _vector("l")),
)

BP1 = Section(
    "BP1",
    "Error at the Output Layer",
    equal(t.DELTA_OUT.term, _BP1_FORM),
    prose(
        "For an elementwise {}; softmax, whose outputs each depend on every {}, has a section of its own.",
        t.SIGMA,
        t.Z_OUT,
    ),
    (
        Step(
            "BP1.1",
            "Apply the Chain Rule",
            prose("{} depends on {} only through the activations {}.", t.C, t.Z_OUT, t.A_OUT),
            (t.side(t.DELTA_OUT), t.side(t.DC_DZ_OUT), t.turned_times(t.DA_DZ_OUT, t.DC_DA_OUT)),
            (t.DELTA_OUT, t.DC_DZ_OUT, t.DA_DZ_OUT, t.DC_DA_OUT),
            layers="output",
            output="elementwise",
        ),
        Step(
            "BP1.2",
            "Compute the Jacobian",
            prose("Each output depends only on its own input, {}, so the Jacobian is a diagonal matrix.", _OWN_INPUT),
            (t.side(t.DA_DZ_OUT), t.side(t.DIAG_OUT)),
            (t.DA_DZ_OUT, t.PRIME_OUT, t.DIAG_OUT),
            layers="output",
            output="elementwise",
        ),
        Step(
            "BP1.3",
            "Result",
            prose("Multiplying a diagonal matrix by a vector is the Hadamard product."),
            (
                t.side(t.DELTA_OUT),
                t.turned_times(t.DIAG_OUT, t.GRAD_A),
                Side(_BP1_FORM, lambda s, l: eq.bp1(t.GRAD_A.value(s, l), s.sigma_prime(l))),
            ),
            (t.DELTA_OUT, t.DIAG_OUT, t.GRAD_A, t.PRIME_OUT),
            layers="output",
            output="elementwise",
        ),
    ),
)

BP2 = Section(
    "BP2",
    "Propagating Error to Hidden Layers",
    equal(t.DELTA.term, _BP2_FORM),
    prose("The error of layer {} from that of the layer after it.", t.LAYER),
    (
        Step(
            "BP2.1",
            "Link Consecutive Layers",
            prose("{} reaches {} only through {}: the multivariate chain rule.", t.Z, t.C, t.Z_NEXT),
            (
                t.side(t.DELTA),
                t.side(t.DC_DZ),
                t.turned_times(t.DZ_DZ, t.DC_DZ_NEXT),
                t.turned_times(t.DZ_DZ, t.DELTA_NEXT),
            ),
            (t.DELTA, t.DZ_DZ, t.DELTA_NEXT),
            layers="hidden",
        ),
        Step(
            "BP2.2",
            "Differentiate the Linear Transformation",
            prose("{} is linear in {}, and {} is elementwise.", _FORWARD_NEXT, t.A, _ACTIVATION),
            (t.side(t.DZ_DZ), t.matrices("·", t.DZ_DA, t.DA_DZ), t.matrices("·", t.W_NEXT, t.DIAG)),
            (t.DZ_DZ, t.DZ_DA, t.DA_DZ, t.W_NEXT, t.DIAG),
            layers="hidden",
        ),
        Step(
            "BP2.3",
            "Transpose and Simplify",
            prose("{}, and a diagonal matrix is its own transpose.", _TRANSPOSED_PRODUCT),
            (
                t.side(t.DELTA),
                Side(
                    beside(transposed(infix("·", t.W_NEXT.term, t.DIAG.term)), t.DELTA_NEXT.term),
                    lambda s, l: applied(
                        turned(product(t.W_NEXT.value(s, l), t.DIAG.value(s, l))), t.DELTA_NEXT.value(s, l)
                    ),
                ),
                Side(
                    beside(t.DIAG.term, transposed(t.W_NEXT.term), t.DELTA_NEXT.term),
                    lambda s, l: applied(
                        product(t.DIAG.value(s, l), turned(t.W_NEXT.value(s, l))), t.DELTA_NEXT.value(s, l)
                    ),
                ),
            ),
            (t.DELTA, t.W_NEXT, t.DIAG, t.DELTA_NEXT),
            layers="hidden",
        ),
        Step(
            "BP2.4",
            "Final Form",
            prose("The multiplication by a diagonal matrix becomes the Hadamard product."),
            (
                t.side(t.DELTA),
                Side(_BP2_FORM, lambda s, l: eq.bp2(s.W(l + 1), t.DELTA_NEXT.value(s, l), s.sigma_prime(l))),
            ),
            (t.DELTA, t.W_NEXT, t.DELTA_NEXT, t.PRIME_L),
            layers="hidden",
        ),
    ),
)

BP3 = Section(
    "BP3",
    "Gradient for Biases",
    equal(t.DC_DB.term, t.DELTA.term),
    prose("For one example; what a batch adds has a section of its own."),
    (
        Step(
            "BP3.1",
            "Chain Rule via Intermediate z",
            prose("{} reaches {} only through {}.", t.B, t.C, t.Z),
            (t.side(t.DC_DB), t.turned_times(t.DZ_DB, t.DC_DZ)),
            (t.DC_DB, t.DZ_DB, t.DC_DZ),
            layers="dense",
        ),
        Step(
            "BP3.2",
            "Compute Local Gradient",
            prose(
                "In {} the bias is added directly: moving one {} moves its own {} by as much, and no other.",
                _FORWARD,
                _B_J,
                t.Z_J,
            ),
            (t.side(t.DZ_DB), t.side(t.EYE)),
            (t.DZ_DB, t.EYE),
            layers="dense",
        ),
        Step(
            "BP3.3",
            "Conclusion",
            prose("Multiplying by the identity changes nothing."),
            (
                t.side(t.DC_DB),
                t.turned_times(t.EYE, t.DELTA),
                Side(t.DELTA.term, lambda s, l: one_by_one("bp3", t.DELTA.value(s, l))),
            ),
            (t.DC_DB, t.EYE, t.DELTA),
            layers="dense",
        ),
    ),
)

BP4 = Section(
    "BP4",
    "Gradient for Weights",
    equal(t.DC_DW.term, _BP4_FORM),
    prose(
        "For one example, and first for the single weight {} from neuron {} of layer {} to neuron {} of layer {}.",
        t.W_JK,
        sym("k"),
        sym("l-1"),
        sym("j"),
        t.LAYER,
    ),
    (
        Step(
            "BP4.1",
            "Element-wise Approach",
            prose("The weight {} enters {} and no other weighted input of its layer.", t.W_JK, t.Z_J),
            (t.side(t.DC_DW_JK), t.numbers(t.DC_DZ_J, t.DZ_J_DW_JK), t.numbers(t.DELTA_J, t.DZ_J_DW_JK)),
            (t.DC_DW_JK, t.DELTA_J, t.DZ_J_DW_JK),
            layers="dense",
        ),
        Step(
            "BP4.2",
            "Solve for Partial Derivative",
            prose("In {} only the term with {} contains {}.", _ONE_SUM, equal(sym("m"), sym("k")), t.W_JK),
            (t.side(t.DZ_J_DW_JK), t.side(t.A_K)),
            (t.DZ_J_DW_JK, t.A_K),
            layers="dense",
        ),
        Step(
            "BP4.3",
            "Solve for Partial Derivative: Therefore",
            prose("The derivative just found goes into the element-wise form."),
            (t.side(t.DC_DW_JK), t.numbers(t.DELTA_J, t.A_K)),
            (t.DC_DW_JK, t.DELTA_J, t.A_K),
            layers="dense",
        ),
        Step(
            "BP4.4",
            "Vectorize as an Outer Product",
            prose(
                "All the products {}, for every {} and {}, form the outer product of the two vectors.",
                beside(t.DELTA_J.term, t.A_K.term),
                sym("j"),
                sym("k"),
            ),
            (t.side(t.DC_DW), Side(_BP4_FORM, lambda s, l: one_by_one("bp4", t.DELTA.value(s, l), s.a(l - 1)))),
            (t.DC_DW, t.DELTA, t.A_PREV),
            layers="dense",
        ),
    ),
)
