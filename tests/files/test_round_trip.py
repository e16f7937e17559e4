"""A network comes back from its file as it was: every activation, cost, number type and bit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import headers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.core.costs import COSTS, POSITIVE
from deltaprop.files.format import Stored, read_model, write_model

FITTING = {"cross_entropy": ("sigmoid", "softmax"), "poisson": POSITIVE}
CUBE = dp.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
FOURTH = dp.Cost.from_rows("fourth", lambda a, y: ((a - y) ** 4).sum(axis=1), lambda a, y: 4 * (a - y) ** 3)


@st.composite
def networks(draw):
    """Any network of built-in parts, its parameters finite bits of any kind."""
    cost = draw(st.sampled_from([*COSTS, "huber(2.5)", "huber(0.001)", "quantile(0.9)"]))
    output = draw(st.sampled_from(FITTING.get(cost, (*ACTIVATIONS, "softmax"))))
    hidden = draw(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(sorted(ACTIVATIONS))), max_size=3))
    widths, activations = [n for n, _ in hidden], [name for _, name in hidden]
    sizes = [draw(st.integers(1, 5)), *widths, draw(st.integers(2 if output == "softmax" else 1, 4))]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    net = dp.Network(
        sizes, activation=activations, output=output, cost=cost, dtype=dtype, seed=draw(st.integers(0, 99))
    )
    top = float(np.finfo(dtype).max)
    for place, value in draw(st.dictionaries(st.integers(0, net.theta.size - 1), st.floats(-top, top))).items():
        net.theta[place] = value
    return net


def bits(array):
    return array.view(f"u{array.itemsize}")


@given(net=networks())
def test_every_network_comes_back_bit_for_bit(net, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "any.safetensors"
    net.save(file)
    again = dp.load(file)
    assert again.theta.dtype == net.theta.dtype
    np.testing.assert_array_equal(bits(again.theta), bits(net.theta))
    assert (again.spec.sizes, again.spec.activations) == (net.spec.sizes, net.spec.activations)
    assert again.spec.cost.name == net.spec.cost.name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_outputs_are_equal_to_the_bit(activation, dtype, reloaded, rng):
    net = dp.Network([5, 8, 7, 3], activation=activation, dtype=dtype, seed=1)
    X = rng.standard_normal((20, 5))
    np.testing.assert_array_equal(reloaded(net).forward(X), net.forward(X))


def test_a_trained_network_goes_on_to_the_same_bits(reloaded, rng):
    X, y = rng.standard_normal((40, 5)), rng.integers(0, 3, 40)
    net = dp.Network([5, 8, 3], seed=1)
    dp.train(net, X, y, epochs=2, seed=0)
    again = reloaded(net)
    for one in (net, again):
        dp.train(one, X, y, epochs=2, seed=1)
    np.testing.assert_array_equal(again.theta, net.theta)


def test_saving_what_was_loaded_gives_the_same_file(path, tmp_path):
    dp.load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_huber_keeps_its_threshold(reloaded):
    net = dp.Network([2, 1], output="identity", cost=dp.huber(2.5), seed=0)
    X, Y = [[1.0, 1.0]], [[50.0]]
    assert reloaded(net).cost(X, Y) == net.cost(X, Y)
    assert reloaded(net).spec.cost.name == "huber(2.5)"


THRESHOLDS, QS = (1 / 3, 1e-7, 123456.789, 1e20), (0.5, 0.9, 1 / 3, 1e-7, 1 - 2**-53)


@pytest.mark.parametrize("cost", [*map(dp.huber, THRESHOLDS), *map(dp.quantile, QS)], ids=lambda cost: cost.name)
def test_a_cost_keeps_every_digit_of_its_number(cost, reloaded):
    net = dp.Network([2, 1], output="identity", cost=cost, seed=0)
    assert reloaded(net).spec.cost.C.keywords == cost.C.keywords


def own_network():
    return dp.Network([2, 3, 1], activation=CUBE, output="identity", cost=FOURTH, seed=0)


def test_functions_of_ones_own_are_given_again(reloaded, rng):
    net = own_network()
    again = reloaded(net, [FOURTH, CUBE])
    X, Y = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    assert again.cost(X, Y) == net.cost(X, Y)
    np.testing.assert_array_equal(again.backprop(X, Y).vector, net.backprop(X, Y).vector)


@pytest.mark.parametrize(("custom", "missing"), [([], "'cube', 'fourth'"), ([CUBE], "'fourth'"), ([FOURTH], "'cube'")])
def test_functions_of_ones_own_that_are_missing_are_named(tmp_path, custom, missing):
    own_network().save(tmp_path / "net")
    with pytest.raises(dp.ArgumentError) as caught:
        dp.load(tmp_path / "net", custom=custom)
    assert str(caught.value) == (
        f"{str(tmp_path / 'net')!r} uses {missing}, which are not built in. "
        "Files hold no code: give them again, as in load(path, custom=[...])."
    )


def test_functions_that_the_file_does_not_ask_for_are_ignored(path, net, rng):
    relu = dp.Activation("relu", lambda z: -z, lambda z: -np.ones_like(z))
    X = rng.standard_normal((4, 3))
    np.testing.assert_array_equal(dp.load(path, custom=[relu, FOURTH]).forward(X), net.forward(X))


def test_ones_own_function_under_a_built_in_name_is_not_taken_for_it(tmp_path):
    relu = dp.Activation("relu", lambda z: np.maximum(z, -1), lambda z: (z > -1).astype(z.dtype))
    dp.Network([2, 3, 2], activation=relu).save(tmp_path / "net")
    with pytest.raises(dp.ArgumentError, match="uses 'relu', which are not built in"):
        dp.load(tmp_path / "net")
    assert dp.load(tmp_path / "net", custom=[relu]).layer(1).activation is relu


def test_an_activation_and_a_cost_may_share_a_name(reloaded):
    sigma = dp.Activation("own", CUBE.sigma, CUBE.sigma_prime)
    cost = dp.Cost("own", FOURTH.C, FOURTH.grad_a)
    again = reloaded(dp.Network([2, 3, 1], activation=sigma, output="identity", cost=cost), [cost, sigma])
    assert (again.layer(1).activation, again.spec.cost) == (sigma, cost)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"epochs": 3, "cost": 0.25, "stopped": None, "list": [1, [2.5, {"deep": True}]]},
        {"quelle": "Größe, 名前, 🙂, \u0000, \\ \" '", "δ": "σ'"},
        {"path": "unreadable name \udcff"},
    ],
    ids=repr,
)
def test_facts_are_kept(net, path, facts):
    net.facts = facts
    net.save(path)
    assert dp.load(path).facts == facts


@pytest.mark.parametrize("value", [np.int64(1), float("nan"), float("inf"), {1, 2}, b"x", object], ids=repr)
def test_facts_that_json_cannot_hold_are_refused_and_the_old_file_stays(net, path, value):
    before = path.read_bytes()
    net.facts = {"bad": value}
    with pytest.raises(dp.ArgumentError, match="`facts` must be plain data: text, finite numbers"):
        net.save(path)
    assert path.read_bytes() == before


def test_facts_that_hold_themselves_are_refused(net, path):
    net.facts["self"] = net.facts
    with pytest.raises(dp.ArgumentError, match="`facts` must be plain data"):
        net.save(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_are_not_finite_are_not_saved(net, path, value):
    """A file that could not be loaded again is not written in the first place."""
    before = path.read_bytes()
    net.layer(2).b[1] = value
    with pytest.raises(dp.ArgumentError, match=r"`theta` must be finite in every .*\. Got NaN or Inf in layer\.2\.b\."):
        net.save(path)
    assert path.read_bytes() == before


def test_a_table_is_kept_beside_the_network(net, path):
    table = {"encoder": {"columns": ["größe"]}, "labels": ["a", "b"]}
    write_model(path, Stored(net.spec, net.theta, {"epochs": 1}, table))
    stored = read_model(path)
    assert (stored.table, stored.facts) == (table, {"epochs": 1})
    np.testing.assert_array_equal(dp.load(path).theta, net.theta)


def test_a_network_without_a_table_has_none(path):
    assert read_model(path).table is None


@pytest.mark.parametrize("given", [{"kinds": ["scale", "dense"]}, {"rates": {(2, "W"): 0.5, (1, "b"): 0}}], ids=repr)
def test_layers_of_scales_and_rates_are_format_2(given, reloaded, tmp_path):
    net = dp.Network([3, 3, 2], seed=0, engine="reference", **given)
    again = reloaded(net)
    np.testing.assert_array_equal(again.theta, net.theta)
    assert (again.spec.kinds, again.spec.rates, again.spec.blocks) == (net.spec.kinds, net.spec.rates, net.spec.blocks)
    assert headers.parts((tmp_path / "net").read_bytes())[1]["format"] == 2


@pytest.mark.parametrize("kind", [str, Path], ids=["str", "Path"])
def test_paths_may_be_text_or_paths(net, tmp_path, kind):
    net.save(kind(tmp_path / "netz ünïcode 名.safetensors"))
    assert dp.load(kind(tmp_path / "netz ünïcode 名.safetensors")).theta.tobytes() == net.theta.tobytes()


def test_relative_paths_are_those_of_the_working_folder(net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net.save("net")
    assert os.listdir(tmp_path) == ["net"]  # noqa: PTH208
    assert len(dp.load("net")) == 2


def test_other_programs_find_the_tensors_by_name(path, net):
    with safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == ["layer.1.W", "layer.1.b", "layer.2.W", "layer.2.b"]
        np.testing.assert_array_equal(file.get_tensor("layer.2.W"), net.layer(2).W)
        assert json.loads(file.metadata()["deltaprop"]) == {
            "format": 1,
            "sizes": [3, 4, 2],
            "activations": ["relu", "softmax"],
            "cost": "cross_entropy",
            "dtype": "float32",
            "custom": [],
            "facts": {"epochs": 3},
        }


def test_what_is_loaded_can_be_written_to(path):
    net = dp.load(path)
    net.layer(1).W[...] = 0
    assert (net.theta[:12] == 0).all()
