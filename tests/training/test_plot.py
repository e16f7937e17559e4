"""A history draws itself, where matplotlib is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import deltaprop as dp


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def drawn(ax):
    return {line.get_label(): list(line.get_ydata()) for line in ax.lines}


def test_the_training_cost_is_drawn_by_epoch(trained, pyplot):
    _, history = trained()
    ax = history.plot()
    assert drawn(ax) == {"training": history.cost}
    assert list(ax.lines[0].get_xdata()) == [1, 2, 3]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "cost C")


def test_validation_and_the_kept_epoch_are_drawn_where_there_are_any(trained, blobs, pyplot):
    _, history = trained(validation=blobs, early_stopping=True)
    found = drawn(history.plot())
    assert found["validation"] == history.validation_cost
    assert f"kept: epoch {history.best_epoch}" in found


def test_axes_that_are_given_are_used(trained, pyplot):
    ax = pyplot.subplots()[1]
    assert trained()[1].plot(ax) is ax


def test_a_history_without_epochs_can_be_drawn(pyplot):
    assert drawn(dp.History(seed=0).plot()) == {"training": []}


def test_the_picture_can_be_saved(trained, pyplot, tmp_path):
    trained()[1].plot().figure.savefig(tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_error_says_how_to_install_it(trained, monkeypatch):
    _, history = trained()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(dp.MissingExtraError) as caught:
        history.plot()
    message = "Plots need matplotlib, which is not installed. Run: pip install 'deltaprop[plot]'."
    assert str(caught.value) == message


def test_training_does_not_import_matplotlib():
    code = (
        "import sys, deltaprop as dp; dp.train(dp.Network([1, 1, 2]), [[0.0], [1.0]], [0, 1], validation=0.5); "
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
