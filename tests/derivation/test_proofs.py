"""Every step is proved, by symbols and by fractions; and a proof can fail: on wrong statements, on wrong equations."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from mutants import HIDDEN, MUTANTS
from wrong_statements import STATEMENTS, STEPS, WRONG

import deltaprop as dp
from deltaprop.core import equations as eq
from deltaprop.derivation import symbolic
from deltaprop.derivation.exact import OUTPUTS
from deltaprop.derivation.proving import SHAPES, holds, networks
from deltaprop.derivation.rational import rational_setting
from deltaprop.derivation.symbolic import symbolic_setting

pytest.importorskip("sympy", reason="the symbolic proofs need SymPy: pip install 'deltaprop[symbolic]'")

SQUARE, SCALES = (2, 2, 2), ("scale", "scale")
SOFTMAX_WITHOUT = {"BP1.1", "BP1.2", "BP1.3"}  # what is said of an elementwise output alone
OF_THE_EQUATION = {
    "bp1": {"BP1.3"},
    "bp1_canonical": {"softmax.4"},
    "bp1_softmax": {"softmax.3"},
    "bp2": {"BP2.4"},
    "bp3": {"BP3.3", "batch.3"},
    "bp4": {"BP4.4", "batch.4"},
    "bp2_scale": {"scale.2"},
    "bp2_scale_input": {"scale.3"},
    "bp4_scale": {"scale.6", "scale.7"},
}
OF_A_WHOLE_PASS = {"bp2 with the delta of another layer"}  # no statement about two layers, but about a loop
KNOWN = [m for m in (*MUTANTS, *HIDDEN) if m.function in OF_THE_EQUATION and m.where is eq]
IN_EQUATIONS = [m for m in KNOWN if m.name not in OF_A_WHOLE_PASS]
OF_SIGMOID = [m for m in MUTANTS if m.function == "bp1_sigmoid"]


def outputs_of(step):
    return [output for output in OUTPUTS if step.output in output.kinds]


def layers_of(step):
    return sum(len(step.at(kinds)) for _, kinds in networks(step))


def refused(step, setting):
    """Whether a statement fails at some layer, by its value or by its shape."""
    for l in step.at(setting.kinds):
        try:
            if not holds(step, setting, l):
                return True
        except ValueError:  # shapes that do not meet in a product
            return True
    return False


@cache
def made(output, m, kinds):
    """A setting knows no equation but the forward pass, so that one serves all tests."""
    return symbolic_setting(SQUARE, output, m, kinds)


def in_symbols(step, output):
    return made(output, 2 if step.batch else 1, SCALES if "scale" in step.layers else ())


fractions = cache(rational_setting)


def in_fractions(step, seed, output):
    return fractions(seed, output, 3, "scale" in step.layers)


def test_every_step_is_proved(proved):
    assert [proof for proof in proved.proofs if not proof.proved] == []
    assert [proof.key for proof in proved.proofs] == list(STEPS)
    assert proved.ok


@pytest.mark.parametrize("key", STEPS)
def test_a_proof_covers_every_shape_layer_and_kind_of_output(proved, key):
    step = STEPS[key]
    proof = proved.proof_of(step)
    assert proof.symbolic == layers_of(step) * len(outputs_of(step))
    assert proof.rational >= len(outputs_of(step)) * (6 if step.layers in ("output", "first", "every", "dense") else 1)


def test_the_family_has_the_shapes_of_the_plan_with_and_without_softmax():
    assert set(SHAPES) == {(2, 2), (2, 3, 2), (2, 2, 2, 1), (3, 4, 3, 2)}
    for key, step in STEPS.items():
        kinds = {output.name for output in outputs_of(step)}
        assert ("softmax, C" in kinds) is (key not in SOFTMAX_WITHOUT | {"softmax.4"})


def test_every_step_has_wrong_statements():
    assert set(WRONG) == set(STEPS)
    assert len(STATEMENTS) >= 60


@pytest.mark.parametrize("statement", STATEMENTS, ids=str)
def test_a_wrong_statement_is_not_proved_by_symbols(statement):
    step = statement.step
    assert any(refused(step, in_symbols(step, output)) for output in outputs_of(step))
    right = STEPS[statement.key]
    assert not any(refused(right, in_symbols(right, output)) for output in outputs_of(right))


@pytest.mark.parametrize("statement", STATEMENTS, ids=str)
def test_a_wrong_statement_is_not_proved_by_fractions(statement):
    step = statement.step
    assert any(refused(step, in_fractions(step, seed, output)) for output in outputs_of(step) for seed in range(6))


@pytest.mark.parametrize("mutant", IN_EQUATIONS, ids=lambda mutant: mutant.name.replace(" ", "_"))
def test_it_is_our_equations_that_are_proved(mutant, monkeypatch):
    mutant.plant(monkeypatch)
    keys = {
        key
        for key, step in STEPS.items()
        if any(refused(step, in_symbols(step, output)) for output in outputs_of(step))
    }
    assert keys
    assert keys <= OF_THE_EQUATION[mutant.function]


def sigmoid_forms_agree():
    """δ^L of sigmoid with cross-entropy, by its own form and by the diagonal one, in symbols."""
    import sympy

    a, y, weight = sympy.symbols("a y weight")
    diagonal = eq.bp1(weight * (a - y) / (a * (1 - a)), a * (1 - a))
    return sympy.simplify(eq.bp1_sigmoid(a, 1 - a, y, weight) - diagonal) == 0


def test_the_form_of_bp1_for_sigmoid_is_proved():
    assert sigmoid_forms_agree()


@pytest.mark.parametrize("mutant", OF_SIGMOID, ids=lambda mutant: mutant.name.replace(" ", "_"))
def test_it_is_our_form_for_sigmoid_that_is_proved(mutant, monkeypatch):
    mutant.plant(monkeypatch)
    assert not sigmoid_forms_agree()


def test_two_functions_are_never_taken_for_one():
    import sympy

    exact = symbolic.Symbols()
    x = np.array([[sympy.Symbol("x")]], object)
    assert not exact.equal(exact.sigma(1, x), exact.sigma(2, x))
    assert not exact.equal(exact.sigma(1, x), exact.sigma_prime(1, x))
    assert exact.equal(exact.sigma(1, x), exact.sigma(1, x + 0))


def test_without_sympy_the_error_says_how_to_install_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(dp.MissingExtraError, match=r"Run: pip install 'deltaprop\[symbolic\]'"):
        dp.derive("BP3").prove()
    assert dp.derive("BP3").verify_examples().ok, "reading and verifying need no SymPy"


def test_each_step_is_heard_of_when_it_is_done():
    heard = []
    dp.derive("input").prove(on_step=heard.append)
    assert [proof.key for proof in heard] == ["input.1", "input.2", "input.3"]
