"""Unknown mistakes too are met where they are made: one, two or three at once, in examples alone or in batches."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from kinds import KINDS
from their_maths import F, cost, delta_L, output

import deltaprop as dp

NAMES = ["book", "squares", "yesno", "counts", "soft"]


def places(kind, most):
    """Up to `most` places (equation, layer), never both sums of one layer: these would be δ of that layer."""
    L = len(kind.sizes) - 1
    deltas = [("BP1", L), *(("BP2", l) for l in range(1, L))]
    sums = [(equation, l) for equation in ("BP3", "BP4") for l in range(1, L + 1)]
    every = {1: 1, 2: 7, 3: 41}  # all single ones; of pairs and threes some
    for k in range(1, most + 1):
        for chosen in list(combinations(deltas + sums, k))[:: every[k]]:
            layers = [l for equation, l in chosen if equation in ("BP3", "BP4")]
            if len(set(layers)) == len(layers):
                yield set(chosen)


def spoilt(array, at, wrong):
    """The array, or another one that no formula gives, where `at` is among the wrong places."""
    return (
        array * np.cos(3 + len(at[0]) * at[1] + np.arange(array.size).reshape(array.shape) * 1.7)
        if at in wrong
        else array
    )


def one_example(kind, wrong):
    """A class in Nielsen's style with mistakes in these places."""
    L = len(kind.sizes) - 1

    class Network:
        def __init__(self, sizes):
            self.weights = [np.zeros((n, k)) for k, n in pairwise(sizes)]
            self.biases = [np.zeros((n, 1)) for n in sizes[1:]]

        def backprop(self, x, y):
            a, z, dW, db = [x], [None], [None] * L, [None] * L
            for l, (W, b) in enumerate(zip(self.weights, self.biases, strict=True), 1):
                z.append(W @ a[-1] + b)
                a.append(output(kind, z[l], 0) if l == L else F[kind.activation][0](z[l]))
            delta = spoilt(delta_L(kind, z[L], a[L], y, 0), ("BP1", L), wrong)
            for l in range(L, 0, -1):
                if l < L:
                    delta = spoilt(self.weights[l].T @ delta * F[kind.activation][1](z[l]), ("BP2", l), wrong)
                db[l - 1] = spoilt(delta, ("BP3", l), wrong)
                dW[l - 1] = spoilt(delta @ a[l - 1].T, ("BP4", l), wrong)
            return db, dW

    return Network


def in_batches(kind, wrong):
    """A function that is right for one row, and has mistakes in these places for more."""
    L = len(kind.sizes) - 1

    def loss_and_grads(params, X, Y):
        here = wrong if len(X) > 1 else set()
        a, z, grads = [X], [None], [None] * L
        for l, (W, b) in enumerate(params, 1):
            z.append(a[-1] @ W + b)
            a.append(output(kind, z[l], 1) if l == L else F[kind.activation][0](z[l]))
        delta = spoilt(delta_L(kind, z[L], a[L], Y, 1) / len(X), ("BP1", L), here)
        for l in range(L, 0, -1):
            if l < L:
                delta = spoilt(delta @ params[l][0].T * F[kind.activation][1](z[l]), ("BP2", l), here)
            dW, db = spoilt(a[l - 1].T @ delta, ("BP4", l), here), spoilt(delta.sum(axis=0), ("BP3", l), here)
            grads[l - 1] = dW, db
        return cost(kind, a[L], Y, 1).mean(), grads

    return loss_and_grads


@pytest.mark.parametrize("name", NAMES)
def test_all_places_of_single_examples_are_found_and_no_others(name):
    kind = KINDS[name]
    for wrong in places(kind, 3):
        report = dp.check_code(one_example(kind, wrong), kind.sizes, **kind.options)
        assert {(finding.equation, finding.layer) for finding in report.findings} == wrong


@pytest.mark.parametrize("name", NAMES)
def test_the_first_place_in_a_batch_is_found(name):
    kind = KINDS[name]
    for wrong in places(kind, 2):
        report = dp.check_code(in_batches(kind, wrong), kind.sizes, **kind.options)
        assert (report.first.equation, report.first.layer) == min(wrong, key=lambda place: (-place[1], place[0]))
