"""Dropout masks as a function of (seed, step, layer) alone, so that every engine draws the same ones.

Words come from Philox-4x64-10 (Salmon et al., SC 2011) with key (seed, TAG) and counters (1, step, layer, 0),
(2, step, layer, 0), ..., four words each: NumPy's generator counts up before each block. A 64-bit word gives two
32-bit numbers, low half first, in the order of rows and, within a row, units. A unit is kept if its number is at
least p 2^32, and then scaled by 1 / (1 - p), so that its mean stays what it was.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, sentence

TAG = 0x64726F70
Masks = dict[int, Array]  # the factors of a^l, by layer


def check_dropout(dropout: float | tuple[float, ...] | list[float], spec: Spec) -> tuple[float, ...]:
    """The probabilities of the hidden layers 1..L-1; one number for all of them, () for none."""
    hidden = spec.L - 1
    given = tuple(dropout) if isinstance(dropout, (tuple, list)) else (dropout,) * hidden
    if len(given) != hidden:
        must = f"one probability, or one for each of the {hidden} hidden layers"
        raise ArgumentError(sentence("dropout", must, repr(dropout)))
    for p in given if given else (dropout,):
        if not (isinstance(p, (int, float, np.floating)) and 0 <= p < 1):
            raise ArgumentError(sentence("dropout", "a probability in [0, 1)", repr(p)))
    return given if any(given) else ()


def mask(spec: Spec, dropout: tuple[float, ...], seed: int, step: int, layer: int, m: int) -> Array:
    """The factors of a^l in this step, (n_l, m): 0, or 1 / (1 - p)."""
    p, n = dropout[layer - 1], spec.sizes[layer]
    words = np.random.Philox(counter=[0, step, layer, 0], key=[seed, TAG]).random_raw((n * m + 1) // 2)
    numbers = words.astype("<u8", copy=False).view("<u4")[: n * m].reshape(m, n)
    kept = numbers >= np.uint32(min(round(p * 2**32), 2**32 - 1))
    return (kept * spec.dtype.type(1 / (1 - p))).astype(spec.dtype, copy=False).T


def masks(spec: Spec, dropout: tuple[float, ...], seed: int, step: int, m: int) -> Masks:
    """The masks of this step for m examples, of every layer that drops."""
    return {l: mask(spec, dropout, seed, step, l, m) for l, p in enumerate(dropout, 1) if p}
