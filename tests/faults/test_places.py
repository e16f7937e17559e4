"""Unknown mistakes too are met where they are made: one, two or three at once, in examples alone or in batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from edited import edited
from kinds import KINDS, Kind, of_kind

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


@dataclass(frozen=True)
class Spoilt(Kind):
    """A kind of network whose codes hand over what they compute: in the wrong places they get other numbers."""

    wrong: frozenset[tuple[str, int]]

    def spoilt(self, array, equation, l):
        if (equation, l) not in self.wrong:
            return array
        return array * np.cos(3 + len(equation) * l + np.arange(array.size).reshape(array.shape) * 1.7)

    def in_batches(self, array, equation, l, X):
        return self.spoilt(array, equation, l) if len(X) > 1 else array


def wrong_in(kind, places):
    return Spoilt(**vars(kind), wrong=frozenset(places))


BP1 = "delta_L(self.kind, zs[-1], activations[-1], y, 0)"
BP2 = "np.dot(self.weights[1 - l].T, delta) * F[self.kind.activation][1](zs[-l])"
BP4 = "np.dot(delta, activations[-l - 1].T)"
ONE_EXAMPLE = edited(
    "InOneLoop",
    {
        BP1: f"self.kind.spoilt({BP1}, 'BP1', self.num_layers - 1)",
        BP2: f"self.kind.spoilt({BP2}, 'BP2', self.num_layers - l)",
        BP4: f"self.kind.spoilt({BP4}, 'BP4', self.num_layers - l)",
        "= delta, ": "= self.kind.spoilt(delta, 'BP3', self.num_layers - l), ",
    },
)
PLACES = {
    "delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)": "'BP1', len(Ws)",
    "D @ Ws[i].T * F[kind.activation][1](Zs[i - 1])": "'BP2', i",
    "D.sum(axis=0)": "'BP3', i + 1",
    "A[i].T @ D": "'BP4', i + 1",
}
IN_BATCHES = edited("pairs_and_mean", {text: f"kind.in_batches({text}, {place}, X)" for text, place in PLACES.items()})


@pytest.mark.parametrize("name", NAMES)
def test_all_places_of_single_examples_are_found_and_no_others(name):
    kind = KINDS[name]
    for wrong in places(kind, 3):
        report = dp.check_code(of_kind(ONE_EXAMPLE, wrong_in(kind, wrong)), kind.sizes, **kind.options)
        assert {(finding.equation, finding.layer) for finding in report.findings} == wrong


@pytest.mark.parametrize("name", NAMES)
def test_the_first_place_in_a_batch_is_found(name):
    kind = KINDS[name]
    for wrong in places(kind, 2):
        report = dp.check_code(of_kind(IN_BATCHES, wrong_in(kind, wrong)), kind.sizes, **kind.options)
        assert (report.first.equation, report.first.layer) == min(wrong, key=lambda place: (-place[1], place[0]))
