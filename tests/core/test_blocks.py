"""The blocks of θ and the kinds of layers: layout, parts of one rate and decay, and what `kinds` and `rates` may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deltaprop as dp
from deltaprop.core.blocks import KINDS, Part
from deltaprop.core.spec import make_spec


def described(sizes, kinds="dense", rates=None):
    return make_spec(sizes, "tanh", "identity", "quadratic", "float64", kinds, rates)


def names(spec):
    return [f"{block.name}{block.layer}" for block in spec.blocks]


def test_theta_of_dense_layers_is_the_weights_by_layer_then_the_biases():
    spec = described((3, 4, 2))
    assert [(block.layer, block.name, block.shape, block.at) for block in spec.blocks] == [
        (1, "W", (4, 3), slice(0, 12)),
        (2, "W", (2, 4), slice(12, 20)),
        (1, "b", (4,), slice(20, 24)),
        (2, "b", (2,), slice(24, 26)),
    ]
    assert spec.n_parameters == 26
    assert spec.decaying == (slice(0, 20),)
    assert spec.parts == (Part(slice(0, 20), True, 1.0), Part(slice(20, 26), False, 1.0))


def test_what_decays_comes_first_and_scales_stand_among_the_rest():
    spec = described((3, 3, 2, 2), ("scale", "dense", "scale"))
    assert names(spec) == ["W2", "s1", "b2", "s3"]
    assert [block.decays for block in spec.blocks] == [True, False, False, False]
    assert spec.decaying == (slice(0, 6),)
    assert described((2, 2, 2), "scale").decaying == ()


def test_a_block_is_a_view_of_any_vector_like_theta(rng):
    spec = described((3, 3, 2), ("scale", "dense"))
    theta = rng.standard_normal(spec.n_parameters)
    W, b, s = spec.arrays(theta, 2)["W"], spec.arrays(theta, 2)["b"], spec.arrays(theta, 1)["s"]
    np.testing.assert_array_equal(np.concatenate([W.ravel(), s, b]), theta)
    W[1, 2], s[0] = 7, 8
    assert (theta[5], theta[6]) == (7, 8)
    assert [block.name for block in spec.blocks_of(2)] == ["W", "b"]


def test_neighbours_that_move_alike_are_one_part_and_others_are_not():
    spec = described((2, 2, 2, 2), rates={(2, "W"): 0.5, (1, "b"): 0.0, (3, "b"): 1})
    assert spec.rates == ((1, "b", 0.0), (2, "W", 0.5))  # a factor of 1 says nothing
    assert [(part.at, part.decays, part.rate) for part in spec.parts] == [
        (slice(0, 4), True, 1.0),
        (slice(4, 8), True, 0.5),
        (slice(8, 12), True, 1.0),
        (slice(12, 14), False, 0.0),
        (slice(14, 18), False, 1.0),
    ]
    assert spec.decaying == (slice(0, 4), slice(4, 8), slice(8, 12))


@given(st.data())
def test_blocks_and_parts_cover_theta_once_and_in_order(data):
    kinds = data.draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5))
    sizes = [data.draw(st.integers(1, 4))]
    for kind in kinds:
        sizes.append(sizes[-1] if kind == "scale" else data.draw(st.integers(1, 4)))
    places = sorted({(block.layer, block.name) for block in described(sizes, kinds).blocks})
    rates = {
        place: data.draw(st.sampled_from([0.0, 0.5, 1.0, 2.0])) for place in data.draw(st.sets(st.sampled_from(places)))
    }
    spec = described(sizes, kinds, rates)
    everywhere = np.arange(spec.n_parameters)
    for slices in ([block.at for block in spec.blocks], [part.at for part in spec.parts]):
        np.testing.assert_array_equal(np.concatenate([everywhere[at] for at in slices]), everywhere)
    assert all(np.prod(block.shape) == block.at.stop - block.at.start for block in spec.blocks)
    by_part = np.concatenate([np.full(part.at.stop - part.at.start, part.rate) for part in spec.parts])
    for block in spec.blocks:
        assert (by_part[block.at] == rates.get((block.layer, block.name), 1.0)).all()


def test_scales_start_at_1_whatever_the_scheme():
    for scheme in ("auto", "book"):
        net = dp.Network([3, 3, 2], kinds=["scale", "dense"], seed=0, init=scheme)
        np.testing.assert_array_equal(net.layer(1).s, np.ones(3))
        assert net.layer(2).W.all()


def test_the_architecture_names_a_kind_that_is_not_dense():
    net = dp.Network([3, 3, 2], kinds=["scale", "dense"], activation="identity", seed=0)
    assert repr(net).startswith("<Network 3 - scale 3 identity - 2 softmax, cross_entropy, float32, 11 parameters")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kinds": "scal"}, r"`kinds` must be one of dense, scale\. Got 'scal'\. Did you mean 'scale'\?"),
        ({"kinds": ["dense"]}, r"`kinds` must be one kind of layer, or one per layer 1\.\.L\. Got 1 for 2 layers\."),
        ({"kinds": 3}, r"`kinds` must be one kind of layer, or one per layer 1\.\.L\. Got 3\."),
        ({"kinds": None}, r"`kinds` must be one kind of layer, or one per layer 1\.\.L\. Got None\."),
        ({"kinds": ["dense", None]}, r"`kinds` must be one of dense, scale\. Got None\."),
        (
            {"kinds": ["dense", "scale"]},
            r"`sizes` must be such that layer 2, of kind scale, has the 4 units of the layer below\. Got 2 units\.",
        ),
        (
            {"rates": {(1, "s"): 2}},
            r"`rates` must be keyed by \(layer, parameter\) of this network, such as \(1, 'W'\)\.",
        ),
        ({"rates": {(3, "W"): 2}}, r"`rates` must be keyed by .* Got \(3, 'W'\): 2\."),
        ({"rates": {"W": 2}}, r"`rates` must be keyed by .* Got 'W': 2\."),
        ({"rates": {(1, "W"): -1}}, r"`rates` must be made of finite numbers, 0 or more\. Got \(1, 'W'\): -1\."),
        ({"rates": {(1, "W"): np.inf}}, r"`rates` must be made of finite numbers, 0 or more\. Got \(1, 'W'\): inf\."),
        ({"rates": {(1, "W"): np.nan}}, r"`rates` must be made of finite numbers, 0 or more\. Got \(1, 'W'\): nan\."),
    ],
)
def test_what_cannot_be_is_refused(given, says):
    with pytest.raises(dp.ArgumentError, match=says):
        dp.Network([3, 4, 2], **given)


@pytest.mark.parametrize("factor", [True, "1", None])
def test_a_rate_that_is_no_number_is_refused(factor):
    with pytest.raises(dp.ArgumentTypeError, match=r"`rates` must be made of numbers\. Got "):
        dp.Network([3, 2], rates={(1, "W"): factor})


@pytest.mark.parametrize("rates", [5, False, "x", [(1, "W", 0.1)]])
def test_rates_that_are_no_dict_are_refused(rates):
    with pytest.raises(dp.ArgumentTypeError, match=r"`rates` must be a dict \{\(layer, parameter\): factor\}\. Got "):
        dp.Network([3, 2], rates=rates)


@pytest.mark.parametrize("layer", [np.int64(1), 1.0, True])
def test_a_layer_of_rates_is_a_whole_number(layer):
    with pytest.raises(dp.ArgumentError, match="`rates` must be keyed by"):
        dp.Network([3, 2], rates={(layer, "W"): 0.5})


def test_a_kind_that_is_no_text_is_refused():
    with pytest.raises(dp.ArgumentError, match="`kinds` must be one of dense, scale"):
        dp.Network([2, 2, 2], kinds=[["scale"], "dense"])


def test_no_rates_are_no_rates():
    assert dp.Network([3, 2], rates={}).spec == dp.Network([3, 2]).spec
