"""The loss curves of the engines are one: 1e-5 relative in float32 over 100 steps, 1e-12 in float64."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import fitting_pairs

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.core.costs import COSTS
from deltaprop.core.functions import get_cost

WITHIN = {"float32": 1e-5, "float64": 1e-12}
M, N_0, N_L = 400, 9, 4
OPTIMIZERS = {
    "sgd": dp.SGD(0.2),
    "momentum": dp.SGD(0.05, momentum=0.9),
    "nesterov": dp.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": dp.RMSprop(0.003),
    "adam": dp.Adam(0.01),
    "adamw": dp.AdamW(0.01, weight_decay=0.1),
}
weight = np.linspace(0.2, 2, M)
VARIANTS = {
    "plain": {},
    "dropout": {"dropout": (0.3, 0.1)},
    "weights": {"sample_weight": weight},
    "penalties": {"l1": 1e-3, "l2": 1e-2},
    "clipping": {"clip_norm": 0.3},
    "everything": {"dropout": 0.2, "sample_weight": weight, "l1": 1e-3, "l2": 1e-2, "clip_norm": 1.0},
}
SCHEDULES = ["cosine", "one_cycle", "step", "inverse_scaling", "warm_up", dp.ReduceOnPlateau(patience=1)]
PAIRS = fitting_pairs(*COSTS)


@pytest.fixture
def examples(rng):
    X = rng.standard_normal((M, N_0))
    return X, np.argmax(X[:, :N_L] + 0.5 * rng.standard_normal((M, N_L)), axis=1)


def curve(engine, dtype, X, Y, of=None, **given):
    """C of each of 105 steps, in 8 epochs with an odd last batch, and the parameters at the end."""
    net = dp.Network(
        [N_0, 17, 12, N_L], **{"activation": "tanh", "dtype": dtype, "seed": 0, **(of or {})}, engine=engine
    )
    assert net.engine == engine
    costs = []
    history = dp.train(net, X, Y, epochs=8, batch_size=31, seed=1, on_step=lambda e: costs.append(e.cost), **given)
    assert len(costs) >= 100
    return np.array([*costs, *history.cost]), net.theta


def agree(dtype, *args, **given):
    (got, theta), (want, other) = (curve(engine, dtype, *args, **given) for engine in ("native", "reference"))
    np.testing.assert_allclose(got, want, rtol=WITHIN[dtype.name], atol=0)
    assert want[-1] < want[-8]
    assert np.abs(theta - other).max() <= 100 * WITHIN[dtype.name]


RULES = [(optimizer, variant) for optimizer in OPTIMIZERS for variant in ("plain", "everything")]
RULES += [("momentum", variant) for variant in VARIANTS if variant not in ("plain", "everything")]


@pytest.mark.parametrize(("optimizer", "variant"), RULES)
def test_by_every_rule(native, dtype, examples, optimizer, variant):
    agree(dtype, *examples, optimizer=OPTIMIZERS[optimizer], **VARIANTS[variant])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_by_every_schedule(native, dtype, examples, schedule):
    agree(dtype, *examples, optimizer=dp.SGD(0.1, momentum=0.5), schedule=schedule)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_with_every_activation(native, dtype, examples, activation):
    agree(dtype, *examples, of={"activation": activation}, optimizer=dp.Adam(0.005))


@pytest.mark.parametrize(("output", "cost"), PAIRS)
def test_with_every_output_and_cost(native, dtype, rng, examples, output, cost):
    X, y = examples
    Y = np.eye(N_L)[y] if get_cost(cost, output).targets != "real" else X[:, :N_L] ** 2 / 4
    if cost == "absolute" and output != "softmax":
        Y = Y + 3  # away from the kink of |a - y|, where rounding decides about the sign
    agree(dtype, X, Y, of={"output": output, "cost": cost}, optimizer=dp.Adam(0.003))


def test_of_the_epochs_in_whole_calls(native, dtype, examples):
    """Without a callback the native engine takes many steps in one call; validation and early stopping as they are."""
    found = []
    for engine in ("native", "reference"):
        net = dp.Network([N_0, 17, N_L], dtype=dtype, seed=0, engine=engine)
        history = dp.train(net, *examples, epochs=12, seed=1, validation=0.25, early_stopping=3, dropout=0.2)
        found.append([history.cost, history.validation_cost, history.validation_score])
        found[-1].append([history.best_epoch, history.steps])
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, rtol=WITHIN[dtype.name], atol=0)


def test_of_l_bfgs(native, examples):
    """In float64: SciPy's line search amplifies what rounding differs by, so the first iterations."""
    curves = []
    for engine in ("native", "reference"):
        net = dp.Network([N_0, 17, N_L], activation="tanh", dtype="float64", seed=0, engine=engine)
        curves.append(dp.train(net, *examples, epochs=10, optimizer="lbfgs", batch_size=None, l2=1e-3).cost)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-9, atol=0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "adamw"])
def test_of_the_estimators(native, dtype, examples, solver):
    X, y = examples
    for kind, target in ((dp.MLPClassifier, y), (dp.MLPClassifier, y > 1), (dp.MLPRegressor, X[:, :2] ** 2)):
        curves = []
        for engine in ("native", "reference"):
            given = {"solver": solver, "max_iter": 30, "tol": 0.0, "n_iter_no_change": 30, "random_state": 0}
            model = kind(hidden_layer_sizes=(20,), batch_size=100, engine=engine, **given)
            curves.append(model.fit(X.astype(dtype), target).loss_curve_)
        np.testing.assert_allclose(curves[0], curves[1], rtol=WITHIN[dtype.name], atol=0)


def test_of_a_table(native, dtype):
    curves = []
    for engine in ("native", "reference"):
        model = dp.TableModel((20,), epochs=10, dropout=0.1, seed=0, dtype=dtype.name, engine=engine)
        history = model.fit("iris").history
        curves.append([history.cost, history.validation_cost])
    np.testing.assert_allclose(curves[0], curves[1], rtol=WITHIN[dtype.name], atol=0)
