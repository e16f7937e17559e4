"""Dropout masks: the documented words, and what they mean."""

from __future__ import annotations

import naive
import numpy as np
import pytest

import deltaprop as dp
from deltaprop.core.dropout import check_dropout, mask
from deltaprop.core.spec import make_spec

SPEC = make_spec((2, 5, 3, 2), "relu", "softmax", "cross_entropy", "float64")


@pytest.mark.parametrize("m", [0, 1, 3, 16])
@pytest.mark.parametrize(("seed", "step", "layer"), [(0, 0, 1), (2**63 - 1, 7, 2), (5, 2**31, 1)])
def test_masks_are_the_documented_words(seed, step, layer, m):
    want = naive.dropout_rows(0.3, SPEC.sizes[layer], m, seed, step, layer)
    got = mask(SPEC, (0.3, 0.3), seed, step, layer, m)
    np.testing.assert_array_equal(got.T, np.array(want).reshape(m, SPEC.sizes[layer]))


def test_philox_gives_the_published_words():
    # Random123's known answers, kat_vectors: philox4x64-10 with counter and key all 0.
    words = (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)
    assert naive.philox((0, 0, 0, 0), (0, 0)) == words


def test_kept_units_are_scaled_so_that_the_mean_stays(dtype):
    spec = make_spec((2, 100, 2), "relu", "softmax", "cross_entropy", dtype)
    factors = mask(spec, (0.25,), 1, 0, 1, 400)
    assert factors.dtype == dtype
    assert set(np.unique(factors)) == {dtype.type(0), dtype.type(1 / 0.75)}
    assert abs(factors.mean() - 1) < 0.02  # 40 000 draws: a standard error of 0.003


def test_masks_differ_by_step_layer_and_seed():
    spec = make_spec((2, 64, 64, 2), "relu", "softmax", "cross_entropy", "float64")
    drawn = [mask(spec, (0.5, 0.5), *key, 4).tobytes() for key in [(0, 0, 1), (0, 0, 2), (0, 1, 1), (1, 0, 1)]]
    assert len(set(drawn)) == 4


def test_a_probability_next_to_one_still_gives_a_mask():
    factors = mask(SPEC, (1 - 1e-12, 0), 0, 0, 1, 3)
    assert factors.shape == (5, 3)


def test_probabilities_are_spread_over_the_hidden_layers():
    assert check_dropout(0.5, SPEC) == (0.5, 0.5)
    assert check_dropout([0.1, 0.0], SPEC) == (0.1, 0.0)
    assert check_dropout(0.0, SPEC) == ()


@pytest.mark.parametrize("dropout", [1.0, -0.1, np.nan, "0.5", [0.5], [0.1, 0.2, 0.3], [0.5, 2]])
def test_what_is_not_a_probability_is_refused(dropout):
    with pytest.raises(dp.ArgumentError, match=r"`dropout` must be"):
        check_dropout(dropout, SPEC)
