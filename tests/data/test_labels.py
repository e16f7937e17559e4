"""Labels of a later file against the classes of training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaprop.data import label_text, match_labels, unknown_labels


def test_a_full_stop_at_the_end_is_forgiven_only_where_the_label_is_unknown() -> None:
    labels = np.array(["<=50K.", " >50K", "<=50K", "<=50K..", "x"], dtype=object)
    indices, unknown = match_labels(labels, ["<=50K", ">50K"])
    assert indices.tolist() == [0, 1, 0, -1, -1]
    assert unknown.tolist() == [False, False, False, True, True]
    assert match_labels(["a.", "a"], ["a", "a."])[0].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (np.array([2.0, 1.0]), np.array([1, 2]), [1, 0]),
        (np.array(["2", "1"]), np.array([1, 2]), [1, 0]),
        (np.array([True, False]), np.array(["false", "true"]), [1, 0]),
        (np.array([7, 1]), np.array([1, 2]), [-1, 0]),
        (np.array([], dtype=object), np.array([1]), []),
        (np.array([]), np.array([1]), []),
        (np.array(["a"]), np.array(["a"]), [0]),
    ],
)
def test_numbers_text_and_booleans_are_one_label(labels: np.ndarray, classes: np.ndarray, expected: list[int]) -> None:
    indices, unknown = match_labels(labels, classes)
    assert indices.tolist() == expected
    assert indices.dtype == np.intp
    assert unknown.dtype == bool


@given(st.lists(st.sampled_from(["a", "b", "b.", "c", "d."]), max_size=30))
def test_matching_is_what_a_loop_would_do(labels: list[str]) -> None:
    classes = ["a", "b", "d"]
    indices, _ = match_labels(np.array(labels, dtype=object), classes)
    expected = [classes.index(s) if s in classes else {"b.": 1, "d.": 2}.get(s, -1) for s in labels]
    assert indices.tolist() == expected


def test_the_error_counts_unknown_labels() -> None:
    labels = np.array(["a", "x", "y", "x"], dtype=object)
    _, unknown = match_labels(labels, ["a"])
    message = str(unknown_labels(labels, unknown, ["a"], "grade"))
    assert message == (
        "`grade` must be one of the labels of training (a). Got 'x' in 2 rows, 'y' in 1 row; the first is row 2."
    )
    many = np.array([f"u{k}" for k in range(9)], dtype=object)
    assert "and 4 more; the first is row 1" in str(unknown_labels(many, np.ones(9, bool), ["a"], "grade"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), (3.5, "3.5"), (" a ", "a"), (True, "true"), (np.float32(2), "2"), (np.False_, "false")],
)
def test_one_text_for_each_value(value: object, text: str) -> None:
    assert label_text(value) == text
