"""core/equations.py: each function against np.einsum, in exact fractions, and its place as the only one."""

from __future__ import annotations

import ast
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import array_of, nk_km_n, nm, nm_and_distribution, nm_pair

import deltaprop
from deltaprop.core import equations as eq
from deltaprop.core.activations import ACTIVATIONS, OUTPUTS, softmax_jacobian
from deltaprop.core.costs import CANONICAL
from deltaprop.core.functions import get_cost

SOURCE = Path(deltaprop.__file__).parent
EQUATIONS = SOURCE / "core" / "equations.py"
NEAR = {"rtol": 1e-12, "atol": 1e-11}


@given(nk_km_n())
def test_weighted_input_is_a_sum_over_the_layer_before(arrays):
    W, a, b = arrays
    want = np.einsum("jk,km->jm", W, a) + np.einsum("j,m->jm", b, np.ones(a.shape[1]))
    np.testing.assert_allclose(eq.weighted_input(W, a, b), want, **NEAR)


@given(nm_pair())
def test_bp1_is_the_product_element_by_element(pair):
    np.testing.assert_allclose(eq.bp1(*pair), np.einsum("jm,jm->jm", *pair), **NEAR)


@given(nm(), st.data())
def test_bp1_general_is_the_transposed_jacobian_times_the_gradient(grad_a, data):
    n, m = grad_a.shape
    jacobian = data.draw(array_of((n, n, m)))
    np.testing.assert_allclose(eq.bp1_general(jacobian, grad_a), np.einsum("kjm,km->jm", jacobian, grad_a), **NEAR)


@given(nk_km_n(), st.data())
def test_bp2_goes_back_through_the_transposed_weights(arrays, data):
    W, a, _ = arrays
    delta = data.draw(array_of((W.shape[0], a.shape[1])))
    np.testing.assert_allclose(eq.bp2(W, delta, a), np.einsum("jk,jm,km->km", W, delta, a), rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(eq.bp2_input(W, delta), np.einsum("jk,jm->km", W, delta), **NEAR)


@given(nm())
def test_bp3_sums_the_examples(delta):
    np.testing.assert_allclose(eq.bp3(delta), np.einsum("jm->j", delta), **NEAR)


@given(nk_km_n(), st.data())
def test_bp4_is_the_sum_of_outer_products(arrays, data):
    W, a, _ = arrays
    delta = data.draw(array_of((W.shape[0], a.shape[1])))
    np.testing.assert_allclose(eq.bp4(delta, a), np.einsum("jm,km->jk", delta, a), **NEAR)


fractions = st.fractions(-5, 5, max_denominator=9)


@given(nk_km_n(fractions))
def test_all_equations_are_exact_in_fractions(arrays):
    W, a, b = arrays
    (n, k), m = W.shape, a.shape[1]
    z = eq.weighted_input(W, a, b)
    assert all(z[j, i] == sum(W[j, q] * a[q, i] for q in range(k)) + b[j] for j in range(n) for i in range(m))
    delta = eq.bp1(z, z)
    assert all(delta[j, i] == z[j, i] ** 2 for j in range(n) for i in range(m))
    back = eq.bp2(W, delta, a)
    assert all(back[q, i] == sum(W[j, q] * delta[j, i] for j in range(n)) * a[q, i] for q in range(k) for i in range(m))
    assert all(eq.bp3(delta)[j] == sum(delta[j, i] for i in range(m)) for j in range(n))
    dW = eq.bp4(delta, a)
    assert all(dW[j, q] == sum(delta[j, i] * a[q, i] for i in range(m)) for j in range(n) for q in range(k))
    assert all(isinstance(value, Fraction) for value in (*z.flat, *back.flat, *dW.flat))


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5), st.data())
def test_bp1_of_softmax_is_its_general_form_exactly_in_fractions(parts, data):
    a = np.array([[Fraction(part, sum(parts))] for part in parts], object)
    grad_a = np.array([[data.draw(fractions)] for _ in parts], object)
    general = eq.bp1_general(softmax_jacobian(a), grad_a)
    assert (eq.bp1_softmax(grad_a, a) == general).all()


@given(nm_and_distribution())
def test_canonical_bp1_is_the_general_form_for_softmax(example):
    z, y, share = example
    a = OUTPUTS["softmax"].sigma(z)
    grad_a = get_cost("cross_entropy", "softmax").grad_a(a, y) * share
    general = eq.bp1_general(softmax_jacobian(a), grad_a)
    np.testing.assert_allclose(eq.bp1_canonical(a, y, share), general, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(eq.bp1_softmax(grad_a, a), general, rtol=1e-8, atol=1e-12)


@given(example=nm_and_distribution(bound=6.0))
def test_bp1_of_sigmoid_and_cross_entropy_is_a_minus_y(example):
    z, y, share = example
    a, rest = ACTIVATIONS["sigmoid"].sigma(z), ACTIVATIONS["sigmoid"].sigma(-z)
    np.testing.assert_allclose(eq.bp1_sigmoid(a, rest, y, share), eq.bp1_canonical(a, y, share), rtol=1e-9, atol=1e-15)


def test_bp1_of_sigmoid_keeps_its_digits_where_it_is_nearly_right():
    z = np.array([[40.0, -40.0, 700.0]])
    a, rest = ACTIVATIONS["sigmoid"].sigma(z), ACTIVATIONS["sigmoid"].sigma(-z)
    delta = eq.bp1_sigmoid(a, rest, np.array([[1.0, 0.0, 1.0]]), 1.0)
    np.testing.assert_allclose(delta, [[-np.exp(-40), np.exp(-40), -np.exp(-700)]], rtol=1e-14)


@pytest.mark.parametrize(("output", "cost"), sorted(set(CANONICAL) - {("softmax", "cross_entropy")}))
@given(example=nm_and_distribution(bound=6.0))
def test_canonical_bp1_is_the_general_form_elementwise(output, cost, example):
    z, y, share = example
    a, dsigma = ACTIVATIONS[output].both(z)
    grad_a = get_cost(cost, output).grad_a(a, y) * share
    canonical = eq.bp1_canonical(a, y, share)
    np.testing.assert_allclose(eq.bp1(grad_a, dsigma), canonical, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(eq.bp1_general(diagonal(dsigma), grad_a), canonical, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@given(z=nm())
def test_general_bp1_with_a_diagonal_jacobian_is_the_hadamard_product(name, z):
    dsigma, grad_a = ACTIVATIONS[name].sigma_prime(z), np.cos(z)
    np.testing.assert_array_equal(eq.bp1_general(diagonal(dsigma), grad_a), eq.bp1(grad_a, dsigma))


def diagonal(dsigma):
    """(n, m) as Jacobians (n, n, m) with the derivative on the diagonal."""
    return np.eye(len(dsigma))[:, :, None] * dsigma[None, :, :]


def test_no_examples_give_empty_or_zero_arrays():
    W, b, none = np.ones((2, 3)), np.ones(2), np.empty((3, 0))
    z = eq.weighted_input(W, none, b)
    assert z.shape == (2, 0)
    np.testing.assert_array_equal(eq.bp3(z), np.zeros(2))
    np.testing.assert_array_equal(eq.bp4(z, none), np.zeros((2, 3)))


def test_the_file_everyone_reads_first_stays_short():
    assert len(EQUATIONS.read_text("utf-8").splitlines()) <= 120


def functions_of(path):
    text = path.read_text("utf-8")
    return {
        node.name: "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }


def test_every_equation_carries_its_tag():
    functions = {name: body for name, body in functions_of(EQUATIONS).items() if name.startswith("bp")}
    for name, body in functions.items():
        assert f"# {name[:3].upper()}" in body, f"{name} does not carry the tag of its equation"
    assert {name[:3] for name in functions} == {"bp1", "bp2", "bp3", "bp4"}


def sources():
    return [path for path in sorted(SOURCE.rglob("*.py")) if path != EQUATIONS]


def names_in(node):
    found = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return found + [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)]


def repeats_an_equation(node):
    """Whether an expression multiplies matrices and one of them is a W or a delta."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        squared_norm = ast.dump(node.left) == ast.dump(node.right)
        parts = [] if squared_norm else names_in(node)
    elif isinstance(node, ast.Call) and names_in(node.func)[-1:] and PRODUCTS & set(names_in(node.func)):
        parts = [name for argument in node.args for name in names_in(argument)]
    else:
        return False
    return any(name == "W" or "delta" in name.lower() or name.startswith("W_") for name in parts)


PRODUCTS = {"dot", "matmul", "einsum", "tensordot", "outer", "inner"}


def test_no_equation_is_repeated_elsewhere_in_python():
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if repeats_an_equation(node)
    ]
    assert not found, f"BP2, BP4 or z = W a + b written outside core/equations.py: {found}"


def test_no_other_file_defines_or_tags_an_equation():
    for path in sources():
        written = functions_of(path).items()  # a kind of layer has its BP2, which calls one of equations
        again = [name for name, body in written if re.fullmatch(r"bp[1-4](_\w+)?", name) and "return eq.bp" not in body]
        assert not again, f"{path.relative_to(SOURCE)} defines {again}"
        assert not re.search(r"# BP[1-4]$", path.read_text("utf-8"), re.MULTILINE), path


@pytest.mark.parametrize("line", ["W.T @ delta", "delta @ a_prev.T", "np.dot(W, a)", "np.outer(delta_l, a)"])
def test_a_repeated_equation_would_be_found(line):
    assert any(map(repeats_an_equation, ast.walk(ast.parse(line))))
