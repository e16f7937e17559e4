"""L-BFGS: reaches solutions that are known otherwise, and refuses what would give it a moving target."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import deltaprop as dp

EXACT = dp.LBFGS(tolerance=1e-10)


def test_a_linear_network_reaches_least_squares(line, numbers):
    net, (X, Y) = line(), numbers
    history = dp.train(net, X, Y, optimizer=EXACT, epochs=200)
    solution = np.linalg.lstsq(np.c_[X, np.ones(50)], Y)[0]
    np.testing.assert_allclose(net.layer(1).W, solution[:3].T, atol=1e-6)
    np.testing.assert_allclose(net.layer(1).b, solution[3], atol=1e-6)
    assert history.stopped == "converged"


def test_weights_give_weighted_least_squares(line, numbers, rng):
    net, (X, Y), w = line(), numbers, rng.random(50)
    dp.train(net, X, Y, sample_weight=w, optimizer=EXACT, epochs=200)
    root = np.sqrt(w)[:, None]
    solution = np.linalg.lstsq(root * np.c_[X, np.ones(50)], root * Y)[0]
    np.testing.assert_allclose(net.layer(1).W, solution[:3].T, atol=1e-6)


def test_l2_gives_ridge_regression(line, numbers):
    """(XᵀX / m + l2 I) w = Xᵀ y / m, on centred data, as the bias is not penalised."""
    net, (X, Y), l2 = line(), numbers, 0.3
    dp.train(net, X, Y, l2=l2, optimizer=EXACT, epochs=200)
    x, y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    np.testing.assert_allclose(
        net.layer(1).W.T, np.linalg.solve(x.T @ x / 50 + l2 * np.eye(3), x.T @ y / 50), atol=1e-6
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_scikit_learns(blobs, classes):
    X, y = blobs[0], blobs[1] % classes
    l2 = 0.05
    sizes, output, Y = ([4, 1], "sigmoid", y[:, None]) if classes == 2 else ([4, 3], "softmax", y)
    net = dp.Network(sizes, output=output, dtype="float64", seed=0)
    dp.train(net, X, Y, l2=l2, optimizer=EXACT, epochs=500)
    theirs = LogisticRegression(C=1 / (l2 * len(y)), tol=1e-10, max_iter=1000).fit(X, y)
    expected = theirs.predict_proba(X)[:, 1:] if classes == 2 else theirs.predict_proba(X)
    np.testing.assert_allclose(net.forward(X), expected, atol=1e-6)


def test_an_epoch_is_an_iteration(trained, blobs):
    thetas = []
    net, history = trained(
        optimizer="lbfgs", epochs=7, validation=blobs, on_epoch=lambda event: thetas.append(event.net.theta.copy())
    )
    assert (len(history), history.steps, history.stopped) == (7, 7, "epochs")
    for theta, record in zip(thetas, history, strict=True):
        cost = dp.Network.from_parameters(net.spec, theta).cost(*blobs)
        assert record.cost == pytest.approx(cost, rel=1e-12)
        assert record.validation_cost == pytest.approx(cost, rel=1e-12)


def test_the_cost_falls_in_every_iteration(trained):
    assert (np.diff(trained(optimizer="lbfgs", epochs=20)[1].cost) < 0).all()


def test_the_same_start_gives_the_same_bits(trained):
    run = {"optimizer": "lbfgs", "epochs": 10}
    np.testing.assert_array_equal(trained(**run)[0].theta, trained(**run)[0].theta)


def test_float32_networks_are_trained_too(trained):
    net, history = trained(optimizer="lbfgs", epochs=20, dtype="float32")
    assert net.theta.dtype == np.float32
    assert history.cost[-1] < history.cost[0]


def test_a_fraction_held_out_takes_no_part(trained, blobs):
    from deltaprop.training.batches import split

    inside, _ = split(60, 0.25, 5)
    run = {"optimizer": "lbfgs", "epochs": 4}
    held = trained(validation=0.25, **run)[0]
    np.testing.assert_array_equal(held.theta, trained(blobs[0][inside], blobs[1][inside], **run)[0].theta)


def test_early_stopping_keeps_the_best(trained, rng):
    thetas = []
    held = rng.standard_normal((30, 4)), rng.integers(0, 3, 30)
    net, history = trained(
        optimizer="lbfgs",
        epochs=200,
        validation=held,
        early_stopping=3,
        on_epoch=lambda event: thetas.append(event.net.theta.copy()),
    )
    assert history.stopped == "early stopping"
    assert history.best_epoch == np.argmin(history.validation_cost) + 1
    np.testing.assert_array_equal(net.theta, thetas[history.best_epoch - 1])


@pytest.mark.parametrize("where", ["on_step", "on_epoch"])
def test_a_callback_can_stop_it(trained, where):
    net, history = trained(optimizer="lbfgs", epochs=50, **{where: lambda e: e.stop() if len(done(e)) >= 3 else None})
    assert history.stopped == "callback"
    np.testing.assert_array_equal(net.theta, trained(optimizer="lbfgs", epochs=len(history))[0].theta)


def done(event):
    return event.history if hasattr(event, "history") else range(event.step)


def test_the_step_event_is_of_the_network_before_the_iteration(trained, classifier, blobs):
    before = [classifier()]

    def check(event):
        trace = event.trace()
        np.testing.assert_array_equal(trace.layer(1).W, before[-1].layer(1).W)
        assert event.cost == pytest.approx(trace.cost, rel=1e-12)
        before.append(event.net.copy())

    trained(optimizer="lbfgs", epochs=5, on_step=check)
    assert len(before) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("l1", 0.1),
        ("dropout", 0.5),
        ("clip_norm", 1.0),
        ("schedule", "cosine"),
        ("schedule", "reduce_on_plateau"),
    ],
)
def test_what_would_move_the_target_is_refused(trained, name, value):
    with pytest.raises(dp.ArgumentError, match=f"`{name}` must be left out with L-BFGS"):
        trained(**{"optimizer": "lbfgs", name: value})


def test_a_cost_that_is_not_finite_at_the_start_is_named(line, numbers):
    net = line(dtype="float32")
    net.layer(1).W[...] = 3e38
    with pytest.raises(dp.NonFiniteError, match=r"step 1: (NaN|Inf) in layer 1, forward, z\^1"):
        dp.train(net, *numbers, optimizer="lbfgs")
    np.testing.assert_array_equal(net.layer(1).W, np.float32(3e38))


def test_a_penalty_that_overflows_at_the_start_is_named(line, numbers):
    net = line(dtype="float32")
    net.layer(1).W[...] = 100
    with pytest.raises(dp.NonFiniteError, match="step 1: Inf in the gradient with its penalty"):
        dp.train(net, *numbers, optimizer="lbfgs", l2=1e38)
