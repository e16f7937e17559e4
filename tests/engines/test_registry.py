"""Which engine runs, and what is said if one cannot."""

from __future__ import annotations

import copy
import logging
import pickle
import re
import subprocess
import sys
import types

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.engines import native as native_module
from deltaprop.engines import registry
from deltaprop.engines.machine import check_threads, usable_cores
from deltaprop.engines.native import FORCED_SET
from deltaprop.engines.protocol import Probe
from deltaprop.engines.reference import ReferenceEngine
from deltaprop.engines.registry import ENGINES, probes, select

X = np.linspace(-1, 1, 6).reshape(2, 3)


@pytest.fixture
def said(monkeypatch, caplog):
    """What is logged from here on, as if nothing had been said before."""
    monkeypatch.setattr(registry, "_said", set())
    caplog.set_level(logging.WARNING, "deltaprop")
    return caplog


@pytest.fixture
def absent(monkeypatch):
    """A machine for which the compiled core was not built."""
    monkeypatch.setattr(native_module, "IMPORT_ERROR", "No module named 'deltaprop._native'")
    module = types.ModuleType("deltaprop._native_absent")
    module.WHY = "no C++ compiler was found when it was installed"
    monkeypatch.setitem(sys.modules, "deltaprop._native_absent", module)
    monkeypatch.setattr(dp, "_native_absent", module, raising=False)


def own():
    return dp.Activation("own", np.tanh, lambda z: 1 - np.tanh(z) ** 2)


def own_cost():
    return dp.Cost("mine", lambda a, y: ((a - y) ** 4).sum(axis=0), lambda a, y: 4 * (a - y) ** 3)


def test_the_reference_engine_is_always_here():
    assert probes()["reference"].available


def test_auto_takes_the_first_that_is_available():
    assert select("auto").name == next(name for name, here in probes().items() if here.available)


def test_every_name_is_listed_with_a_reason():
    assert list(probes()) == list(ENGINES) == ["native", "reference"]
    assert all(here.why for here in probes().values())


def test_show_engines_prints_what_it_returns(capsys):
    text = dp.show_engines()
    assert capsys.readouterr().out == text + "\n"
    assert text.splitlines()[-1] == f'"auto" picks {select("auto").name}'


def test_an_unavailable_engine_is_refused_with_its_reason():
    for name, here in probes().items():
        if not here.available:
            with pytest.raises(dp.EngineError, match=f"{name} engine is not available: {re.escape(here.why)}"):
                select(name)


# Where the compiled core was left out


def test_show_engines_says_in_one_line_why_it_was_left_out(absent, said):
    lines = dp.show_engines().splitlines()
    assert "native     no   not built, since no C++ compiler was found when it was installed" in lines
    assert lines[-1] == '"auto" picks reference'


def test_a_core_that_does_not_load_is_told_from_one_that_was_not_built(monkeypatch):
    monkeypatch.setitem(sys.modules, "deltaprop._native_absent", None)
    monkeypatch.setattr(native_module, "IMPORT_ERROR", "libstdc++.so.6: no version GLIBCXX_3.4.30")
    found = probes()["native"]
    assert not found.available
    assert found.why == "its compiled core does not load (libstdc++.so.6: no version GLIBCXX_3.4.30)"


def test_auto_falls_back_and_says_so_once(absent, said):
    for _ in range(3):
        assert dp.Network([3, 2]).engine == "reference"
    assert [record.getMessage() for record in said.records] == [
        "The native engine is not available: not built, since no C++ compiler was found when it was installed. "
        "The reference engine runs instead, and is slower."
    ]


def test_native_by_name_is_refused_with_a_sentence(absent):
    message = (
        "The native engine is not available: not built, since no C++ compiler was found when it was installed. "
        "Use engine='auto' or 'reference'."
    )
    with pytest.raises(dp.EngineError, match=re.escape(message)):
        dp.Network([3, 2], engine="native")


def test_it_is_said_on_stderr_unless_a_program_logs_elsewhere():
    code = (
        "from deltaprop.engines import native; native.IMPORT_ERROR = 'left out'\n"
        "import deltaprop as dp; dp.Network([3, 2]); dp.Network([3, 2])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.count("The reference engine runs instead, and is slower.") == 1


@pytest.mark.parametrize("asked", ["auto", "native"])
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_network_made_for_native_is_loaded_where_it_is_absent(native, said, request, asked, twin):
    net = dp.Network([3, 4, 2], seed=0, engine=asked, n_threads=2)
    there = net.forward(X)
    request.getfixturevalue("absent")
    loaded = twin(net)
    assert loaded.engine == "reference"
    assert "engine reference" in repr(loaded)
    np.testing.assert_allclose(loaded.forward(X), there, rtol=1e-6)
    expected = ["loaded for 'auto'", "runs instead"] if asked == "native" else ["runs instead"]
    for record, part in zip(said.records, expected, strict=True):
        assert part in record.getMessage()


def test_a_file_written_where_native_is_loads_where_it_is_absent(native, tmp_path, request):
    net = dp.Network([3, 4, 2], seed=0)
    net.save(tmp_path / "net.safetensors")
    request.getfixturevalue("absent")
    loaded = dp.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(loaded.theta, net.theta)
    assert loaded.engine == "reference"


def test_a_copy_asks_for_what_the_original_asked_for(native):
    net = dp.Network([3, 2], engine="reference", n_threads=3)
    for twin in (
        net.copy(),
        net.astype("float64"),
        copy.copy(net),
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
    ):
        assert (twin.engine, twin._asked) == ("reference", ("reference", 3))


# What native does not know


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        ({"activation": own()}, "your own activation 'own'"),
        ({"output": own(), "cost": "quadratic"}, "your own activation 'own'"),
        ({"output": "identity", "cost": own_cost()}, "your own cost 'mine'"),
        ({"activation": dp.Activation("tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2)}, "your own activation 'tanh'"),
    ],
)
def test_a_users_own_pair_runs_on_the_reference_engine_loudly(native, said, given, unknown):
    for _ in range(2):
        net = dp.Network([3, 4, 2], seed=0, **given)
        assert net.engine == "reference"
        assert repr(net).endswith("engine reference>")
    assert [record.getMessage() for record in said.records] == [
        f"The native engine does not know {unknown}. The reference engine runs instead, and is slower."
    ]
    with pytest.raises(dp.EngineError, match=f"The native engine does not know {unknown}. Use engine='auto'"):
        dp.Network([3, 4, 2], engine="native", **given)


def test_a_threshold_of_ones_own_is_known(native):
    net = dp.Network([3, 2], output="identity", cost=dp.huber(0.3), engine="native", seed=0)
    twin = dp.Network([3, 2], output="identity", cost=dp.huber(0.3), engine="reference", seed=0)
    Y = np.array([[0.1, 5.0], [-3, 0.2]])
    assert net.cost(X, Y) == pytest.approx(twin.cost(X, Y), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("q", [0.9, 0.1, 1 - 1e-8, 1e-8])
@pytest.mark.parametrize("y", [-20.0, 20.0])
def test_both_sides_of_a_quantile_are_known(native, dtype, q, y):
    """1 - q is taken in double: in float32 it would be 0 for a q near 1."""
    net, twin = (
        dp.Network([3, 2], output="identity", cost=dp.quantile(q), dtype=dtype, engine=engine, seed=0)
        for engine in ("native", "reference")
    )
    examples = X, np.full((len(X), 2), y)
    assert net.cost(*examples) == pytest.approx(twin.cost(*examples), rel=1e-6, abs=0)
    np.testing.assert_allclose(net.backprop(*examples).vector, twin.backprop(*examples).vector, rtol=1e-6)


def test_residuals_of_0_have_no_quantile_gradient(native):
    for engine in ("native", "reference"):
        net = dp.Network([1, 1], output="identity", cost=dp.quantile(0.9), engine=engine, seed=0)
        net.theta[...] = 0
        assert not net.backprop([[1.0]], [[0.0]]).vector.any()


class Uphill(dp.SGD):
    """A rule of one's own."""

    def update(self, theta, g, slots, rate, t):
        theta += rate * g


def test_an_update_rule_of_ones_own_is_refused_and_not_taken_for_its_parent(native):
    net = dp.Network([3, 2], seed=0, engine="native")
    before = net.theta.copy()
    with pytest.raises(dp.EngineError, match=r"The native engine does not know the update rule Uphill\. Use engine="):
        dp.train(net, X, [0, 1], optimizer=Uphill(0.1))
    np.testing.assert_array_equal(net.theta, before)


def test_an_update_rule_of_ones_own_runs_on_the_reference_engine_loudly(native, said):
    net, twin = dp.Network([3, 2], seed=0), dp.Network([3, 2], seed=0, engine="reference")
    for each in (net, twin):
        dp.train(each, X, [0, 1], optimizer=Uphill(0.1), seed=0)
    np.testing.assert_array_equal(net.theta, twin.theta)
    assert [record.getMessage() for record in said.records] == [
        "The native engine does not know the update rule Uphill. The reference engine runs instead, and is slower."
    ]


def test_a_new_engine_is_one_line(monkeypatch, said):
    class Toy(ReferenceEngine):
        name = "toy"

        def unsupported(self, spec, rules=None):
            return "dropout" if rules and rules.dropout else None

    monkeypatch.setitem(ENGINES, "toy", lambda: Probe(True, "a toy", lambda n_threads: Toy()))
    net = dp.Network([3, 4, 2], engine="toy", seed=0)
    assert net.engine == "toy"
    assert "toy        yes  a toy" in dp.show_engines().splitlines()
    dp.train(net, X, [0, 1], epochs=1)
    with pytest.raises(dp.EngineError, match=r"The toy engine does not know dropout\. Use engine='auto'"):
        dp.train(net, X, [0, 1], epochs=1, dropout=0.5)


# Instruction sets and threads


def test_an_instruction_set_can_be_forced(native, monkeypatch):
    for name in native_module.instruction_sets():
        monkeypatch.setenv(FORCED_SET, name)
        assert select("native").instruction_set == name
        assert f"instruction set {name}: named by {FORCED_SET}" in dp.show_engines()


def test_an_instruction_set_that_is_not_here_is_refused(native, monkeypatch):
    monkeypatch.setenv(FORCED_SET, "avx1024")
    with pytest.raises(dp.EngineError, match=r"`DELTAPROP_INSTRUCTION_SET` must be .*base.* Got 'avx1024'\."):
        select("native")


@pytest.mark.parametrize("value", [0, -1, 1025])
def test_a_number_of_threads_that_cannot_be(value):
    with pytest.raises(dp.ArgumentError, match=rf"`n_threads` must be from 1 to 1024, .* Got {value}\."):
        dp.Network([3, 2], n_threads=value)


@pytest.mark.parametrize("value", [2.0, True, "2"])
def test_a_number_of_threads_that_is_no_number(value):
    with pytest.raises(dp.ArgumentTypeError, match=r"`n_threads` must be a whole number, or None"):
        dp.Network([3, 2], n_threads=value)


def test_threads_are_the_usable_cores_unless_said(native):
    assert check_threads(None) == usable_cores() == select("native").n_threads
    assert select("native", n_threads=np.int64(3)).n_threads == 3
