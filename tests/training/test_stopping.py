"""Why a training ends: patience, time, callbacks; and what the network is afterwards."""

from __future__ import annotations

import json
from itertools import count

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.training import run as run_module
from deltaprop.training.stopping import EarlyStopping, Plateau, Stopper


def epochs_until_stop(rule, values):
    stopper = Stopper()
    for epoch, value in enumerate(values, 1):
        if stopper.end_epoch(rule, epoch, value, np.zeros(1)):
            return epoch
    return None


@pytest.mark.parametrize(
    ("patience", "values", "stops_at"),
    [
        (0, [3, 2, 1, 1], 4),
        (1, [3, 2, 2.5, 1, 1.5, 1.5], 6),
        (2, [1, 1, 1, 1], 4),
        (2, [1, 2, 3, 0.5, 2, 3, 4], 7),
        (3, [1, 2, 3, 4], None),
    ],
)
def test_patience_is_how_many_epochs_in_a_row_may_fail_to_improve(patience, values, stops_at):
    assert epochs_until_stop(EarlyStopping(patience, monitor="cost"), values) == stops_at


def test_a_fall_must_be_larger_than_min_delta():
    assert epochs_until_stop(EarlyStopping(0, 0.5, "cost"), [3, 2.4, 1.9]) == 3


def test_an_epoch_that_is_better_by_less_than_min_delta_is_the_best_all_the_same():
    """Slow progress may end a training, but nothing better than what it ends with was thrown away."""
    rule, stopper, theta = EarlyStopping(2, 0.5, "cost"), Stopper(), np.zeros(1)
    stops = []
    for epoch, value in enumerate([3, 2.9, 2.8, 2.85], 1):
        theta[0] = epoch
        stops.append(stopper.end_epoch(rule, epoch, value, theta))
    assert stops == [False, False, False, True]
    assert stopper.restore(theta) == 3
    assert theta[0] == 3


def test_a_score_should_rise():
    assert epochs_until_stop(EarlyStopping(0, monitor="validation_score"), [0.1, 0.2, 0.3, 0.3]) == 4


def test_a_number_that_is_nan_is_never_the_best():
    stopper, rule = Stopper(), EarlyStopping(5, monitor="validation_score")
    for epoch, value in enumerate([np.nan, 0.5, np.nan, 0.4], 1):
        stopper.end_epoch(rule, epoch, value, np.zeros(1))
    assert stopper.best_epoch == 2


def test_the_best_of_all_epochs_is_kept(followed, rng):
    """Labels of noise, so that the validation cost turns."""
    held = rng.standard_normal((30, 4)), rng.integers(0, 3, 30)
    net, history, thetas = followed(epochs=60, optimizer=dp.Adam(0.05), validation=held, early_stopping=4)
    best = int(np.argmin(history.validation_cost)) + 1
    assert history.stopped == "early stopping"
    assert history.best_epoch == best == len(history) - 5
    np.testing.assert_array_equal(net.theta, thetas[best - 1])
    assert net.cost(*held) == history[best - 1].validation_cost


@pytest.mark.parametrize(("monitor", "best"), [("validation_score", np.argmax), ("cost", np.argmin)])
def test_other_numbers_can_be_watched(followed, blobs, monitor, best):
    watch = EarlyStopping(2, monitor=monitor)
    net, history, thetas = followed(epochs=12, optimizer=dp.Adam(0.3), validation=blobs, early_stopping=watch)
    assert history.best_epoch == best(getattr(history, monitor)) + 1
    np.testing.assert_array_equal(net.theta, thetas[history.best_epoch - 1])


def test_the_training_cost_can_be_watched_without_validation(trained):
    _, history = trained(early_stopping=EarlyStopping(0, 1e9, "cost"))
    assert (history.stopped, len(history)) == ("early stopping", 2)
    assert history.best_epoch == np.argmin(history.cost) + 1


def test_keep_best_false_keeps_the_last(followed, blobs):
    watch = EarlyStopping(1, 1e9, keep_best=False)
    net, history, thetas = followed(epochs=20, validation=blobs, early_stopping=watch)
    assert (history.best_epoch, len(history)) == (None, 3)
    np.testing.assert_array_equal(net.theta, thetas[-1])


def test_all_epochs_and_still_the_best_is_kept(trained, blobs):
    _, history = trained(validation=blobs, early_stopping=True)
    assert (history.stopped, len(history)) == ("epochs", 3)
    assert history.best_epoch == np.argmin(history.validation_cost) + 1


def test_early_stopping_needs_something_to_watch(trained):
    with pytest.raises(dp.ArgumentError, match=r"`early_stopping` must be matched by validation data.*validation=0\.2"):
        trained(early_stopping=True)


@pytest.mark.parametrize("off", [None, False])
def test_early_stopping_can_be_off(trained, off):
    assert len(trained(early_stopping=off)[1]) == 3


def test_a_misspelt_monitor_is_suggested():
    with pytest.raises(dp.ArgumentError, match="Did you mean 'validation_cost'"):
        EarlyStopping(monitor="validation_costs")


@pytest.mark.parametrize("given", [{"patience": -1}, {"min_delta": -1.0}, {"min_delta": float("nan")}], ids=repr)
def test_negative_numbers_are_refused(given):
    with pytest.raises(dp.ArgumentError, match="`early_stopping` must be made of numbers that are 0 or more"):
        EarlyStopping(**given)


@pytest.mark.parametrize("patience", [2.5, True, "3"])
def test_patience_is_a_whole_number(patience):
    with pytest.raises(dp.ArgumentTypeError, match="`patience` must be a whole number of epochs"):
        EarlyStopping(patience)


def test_a_plateau_lowers_the_rate_and_a_new_low_forgives():
    plateau, rule = Plateau(), dp.ReduceOnPlateau(gamma=0.5, patience=2, min_delta=0.1, floor=0.2)
    factors = []
    for cost in [5, 4, 4, 3.95, 3, 3, 2, 2, 2, 2, 2, 2, 2]:
        plateau.end_epoch(rule, cost)
        factors.append(plateau.factor)
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_reduce_on_plateau_lowers_the_rate_of_the_following_epochs(trained):
    never = dp.ReduceOnPlateau(gamma=0.1, patience=2, min_delta=1e9)
    _, history = trained(epochs=6, optimizer=dp.SGD(0.5), schedule=never)
    assert [record.learning_rate for record in history] == pytest.approx([0.5, 0.5, 0.5, 0.05, 0.05, 0.005])


def test_reduce_on_plateau_watches_the_validation_cost_where_there_is_one(trained, blobs, monkeypatch):
    seen = []
    monkeypatch.setattr(Plateau, "end_epoch", lambda self, rule, cost: seen.append(cost))
    _, history = trained(schedule="reduce_on_plateau", validation=blobs)
    assert seen == history.validation_cost


def test_a_schedule_sets_the_rate_of_every_step(trained):
    rates = []
    trained(epochs=2, schedule="cosine", optimizer=dp.SGD(0.3), on_step=lambda event: rates.append(event.learning_rate))
    e = (np.arange(8) + 0.5) / 4
    np.testing.assert_allclose(rates, 0.3 * 0.5 * (1 + np.cos(np.pi * e / 2)), rtol=1e-14)


def test_the_time_limit_ends_a_training_between_two_steps(trained, monkeypatch):
    clock = count()
    monkeypatch.setattr(run_module, "perf_counter", lambda: float(next(clock)))  # a second passes at every look
    net, history = trained(epochs=1000, time_limit=30, on_step=lambda event: None)
    assert history.stopped == "time limit"
    assert 0 < history.steps < 40
    np.testing.assert_array_equal(net.theta, stopped_at_step(trained, history.steps)[0].theta)


def stopped_at_step(trained, step, **given):
    return trained(**{"epochs": 1000, **given}, on_step=lambda event: event.stop() if event.step == step else None)


@pytest.mark.parametrize(("step", "whole_epochs"), [(1, 0), (4, 1), (6, 1), (8, 2)])
def test_a_callback_can_stop_after_any_step(trained, step, whole_epochs):
    _, history = stopped_at_step(trained, step)
    assert (history.stopped, history.steps, len(history)) == ("callback", step, whole_epochs)


def test_a_callback_can_stop_after_an_epoch(trained):
    _, history = trained(epochs=1000, on_epoch=lambda event: event.stop() if event.record.epoch == 2 else None)
    assert (history.stopped, history.steps, len(history)) == ("callback", 8, 2)


def test_the_first_reason_stands(trained):
    _, history = trained(on_epoch=[lambda event: event.stop("enough"), lambda event: event.stop("later")])
    assert history.stopped == "enough"


def test_stopping_in_the_middle_of_an_epoch_still_keeps_the_best(followed, blobs):
    net, history, thetas = stopped_at_step(followed, 10, validation=blobs, early_stopping=True)
    assert history.best_epoch in (1, 2)
    np.testing.assert_array_equal(net.theta, thetas[history.best_epoch - 1])


def test_several_callbacks_are_called_in_order(trained):
    said = []
    trained(epochs=1, batch_size=None, on_step=[lambda e: said.append("a"), lambda e: said.append("b")])
    assert said == ["a", "b"]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_progress_rises_to_the_number_of_epochs_and_changes_no_bit(trained, optimizer):
    told = []
    net, _ = trained(optimizer=optimizer, on_progress=told.append)
    assert told == sorted(set(told))
    assert {1.0, 2.0, 3.0} <= set(told)
    assert told[-1] == 3.0
    np.testing.assert_array_equal(net.theta, trained(optimizer=optimizer)[0].theta)


def test_events_count_from_1_and_carry_the_network(trained):
    steps, epochs = [], []
    net, history = trained(
        on_step=lambda event: steps.append((event.step, event.epoch, event.net)),
        on_epoch=lambda event: epochs.append((event.record, len(event.history), event.net)),
    )
    assert steps == [(s, (s + 3) // 4, net) for s in range(1, 13)]
    assert epochs == [(history[e], e + 1, net) for e in range(3)]


def test_the_trace_of_a_step_is_that_of_the_network_before_it(trained, classifier):
    before = [classifier()]

    def check(event):
        trace = event.trace()
        expected = before[-1].trace(trace.x, trace.y)
        for name in ("x", "y", "grad_a", "cost"):
            np.testing.assert_array_equal(getattr(trace, name), getattr(expected, name))
        for layer, other in zip(trace, expected, strict=True):
            for name in (*"Wbza", "a_prev", "sigma_prime", "delta", "dW", "db"):
                np.testing.assert_array_equal(getattr(layer, name), getattr(other, name))
        before.append(event.net.copy())

    trained(on_step=check)
    assert len(before) == 13


def test_a_trace_can_be_asked_for_later(trained, classifier):
    events = []
    trained(on_step=events.append)
    np.testing.assert_array_equal(events[0].trace().layer(1).W, classifier().layer(1).W)


class Oops(Exception):
    pass


@pytest.mark.parametrize("where", ["on_step", "on_epoch"])
def test_an_error_in_a_callback_leaves_whole_steps_behind(trained, blobs, classifier, where):
    def fail(event):
        if event.net is net and (where == "on_epoch" or event.step == 4):
            raise Oops

    net = classifier()
    with pytest.raises(Oops):
        dp.train(net, *blobs, batch_size=16, seed=5, **{where: fail})
    np.testing.assert_array_equal(net.theta, stopped_at_step(trained, 4)[0].theta)


def test_an_error_leaves_the_latest_parameters_and_not_the_best(classifier, blobs):
    """What an error says of the network, "from before that step", holds with early stopping too."""
    net, latest = classifier(), []
    X, y = blobs

    def fail(event):
        latest.append(event.net.theta.copy())
        if len(latest) == 3:
            assert np.argmin(event.history.validation_cost) == 0
            raise Oops

    wrong = X, (y + 1) % 3  # so that what training gains, validation loses
    with pytest.raises(Oops):
        dp.train(net, X, y, optimizer=dp.Adam(0.1), validation=wrong, early_stopping=9, on_epoch=fail, seed=0)
    np.testing.assert_array_equal(net.theta, latest[-1])


def test_a_history_is_plain_data(trained, blobs):
    _, history = trained(validation=blobs, early_stopping=True)
    data = json.loads(json.dumps(history.to_dict(), allow_nan=False))
    assert data["seed"] == 5
    assert data["stopped"] == "epochs"
    assert [epoch["cost"] for epoch in data["epochs"]] == history.cost
    assert all(later["seconds"] >= sooner["seconds"] for sooner, later in zip(data["epochs"], data["epochs"][1:]))  # noqa: B905
