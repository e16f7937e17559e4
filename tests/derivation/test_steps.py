"""The steps as data: the founding text's own headings, one reason each, shapes that are those of the arrays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.derivation.book import CONVENTIONS
from deltaprop.derivation.exact import OUTPUTS
from deltaprop.derivation.proof import SECTIONS
from deltaprop.derivation.rational import rational_setting

TEXT = Path(__file__).parents[3] / "shared" / "derivation.txt"
HEADINGS = {  # of the founding text, section by section
    "BP1: Error at the Output Layer": ["Apply the Chain Rule", "Compute the Jacobian", "Result"],
    "BP2: Propagating Error to Hidden Layers": [
        "Link Consecutive Layers", "Differentiate the Linear Transformation", "Transpose and Simplify", "Final Form",
    ],
    "BP3: Gradient for Biases": ["Chain Rule via Intermediate z", "Compute Local Gradient", "Conclusion"],
    "BP4: Gradient for Weights": [
        "Element-wise Approach", "Solve for Partial Derivative", "Vectorize as an Outer Product",
    ],
}  # fmt: skip
GOALS = {
    "BP1": "δᴸ = ∇ₐC ⊙ σ'(zᴸ)",
    "BP2": "δˡ = ((Wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ'(zˡ)",
    "BP3": "∂C/∂bˡ = δˡ",
    "BP4": "∂C/∂Wˡ = δˡ (aˡ⁻¹)ᵀ",
}
STEPS = dp.derive().steps
ONE_SENTENCE = re.compile(r"[^.]+\.")


@pytest.mark.parametrize("title", HEADINGS)
def test_the_headings_are_those_of_the_text_in_its_order(title):
    section = next(section for section in dp.derive().sections if section.title == title)
    headings = [step.heading for step in section.steps if not step.heading.endswith(": Therefore")]
    assert headings == HEADINGS[title]


@pytest.mark.skipif(not TEXT.exists(), reason="../shared/derivation.txt, the founding text, is not beside the checkout")
def test_the_headings_stand_in_the_founding_text():
    lines = TEXT.read_text("utf-8").splitlines()
    found = [line.lstrip("- ").split(":")[0] for line in lines]
    for title, headings in HEADINGS.items():
        assert title in lines
        for heading in headings:
            assert heading in found


@pytest.mark.parametrize("key", GOALS)
def test_the_goals_are_the_four_equations_and_the_last_step_ends_in_them(key):
    (section,) = dp.derive(key).sections
    assert str(section.goal) == GOALS[key]
    left, right = GOALS[key].split(" = ")
    assert str(section.steps[-1].statement).startswith(left)
    assert str(section.steps[-1].statement).endswith(f"= {right}")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_a_step_has_a_reason_in_one_sentence_and_all_spellings(step):
    reason = step.reason.text.replace("Poisson's", "Poissons")
    assert ONE_SENTENCE.fullmatch(reason)
    assert len(step.sides) >= 2
    assert step.statement.latex.isascii()
    assert "$" not in step.statement.latex
    assert step.left is step.sides[0].value
    assert step.right is step.sides[-1].value


def widths(dims, setting, l):
    named = {"l": l, "l+1": l + 1, "l-1": l - 1, "L": setting.L, "0": 0, "1": 1}
    return tuple(setting.m if dim == "m" else setting.sizes[named[dim]] for dim in dims)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_the_shapes_are_those_of_the_arrays(step):
    output = next(output for output in OUTPUTS if step.output in output.kinds)
    looked_at = 0
    for seed in range(6):
        setting = rational_setting(seed, output, 3, "scale" in step.layers)
        for l in step.at(setting.kinds):
            for quantity in step.shapes:
                if quantity.dims:
                    shape = widths(quantity.dims, setting, l) + (() if quantity.whole else (setting.m,))
                    assert quantity.value(setting, l).shape == shape, quantity.term.text
                    looked_at += 1
    assert looked_at or all(not quantity.dims for quantity in step.shapes)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_every_letter_of_a_statement_has_its_shape(step):
    named = " ".join(quantity.term.text for quantity in step.shapes)
    for letter in re.findall(r"[δWabsy](?=[ˡᴸ⁰¹ᵢ])", str(step.statement)):
        assert letter in named


def test_the_conventions_are_those_of_the_text():
    assert [letter.text for letter, _, _ in CONVENTIONS] == ["aˡ", "zˡ", "Wˡ", "bˡ", "δˡ", "⊙", "σ'(zˡ)"]


@pytest.mark.parametrize("name", ["BP2", "bp2", "Bp2"])
def test_an_equation_is_found_in_any_case(name):
    assert [section.key for section in dp.derive(name).sections] == ["BP2"]


def test_none_is_all():
    keys = [section.key for section in dp.derive().sections]
    assert keys == ["BP1", "BP2", "BP3", "BP4", "softmax", "batch", "input", "scale"]
    assert repr(dp.derive()) == f"<Derivation of {', '.join(keys)}: 32 steps>"


def test_every_name_is_told_where_one_is_asked_for():
    from deltaprop.cli.derive import Equation

    for key in SECTIONS:
        assert re.search(rf"\b{key}\b", dp.derive.__doc__)
        assert re.search(rf"\b{key}\b", Equation.__metadata__[0].help)


@pytest.mark.parametrize(
    ("name", "says"),
    [("BP5", "Got 'BP5'. Did you mean 'BP"), ("sofmax", "Did you mean 'softmax'?"), (2, "Got 2."), ("", "Got ''.")],
)
def test_an_unknown_equation_is_refused_with_the_names(name, says):
    with pytest.raises(
        dp.ArgumentError, match=r"`equation` must be one of BP1, BP2, BP3, BP4, batch, input, scale, softmax\. "
    ) as e:
        dp.derive(name)
    assert says in str(e.value)


def test_a_derivation_is_the_same_whatever_is_found_of_another():
    plain = dp.derive("BP3")
    verified = plain.verify(dp.Network([2, 2], seed=0), np.ones((1, 2)), [1])
    assert plain.verification is None
    assert verified.sections == plain.sections
    assert plain.ok
    assert verified.ok
