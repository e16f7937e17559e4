"""Turns, ratios and comparisons, with contenders whose clock is made up."""

from __future__ import annotations

import numpy as np
import pytest

from deltaprop.bench import timing
from deltaprop.bench.timing import Contender, apart, ratio, take_turns, turn


class Clock:
    """A clock that moves only when a contender works or somebody sleeps."""

    def __init__(self):
        self.now = 100.0
        self.log = []

    def work(self, name, seconds):
        self.log.append(name)
        self.now += seconds

    def contender(self, name, seconds):
        return Contender(name, lambda: self.work(name, seconds), lambda: self.log.append(f"reset {name}"))


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(timing, "perf_counter", lambda: made.now)
    monkeypatch.setattr(timing, "monotonic", lambda: made.now)
    monkeypatch.setattr(timing, "sleep", lambda seconds: made.work("pause", seconds))
    return made


def test_contenders_take_turns_from_their_beginning(clock):
    found = take_turns([clock.contender("a", 1.0), clock.contender("b", 3.0)], rounds=2, least=0.0, pause=0.5)
    uncounted, round_ = ["reset a", "a", "reset b", "b"], ["pause", "reset a", "a", "pause", "reset b", "b"]
    assert clock.log == uncounted + 2 * round_
    assert found == {"a": [1.0, 1.0], "b": [3.0, 3.0]}


def test_a_turn_lasts_at_least_as_long_as_asked(clock):
    assert turn(clock.contender("a", 0.25), 0.7) == 0.25
    assert clock.log == ["reset a", "a", "a", "a"]


def test_after_the_limit_no_round_begins_but_the_first(clock):
    assert len(take_turns([clock.contender("a", 1.0)], rounds=9, least=0.0, limit=3.5)["a"]) == 3
    assert len(take_turns([clock.contender("a", 1.0)], rounds=9, least=0.0, limit=0.0)["a"]) == 1


def test_the_ratio_is_taken_within_each_round():
    assert ratio([2.0, 40.0, 3.0], [1.0, 10.0, 1.0]) == 3.0


def test_outcomes_are_numbers_from_the_beginning():
    state = {"x": 5.0}
    contender = Contender("a", lambda: [state["x"], np.float32(0.5)], lambda: state.update(x=1.0))
    found = contender.outcome()
    assert (found.dtype, found.tolist()) == (np.float64, [1.0, 0.5])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.1], [1.0], 0.1),
        ([1e-4], [0.0], 0.1),  # relative to 1e-3
        ([1.5], [1.0, 2.0], 0.0),  # one number for an epoch is its mean
    ],
)
def test_how_far_outcomes_are_apart(first, second, expected):
    assert apart(np.array(first), np.array(second)) == pytest.approx(expected)
