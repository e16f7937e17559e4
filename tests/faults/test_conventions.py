"""Conventions are recognised, asked for where nothing tells, and held to where something does."""

from __future__ import annotations

import numpy as np
import pytest
import right_codes as codes
from edited import edited
from kinds import KINDS, Kind, of_kind

import deltaprop as dp

BOOK, CLASSES = KINDS["book"], KINDS["classes"]


def check(code, kind=BOOK, **more):
    return dp.check_code(code, kind.sizes, **kind.options, **more)


def scaled(code, kind, factor=1.0, loss_factor=None, penalty=0.0, loss_penalty=0.0, batch=None):
    """pairs_and_mean with factors and penalties, and with its loss where a factor of it is given."""
    right = of_kind(code, kind)

    def loss_and_grads(params, X, Y):
        loss, grads = right(params, X, Y)
        c = factor * (len(X) if batch == "sum" else 1)
        grads = [(c * dW + penalty * W, c * db) for (dW, db), (W, _) in zip(grads, params, strict=True)]
        if loss_factor is None:
            return grads
        return loss_factor * loss + 0.5 * loss_penalty * sum(np.sum(W**2) for W, _ in params), grads

    return loss_and_grads


@pytest.fixture
def made():
    return lambda kind=BOOK, **how: scaled(codes.pairs_and_mean, kind, **how)


@pytest.mark.parametrize(
    ("factor", "meant"),
    [
        (2, "‖a - y‖², without the ½"),
        (2 / 3, "mean of (a_j - y_j)² over the outputs, without"),
        (0.5, "0.5 times C"),
    ],
)
def test_a_factor_that_nothing_settles_is_a_question(made, factor, meant):
    report = check(made(factor=factor))
    assert (report.verdict, report.ok, report.findings) == ("convention", False, ())
    assert meant in report.questions[0]
    assert f"--cost-factor {factor:.6g}" in report.questions[0]
    assert check(made(factor=factor), cost_factor=factor).ok
    assert check(made(factor=factor), cost_factor=1).first.equation == "BP1"


def test_the_own_cost_settles_the_factor(made):
    right = check(made(factor=2, loss_factor=2))
    assert right.ok
    assert "--cost-factor 2" in right.remarks[0]
    wrong = check(made(factor=2, loss_factor=1))
    assert (wrong.first.equation, wrong.first.layer, wrong.first.mistake) == ("BP1", 2, "factor")
    assert "the cost that you return is C itself" in wrong.first.text


def test_an_unusual_factor_is_a_mistake(made):
    first = check(made(factor=1.001)).first
    assert (first.equation, first.layer, first.mistake) == ("BP1", 2, "factor")
    assert first.number == pytest.approx(1.001)


def test_the_sum_over_the_batch(made):
    asked = check(made(CLASSES, batch="sum"), CLASSES)
    assert (asked.verdict, "--batch sum" in asked.questions[0]) == ("convention", True)
    assert check(made(CLASSES, batch="sum"), CLASSES, batch="sum").ok
    wrong = check(made(CLASSES, batch="sum"), CLASSES, batch="mean").first
    assert (wrong.equation, wrong.layer, wrong.mistake) == ("BP1", 3, "mean_forgotten")
    wrong = check(made(CLASSES), CLASSES, batch="sum").first
    assert (wrong.equation, wrong.layer, wrong.mistake) == ("BP1", 3, "mean_twice")


def test_a_penalty(made):
    asked = check(made(penalty=0.03))
    assert (asked.verdict, "--l2 0.03" in asked.questions[0]) == ("convention", True)
    assert check(made(penalty=0.03), l2=0.03).ok
    assert check(made(penalty=0.03, loss_factor=1, loss_penalty=0.03)).ok
    assert check(made(penalty=0.03), l2=0).first.mistake == "penalty"
    assert check(made(penalty=0.03, loss_factor=1)).first.mistake == "penalty"
    left_out = check(made(loss_factor=1, loss_penalty=0.03)).first
    assert (left_out.equation, left_out.mistake) == ("BP4", "penalty_left_out")
    assert check(made(), l2=0.03).first.mistake == "penalty_left_out"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (codes.Rows, "z = X @ W + b"),
        (codes.Torchlike, "z = X @ W.T + b"),
        (codes.ColumnsOfABatch, "z = W @ a + b"),
        (codes.dictionary, "params as dict"),
        (codes.columns_in_a_dictionary, "z = W @ a + b"),
        (codes.rows_of_the_book, "z = X @ W.T + b"),
        (codes.flat_list, "params as flat"),
    ],
)
def test_a_layout_is_recognised_and_said(code, says):
    assert says in check(of_kind(code, CLASSES), CLASSES).called


def test_a_layout_that_is_said_is_kept_to():
    assert check(of_kind(codes.rows_of_the_book, BOOK), layout="rows-book", container="pairs").ok
    with pytest.raises(dp.CodeError, match="`rows_of_the_book` must be a function of params, X and Y"):
        check(of_kind(codes.rows_of_the_book, BOOK), layout="rows")


def test_another_network_is_recognised():
    report = dp.check_code(of_kind(codes.Book, KINDS["deep"]), BOOK.sizes, activation="sigmoid")
    assert report.verdict == "wrong"
    assert "say --activation tanh --output tanh, if that is what you mean" in report.remarks[0]


def test_a_small_inexactness_is_a_remark():
    right = of_kind(codes.Book, KINDS["yesno"])

    class Guarded(right):
        def backprop(self, x, y):
            nabla_b, nabla_w = super().backprop(x, y)
            return [b * (1 + 3e-8 * np.cos(b)) for b in nabla_b], nabla_w

    report = check(Guarded, KINDS["yesno"])
    assert report.ok
    assert "about five digits" in report.remarks[0]


def test_a_code_that_draws_random_numbers(rng):
    class Random(of_kind(codes.Book, BOOK)):
        def backprop(self, x, y):
            nabla_b, nabla_w = super().backprop(x, y)
            return [b * rng.standard_normal(b.shape) for b in nabla_b], nabla_w

    report = check(Random)
    assert not report.ok
    assert "gave other gradients the second time" in report.remarks[-1]


def test_its_own_deltas_are_looked_at():
    class Shown(of_kind(codes.Book, BOOK)):
        def backprop(self, x, y):
            nabla_b, nabla_w = super().backprop(x, y)
            self.deltas = [b.copy() for b in nabla_b]
            return [b + 1 for b in nabla_b], [w + 1 for w in nabla_w]

    found = [(finding.equation, finding.layer) for finding in check(Shown).findings]
    assert found == [("BP3", 2), ("BP4", 2), ("BP3", 1), ("BP4", 1)]


def test_inputs_that_are_changed():
    class Changes(of_kind(codes.Rows, BOOK)):
        def backward(self, X, Y):
            super().backward(X, Y)
            X -= X.mean(axis=0)

    report = check(Changes)
    assert (report.first.equation, report.first.mistake) == ("inputs", "inputs_changed")
    assert str(report.first) == "inputs: x must come back as given. Yours changed it in place."


def test_a_penalty_divided_by_the_number_of_examples(made):
    def nielsens(params, X, Y):
        return made(CLASSES, penalty=0.1 / len(X), loss_factor=1, loss_penalty=0.1 / len(X))(params, X, Y)

    report = check(nielsens, CLASSES)
    assert report.ok
    assert "penalty's λ is 0.0142857" in report.remarks[-1]


def test_a_penalty_of_another_size_than_the_cost_says(made):
    first = check(made(CLASSES, penalty=0.1, loss_factor=1, loss_penalty=0.2), CLASSES).first
    assert (first.equation, first.layer, first.mistake) == ("BP4", 3, "penalty")
    assert "the cost that you return has it with λ = 0.2" in first.text


def test_pairs_are_told_from_lists_with_one_output(made):
    kind = Kind("one output", (4, 5, 1), "tanh", "sigmoid", "cross_entropy")
    assert check(made(kind), kind).ok


@pytest.mark.parametrize("sizes", [(4, 5, 6, 3), (4, 4, 4)])
def test_layers_in_the_opposite_order(sizes):
    class Backwards(of_kind(codes.Book, BOOK)):
        def backprop(self, x, y):
            nabla_b, nabla_w = super().backprop(x, y)
            return nabla_b[::-1], nabla_w[::-1]

    report = dp.check_code(Backwards, sizes)
    assert [finding.mistake for finding in report.findings] == ["layers_reversed"]


def test_a_forward_without_biases():
    class Bare(of_kind(codes.Book, BOOK)):
        def backprop(self, x, y):
            self.biases = [0 * b for b in self.biases]
            return super().backprop(x, y)

    report = check(Bare)
    assert not report.ok
    assert "forward leaves b^l out" in report.remarks[0]


def test_outputs_that_are_not_those_of_the_network_are_remarked():
    class Loud(of_kind(codes.Rows, BOOK)):
        def forward(self, X):
            self.A[-1] = 1.5 * super().forward(X)
            return self.A[-1]

    report = check(Loud)
    assert not report.ok
    assert "What your forward returns is not a^2: look there first." in report.remarks


def test_an_incomplete_sigma_prime():
    edits = {
        "delta_L(self.kind, zs[-1], activations[-1], y, 0)": "(activations[-1] - y) * (1 - activations[-1])",
        "F[self.kind.activation][1](zs[-l])": "(1 - activations[-l])",
    }
    report = check(of_kind(edited("Book", edits), BOOK))
    assert [(f.equation, f.mistake) for f in report.findings] == [(e, "sigma_prime_incomplete") for e in ("BP1", "BP2")]


def test_a_cost_that_is_not_what_the_gradient_is_of_is_remarked(made):
    report = check(made(factor=1, loss_factor=2))
    assert report.ok
    assert report.remarks == ("The cost that you return is 2 times C; your gradient is that of 1 times C.",)


def test_the_report_as_text_and_as_data(made):
    report = check(made(factor=-1))
    assert (
        str(report).splitlines()[1].startswith("layer 2, BP1: your δ^2 equals -(∇_a C ⊙ σ'(z^2)): the sign is wrong.")
    )
    assert report.to_dict()["findings"][0]["mistake"] == "sign"


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"function": 3}, dp.ArgumentTypeError, "`function` must be a function, a class or an object. Got 3."),
        ({"sizes": [4]}, dp.ArgumentError, "at least two widths"),
        ({"style": "other"}, dp.ArgumentError, "`style` must be one of"),
        ({"layout": "other"}, dp.ArgumentError, "`layout` must be one of"),
        ({"container": "other"}, dp.ArgumentError, "`container` must be one of"),
        ({"targets": "other"}, dp.ArgumentError, "`targets` must be one of"),
        ({"batch": "other"}, dp.ArgumentError, "`batch` must be one of"),
        ({"cost_factor": 0}, dp.ArgumentError, "`cost_factor` must be a positive number"),
        ({"l2": -1}, dp.ArgumentError, "`l2` must be 0 or a positive number"),
        ({"theta": np.zeros(3)}, dp.ShapeError, "`theta` must be a vector of 43 parameters"),
        ({"X": np.zeros((0, 4))}, dp.ArgumentError, "`X` must be 1 to 64 examples"),
        ({"X": np.zeros((5, 3))}, dp.ShapeError, "`X` must be of shape"),
        ({"X": np.zeros((5, 4)), "Y": np.zeros((4, 3))}, dp.ShapeError, "`Y` must be as many rows"),
    ],
)
def test_bad_arguments(given, error, says):
    arguments = {"function": of_kind(codes.Book, BOOK), "sizes": BOOK.sizes, **given}
    with pytest.raises(error, match=says):
        dp.check_code(**arguments)
