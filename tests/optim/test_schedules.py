"""Learning-rate schedules: values that can be worked out by hand, and what holds for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaprop.errors import ArgumentError
from deltaprop.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    InverseScaling,
    OneCycle,
    ReduceOnPlateau,
    StepDecay,
    WarmUp,
    get_schedule,
)

USUAL = [make() for make in SCHEDULES.values()] + [WarmUp(2, Cosine(0.1)), StepDecay(0.5, 0.9), OneCycle(0.5, 0.5)]
times = st.floats(0, 50, allow_subnormal=False)


def at(schedule, e, epochs=10):
    return float(schedule.factor(np.array([float(e)]), epochs)[0])


def middles(epochs, n_steps):
    """The middle of every step of a training, in epochs."""
    return (np.arange(epochs * n_steps) + 0.5) / n_steps


@pytest.mark.parametrize(
    ("schedule", "e", "factor"),
    [
        (Constant(), 7.3, 1.0),
        (StepDecay(3, 0.5), 2.99, 1.0),
        (StepDecay(3, 0.5), 3.0, 0.5),
        (StepDecay(3, 0.5), 9.5, 0.125),
        (StepDecay(1, 1.0), 5, 1.0),
        (InverseScaling(), 0, 1.0),
        (InverseScaling(), 3, 0.5),
        (InverseScaling(1.0), 9, 0.1),
        (InverseScaling(0), 9, 1.0),
        (Cosine(), 0, 1.0),
        (Cosine(), 5, 0.5),
        (Cosine(), 10 / 3, 0.75),  # ½ (1 + cos 60°)
        (Cosine(), 10, 0.0),
        (Cosine(0.2), 5, 0.6),
        (Cosine(0.2), 11, 0.2),
        (OneCycle(0.4, 0.1), 0, 0.1),
        (OneCycle(0.4, 0.1), 2, 0.55),
        (OneCycle(0.4, 0.1), 4, 1.0),
        (OneCycle(0.4, 0.1), 7, 0.5),
        (OneCycle(0.4, 0.1), 10, 0.0),
        (WarmUp(2), 0.5, 0.25),
        (WarmUp(2), 2, 1.0),
        (WarmUp(2), 9, 1.0),
        (WarmUp(2, Cosine()), 2, 1.0),
        (WarmUp(2, Cosine()), 6, 0.5),
        (WarmUp(2, Cosine()), 10, 0.0),
        (WarmUp(1, StepDecay(2, 0.1)), 3.5, 0.1),
        (ReduceOnPlateau(), 4, 1.0),
    ],
    ids=repr,
)
def test_factor_at_known_times(schedule, e, factor):
    assert at(schedule, e) == pytest.approx(factor, abs=1e-15)


@pytest.mark.parametrize(
    "schedule", [StepDecay(), InverseScaling(), Cosine(), Cosine(0.3), ReduceOnPlateau()], ids=repr
)
@given(e=times, later=times)
def test_what_only_falls_never_rises(schedule, e, later):
    first, last = sorted((e, later))
    assert at(schedule, first, 20) >= at(schedule, last, 20)


@pytest.mark.parametrize("schedule", [OneCycle(0.25), WarmUp(5, Cosine()), WarmUp(5, InverseScaling())], ids=repr)
@given(e=times, later=times)
def test_what_rises_first_falls_after_its_top(schedule, e, later):
    top, first, last = 5, *sorted((e, later))
    if last <= top:
        assert at(schedule, first, 20) <= at(schedule, last, 20)
    if first >= top:
        assert at(schedule, first, 20) >= at(schedule, last, 20)


@pytest.mark.parametrize("schedule", USUAL, ids=repr)
@given(es=st.lists(times, max_size=8))
def test_all_steps_at_once_are_each_step_alone(schedule, es):
    together = schedule.factor(np.array(es), 20)
    assert together.shape == (len(es),)
    np.testing.assert_array_equal(together, [at(schedule, e, 20) for e in es])


@pytest.mark.parametrize("schedule", USUAL, ids=repr)
@given(epochs=st.integers(1, 100), n_steps=st.integers(1, 50))
def test_every_step_of_a_training_has_a_rate_above_0_and_at_most_1(schedule, epochs, n_steps):
    factors = schedule.factor(middles(epochs, n_steps), epochs)
    assert (factors > 0).all()
    assert (factors <= 1).all()


@pytest.mark.parametrize("schedule", USUAL, ids=repr)
def test_the_batch_size_does_not_change_what_an_epoch_means(schedule):
    """Three steps an epoch have the middle one at the same time as the only step of a larger batch."""
    np.testing.assert_allclose(
        schedule.factor(middles(12, 3), 12)[1::3], schedule.factor(middles(12, 1), 12), rtol=1e-14
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0), "`every` must be a positive number of epochs. Got 0."),
        (lambda: StepDecay(gamma=0.0), "`gamma` must be in (0, 1]. Got 0.0."),
        (lambda: StepDecay(gamma=float("nan")), "`gamma` must be in (0, 1]. Got nan."),
        (lambda: InverseScaling(-1), "`power` must be finite and 0 or more. Got -1."),
        (lambda: InverseScaling(float("inf")), "`power` must be finite and 0 or more. Got inf."),
        (lambda: Cosine(1.5), "`floor` must be in [0, 1]. Got 1.5."),
        (lambda: OneCycle(1.0), "`rise` must be in (0, 1). Got 1.0."),
        (lambda: OneCycle(start=-0.1), "`start` must be in [0, 1]. Got -0.1."),
        (lambda: WarmUp(0), "`epochs_up` must be a positive number of epochs. Got 0."),
        (
            lambda: WarmUp(1, "cosine"),
            "`then` must be a Constant, StepDecay, InverseScaling or Cosine. Got 'cosine'.",
        ),
        (lambda: ReduceOnPlateau(gamma=1), "`gamma` must be in (0, 1). Got 1."),
        (lambda: ReduceOnPlateau(patience=0), "`patience` must be 1 or more. Got 0."),
        (lambda: ReduceOnPlateau(min_delta=float("nan")), "`min_delta` must be 0 or more. Got nan."),
        (lambda: ReduceOnPlateau(floor=-1), "`floor` must be in [0, 1]. Got -1."),
    ],
)
def test_bad_numbers_are_refused_in_one_sentence(make, message):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_found_by_its_name(name):
    assert get_schedule(name) == SCHEDULES[name]()


def test_a_schedule_passes_through():
    schedule = Cosine(0.1)
    assert get_schedule(schedule) is schedule


@pytest.mark.parametrize(
    ("name", "suggestion"), [("cosin", "cosine"), ("onecycle", "one_cycle"), ("warmup", "warm_up"), ("Step", "step")]
)
def test_a_misspelt_schedule_is_suggested(name, suggestion):
    with pytest.raises(ArgumentError, match=f"`schedule` must be one of .* Did you mean '{suggestion}'"):
        get_schedule(name)


@pytest.mark.parametrize("given_", [None, 0.5, Cosine, ["cosine"]], ids=repr)
def test_what_is_no_schedule_is_refused(given_):
    with pytest.raises(ArgumentError, match="`schedule` must be one of"):
        get_schedule(given_)
