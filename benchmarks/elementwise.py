"""Every σ and σ' of the compiled core: worst and median error in ulp against mpmath, and the speed relative to NumPy.

float32: every STRIDE-th number of those with 2^-14 <= |z| < 128 (`python -m benchmarks.elementwise 1`: every one), and
some millions of the others, of which an oracle in float64 finds the worst; float64: a million random numbers with a
long double oracle. mpmath gives the errors of the worst, of some thousand special points, and of 2000 normal ones.
"""

from __future__ import annotations

import sys
from statistics import median

import numpy as np

from benchmarks._timing import interleaved
from deltaprop import _native
from deltaprop.core.activations import ACTIVATIONS, SELU_ALPHA, SELU_LAMBDA
from tests.exact import TRUTH, ZEROS, exact, special_points, ulps

STRIDE = 17
SPARSE = 61  # times the stride, for z at which σ and σ' are simple
CHUNK = 1 << 19
DENSE = (0x38800000, 0x43000000)  # the bits of 2^-14 and 128
KEPT = 6  # of each chunk's worst, for mpmath
SETS = _native.instruction_sets()


def native(name, instruction_set, z):
    """(σ, σ') by the compiled code of the plans."""
    a, dsigma = np.empty_like(z), np.empty_like(z)
    _native.activate(instruction_set, _native.ACTIVATIONS[name], z, a, dsigma)
    return a, dsigma


def reference(name, z):
    """(σ, σ') by the reference engine."""
    with np.errstate(all="ignore"):
        return ACTIVATIONS[name].both(z)


ENGINES = {**{s: (lambda name, z, s=s: native(name, s, z)) for s in SETS}, "NumPy": reference}


def oracle(name, z):
    """(σ, σ') to a few units of the wider type of z, except near the zeros of σ'."""
    with np.errstate(all="ignore"):
        e = np.exp(-np.abs(z))
        up = z >= 0
        s, s_minus = np.where(up, 1, e) / (1 + e), np.where(up, e, 1) / (1 + e)
        if name in ("relu", "leaky_relu", "identity"):
            slope = {"relu": 0, "leaky_relu": z.dtype.type(1) / 100, "identity": 1}[name]
            return np.where(z > 0, z, slope * z), np.where(z > 0, z.dtype.type(1), slope)
        if name == "gelu":
            return _gelu(z)
        if name == "mish":
            n, d = np.where(up, 1 + 2 * e, e * (2 + e)), np.where(up, 1 + 2 * e * (1 + e), 2 + e * (2 + e))
            t = n / d
            return z * t, t + z * (4 * e * (1 + e) * np.where(up, e, 1) / (d * d))
        scale = z.dtype.type(SELU_LAMBDA) * z.dtype.type(SELU_ALPHA) if name == "selu" else z.dtype.type(1)
        first = z.dtype.type(SELU_LAMBDA) if name == "selu" else z.dtype.type(1)
        down = np.minimum(z, 0)
        return {
            "sigmoid": lambda: (s, s * s_minus),
            "tanh": lambda: (np.tanh(z), 4 * e * e / (1 + e * e) ** 2),
            "silu": lambda: (z * s, s * (1 + z * s_minus)),
            "softplus": lambda: (np.maximum(z, 0) + np.log1p(e), s),
            "exp": lambda: (np.exp(z), np.exp(z)),
        }.get(
            name,
            lambda: (np.where(z > 0, first * z, scale * np.expm1(down)), np.where(z > 0, first, scale * np.exp(down))),
        )()


def _gelu(z):
    from scipy.special import erfc

    cdf = erfc(-z / np.sqrt(2.0)) / 2
    return z * cdf, cdf + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def about(got, want):
    """The error of `got` in ulp of its type, from a right value in a wider type."""
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        exponent = np.maximum(np.frexp(want)[1] - 1, info.minexp) - info.nmant
        error = np.ldexp(np.abs(got.astype(want.dtype) - want), -exponent)
    return np.where(np.abs(want) > float(info.max), 0, np.where(np.isfinite(got), error, np.inf))


class Worst:
    """The z with the largest errors of one function and engine, by the oracle."""

    def __init__(self):
        self.places = []

    def see(self, z, error):
        worst = np.argpartition(error, -KEPT)[-KEPT:]
        self.places += zip(error[worst].tolist(), z[worst].tolist(), strict=True)
        self.places = sorted(self.places, reverse=True)[: 4 * KEPT]

    def points(self, dtype):
        return np.array([z for _, z in self.places], dtype)


def float32_chunks(stride):
    """Every stride-th float32 in the middle, fewer elsewhere, both signs; neither NaN nor Inf."""
    for first, last, step in (
        (0, DENSE[0], SPARSE * stride),
        (*DENSE, stride),
        (DENSE[1], 0x7F800000, SPARSE * stride),
    ):
        for start in range(first, last, CHUNK * step):
            z = np.arange(start, min(start + CHUNK * step, last), step, dtype=np.uint32).view(np.float32)
            yield z
            yield -z


def float64_chunks(rng):
    """Random float64 in the range in which σ and σ' are not 0, 1 or z."""
    for low, high in ((-746, -690), (-39, -30), (-30, 0), (-8, 8), (-2, 2), (-0.5, 0.5), (0, 40), (40, 710)):
        yield rng.uniform(low, high, CHUNK // 8)
    yield np.ldexp(rng.uniform(-2, 2, CHUNK // 8), rng.integers(-40, 0, CHUNK // 8))


def search(name, chunks, wide):
    """The z with the largest errors of every engine, for σ and σ'."""
    found = {engine: (Worst(), Worst()) for engine in ENGINES}
    for z in chunks:
        if wide == np.longdouble:  # the special points cover the range in which long double does not suffice
            z = z[np.abs(z - ZEROS.get(name, np.inf)) > 1 / 16]
        want = oracle(name, z.astype(wide))
        for engine, run in ENGINES.items():
            for worst, got, right in zip(found[engine], run(name, z), want, strict=True):
                worst.see(z, about(got, right))
    return found


def errors_of(name, dtype, stride):
    """{engine: ((worst, median) of σ, the same of σ')}."""
    if dtype == np.float32:
        found = search(name, float32_chunks(stride), np.float64)
    else:  # no long double erfc here: gelu uses only mpmath
        found = search(name, [] if name == "gelu" else float64_chunks(np.random.default_rng(0)), np.longdouble)
    usual = np.random.default_rng(1).normal(0, 2, 2000).astype(dtype)
    special = special_points(np.dtype(dtype), 40 if name == "gelu" and dtype == np.float64 else 8)
    usual_truth, special_truth = exact(name, usual), exact(name, special)

    def judged(engine, i):
        worst = found[engine][i].points(dtype)
        error = ulps(ENGINES[engine](name, special)[i], special_truth[i]).max()
        if len(worst):
            error = max(error, ulps(ENGINES[engine](name, worst)[i], exact(name, worst)[i]).max())
        return error, np.median(ulps(ENGINES[engine](name, usual)[i], usual_truth[i]))

    return {engine: (judged(engine, 0), judged(engine, 1)) for engine in ENGINES}


def show(x):
    return "exact" if x == 0 else f"{x:.2f}" if x < 1000 else "> 1000"


def accuracy(stride):
    """The table of errors, row by row."""
    heads = [f"{dtype} {engine}" for dtype in ("float32", "float64") for engine in ENGINES]
    print("| | " + " | ".join(heads) + " |\n|---|" + "---|" * len(heads))
    for name in TRUTH:
        by_type = [errors_of(name, dtype, stride) for dtype in (np.float32, np.float64)]
        for i, label in enumerate(("σ", "σ'")):
            cells = [
                f"{show(worst)} ({show(middle)})" for of in by_type for worst, middle in (of[e][i] for e in ENGINES)
            ]
            print(f"| {name} {label} | " + " | ".join(cells) + " |", flush=True)


def speed():
    """The speed of σ and σ' on each instruction set relative to NumPy, in turn, medians of pairs."""
    rng = np.random.default_rng(0)
    print(
        "\n| σ and σ', against NumPy | " + " | ".join(f"{d} {s}" for d in ("float32", "float64") for s in SETS) + " |"
    )
    print("|---|" + "---|" * 2 * len(SETS))
    for name in TRUTH:
        cells = []
        for dtype in (np.float32, np.float64):
            z = rng.standard_normal(1 << 14).astype(dtype)
            for s in SETS:
                ratios = [interleaved(lambda: reference(name, z), lambda: native(name, s, z), 51)[2] for _ in range(3)]  # noqa: B023
                cells.append(f"{median(ratios):.1f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main():
    accuracy(int(sys.argv[1]) if len(sys.argv) > 1 else STRIDE)
    speed()


if __name__ == "__main__":
    main()
