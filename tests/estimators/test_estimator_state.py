"""What an estimator is made of: parameters declared once, and one state that a training can be resumed from."""

from __future__ import annotations

import dataclasses
import inspect
import json

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import deltaprop as dp
from deltaprop.estimators.account import Account
from deltaprop.estimators.initial import ShuffledOrders
from deltaprop.estimators.parameters import ClassifierParameters
from deltaprop.estimators.rules import settings_of
from deltaprop.training.loop import run_training
from deltaprop.training.score import accuracy
from deltaprop.training.settings import Examples
from deltaprop.training.state import TrainingState

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(("ours", "theirs"), [(dp.MLPClassifier, MLPClassifier), (dp.MLPRegressor, MLPRegressor)])
def test_the_signature_has_scikit_learns_parameters_in_their_places_and_ours(ours, theirs):
    here, there = (inspect.signature(kind).parameters for kind in (ours, theirs))
    for name, parameter in there.items():
        assert (here[name].kind, here[name].default) == (parameter.kind, parameter.default)
    positional = [name for name, parameter in here.items() if parameter.kind is not parameter.KEYWORD_ONLY]
    assert positional == [name for name, parameter in there.items() if parameter.kind is not parameter.KEYWORD_ONLY]
    assert {name: parameter.default for name, parameter in here.items()} == ours().get_params()


def test_an_argument_that_does_not_exist_is_refused_by_the_estimators_name():
    with pytest.raises(TypeError, match=r"MLPClassifier.__init__\(\) got an unexpected keyword argument 'alfa'"):
        dp.MLPClassifier(alfa=1)


def test_the_checked_parameters_do_not_change():
    given = ClassifierParameters(**dp.MLPClassifier().get_params())
    with pytest.raises(dataclasses.FrozenInstanceError):
        given.alpha = 1


def test_parameters_changed_by_a_callback_count_in_the_next_fit(X, y):
    def change(event):
        estimator.set_params(max_iter=1, tol=1e9)

    estimator = dp.MLPClassifier((4,), max_iter=5, random_state=0, on_epoch=change)
    estimator.fit(X, y)
    assert estimator.n_iter_ == 5


def test_nothing_is_written_before_the_training_is_done(X, y):
    found = []
    estimator = dp.MLPClassifier((4,), max_iter=1, random_state=0)
    before = set(vars(estimator))
    estimator.set_params(on_epoch=lambda event: found.append(set(vars(estimator)))).fit(X, y)
    assert found == [before]


def new_training(given, net, data):
    """(settings, state) of a training as an estimator's fit makes them."""
    account, orders = Account(), ShuffledOrders(np.random.RandomState(3), bool(given.shuffle))
    settings = settings_of(given, net.spec, len(data), account, orders, score_of, partial=False)
    state = TrainingState.fresh(net, settings.optimizer, settings.seed)
    state.parts = {"account": account, "orders": orders}
    return settings, state


def score_of(a, Y, weight):
    return accuracy(a, Y, weight, exclusive=True)


@pytest.mark.parametrize("stop_at", [1, 7, 10, 14])
@pytest.mark.parametrize(
    "more", [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0}], ids=str
)
def test_a_training_resumed_from_its_packed_state_ends_with_the_same_bits(X, y, more, stop_at):
    """The state, through JSON, holds the account, the random stream and the orders: also within an epoch."""
    parameters = dp.MLPClassifier((4,), max_iter=6, batch_size=13, dropout=0.2, n_iter_no_change=1, **more).get_params()
    given = ClassifierParameters(**parameters)
    start = dp.Network([4, 4, 3], dtype="float64", seed=1)
    whole, halted, resumed = (start.copy() for _ in range(3))
    data = Examples(*whole.examples(X, y), np.arange(60))
    settings, uninterrupted = new_training(given, whole, data)
    run_training(whole, settings, data, data, uninterrupted)

    settings, state = new_training(given, halted, data)
    halt = lambda event: event.stop() if event.step == stop_at else None  # noqa: E731
    run_training(halted, dataclasses.replace(settings, on_step=(halt,)), data, data, state)
    arrays, plain = state.pack()

    settings, state = new_training(given, resumed, data)
    state.take_up(arrays, json.loads(json.dumps(plain)))
    run_training(resumed, settings, data, data, state)
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    assert state.same(uninterrupted)
