"""Ctrl-C: the step under way is finished, train returns, and the terminal's usual answer is put back."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import deltaprop as dp


@pytest.fixture(autouse=True)
def usual_answer():
    """Ctrl-C as in a fresh interpreter, whatever the test run was started with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c(*_):
    signal.raise_signal(signal.SIGINT)


def at_step(step, then):
    return lambda event: then(event) if event.step == step else None


def stopped_at(trained, step, **given):
    return trained(**given, on_step=at_step(step, lambda event: event.stop()))[0].theta


@pytest.mark.parametrize("step", [1, 4, 6])
def test_train_returns_after_the_step(trained, step):
    net, history = trained(epochs=100, on_step=at_step(step, press_ctrl_c))
    assert (history.stopped, history.steps) == ("interrupted", step)
    np.testing.assert_array_equal(net.theta, stopped_at(trained, step))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(blobs):
    """Pressed while BP1-BP4 are running: the network is that of a whole number of steps."""

    def train(press_at=None, **given):
        calls = []

        def sigma(z):
            calls.append(1)
            if len(calls) == press_at:
                press_ctrl_c()
            return np.tanh(z)

        own = dp.Activation("own", sigma, lambda z: 1 - np.tanh(z) ** 2)
        net = dp.Network([4, 6, 3], activation=own, seed=0)
        calls.clear()  # the constructor has tried the pair
        return net, dp.train(net, *blobs, batch_size=16, epochs=100, seed=1, **given)

    net, history = train(press_at=7)
    assert history.stopped == "interrupted"
    assert 7 <= history.steps < 400
    twin, _ = train(on_step=at_step(history.steps, lambda event: event.stop()))
    np.testing.assert_array_equal(net.theta, twin.theta)


def test_ctrl_c_at_the_end_of_an_epoch(trained):
    _, history = trained(epochs=100, on_epoch=press_ctrl_c)
    assert (history.stopped, history.steps, len(history)) == ("interrupted", 4, 1)


def test_the_best_weights_are_put_back(trained, blobs):
    thetas = []
    net, history = trained(
        epochs=100,
        validation=blobs,
        early_stopping=True,
        on_step=at_step(10, press_ctrl_c),
        on_epoch=lambda event: thetas.append(event.net.theta.copy()),
    )
    assert history.stopped == "interrupted"
    np.testing.assert_array_equal(net.theta, thetas[history.best_epoch - 1])


def test_l_bfgs_returns_after_the_iteration(trained):
    net, history = trained(optimizer="lbfgs", epochs=100, on_step=at_step(3, press_ctrl_c))
    assert (history.stopped, history.steps) == ("interrupted", 3)
    np.testing.assert_array_equal(net.theta, trained(optimizer="lbfgs", epochs=3)[0].theta)


def test_a_second_ctrl_c_interrupts_as_usual(trained):
    with pytest.raises(KeyboardInterrupt):
        trained(on_step=lambda event: [press_ctrl_c(), press_ctrl_c()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_puts_the_usual_answer_back(trained):
    with pytest.raises(ZeroDivisionError):
        trained(on_step=lambda event: 1 / 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_someone_elses_answer_is_left_in_place(trained):
    pressed = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    _, history = trained(on_step=at_step(2, press_ctrl_c))
    assert (history.stopped, pressed) == ("epochs", [signal.SIGINT])


def test_a_training_within_a_training_leaves_ctrl_c_to_the_outer_one(trained):
    inner = []
    press_once = {"on_epoch": lambda event: press_ctrl_c() if len(event.history) == 1 else None}
    _, history = trained(epochs=100, on_step=at_step(2, lambda event: inner.append(trained(**press_once)[1])))
    assert (inner[0].stopped, len(inner[0])) == ("epochs", 3)
    assert (history.stopped, history.steps) == ("interrupted", 2)


def test_it_trains_in_a_thread_with_the_same_bits(trained):
    found = []
    thread = threading.Thread(target=lambda: found.append(trained()[0].theta))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(found[0], trained()[0].theta)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process alone")
def test_a_script_goes_on_after_ctrl_c():
    code = """
import os, signal, deltaprop as dp
signal.signal(signal.SIGINT, signal.default_int_handler)
press = lambda event: os.kill(os.getpid(), signal.SIGINT) if event.step == 5 else None
history = dp.train(dp.Network([1, 3, 2]), [[0.0], [1.0]], [0, 1], epochs=10**6, on_step=press)
print(history.stopped, history.steps)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["interrupted", "5"]


@pytest.fixture
def long_epoch():
    """Trains on the native engine for one epoch of 200 000 steps: seconds, if nothing ends it before."""

    def run(**given):
        net = dp.Network([256, 256, 2], seed=0, engine="native")
        X = np.broadcast_to(np.linspace(-1, 1, 256, dtype=np.float32), (200_000, 256))
        return dp.train(net, X, np.zeros(200_000, int), epochs=1, batch_size=1, optimizer="sgd", seed=0, **given)

    return run


def test_ctrl_c_within_a_long_epoch_of_the_native_engine(native, long_epoch):
    """A second thread presses: the native call under way has let go of the interpreter, and ends within its chunk."""
    pressed = threading.Thread(target=lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    history = long_epoch(on_progress=lambda done: None if pressed.ident else pressed.start())
    assert history.stopped == "interrupted"
    assert 0 < history.steps < 200_000


def test_the_time_limit_within_a_long_epoch_of_the_native_engine(native, long_epoch):
    history = long_epoch(time_limit=0.3)
    assert history.stopped == "time limit"
    assert 0 < history.steps < 200_000


def test_progress_within_a_long_epoch_is_told_about_every_40_ms(native, long_epoch):
    """In the median, for the machine may be busy with other things."""
    times = []
    long_epoch(time_limit=0.8, on_progress=lambda done: times.append(time.perf_counter()))
    assert len(times) > 10
    assert np.median(np.diff(times)[5:]) <= 0.05
