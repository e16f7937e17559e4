"""The coefficients in native/src/coefficients.hpp and native/src/activation.hpp, fitted with mpmath to 40 digits.

    python tools/fit_polynomials.py

Each polynomial is the least-squares fit in the Chebyshev points of the interval, of its error times `weight`: within a
factor of about 2 of the best possible error, which is printed behind it and is below 1/8 ulp where it enters.
"""

from __future__ import annotations

from collections.abc import Callable

from mpmath import cos, erfc, exp, expm1, findroot, log, lu_solve, matrix, mp, mpf, nstr, pi, polyval, sqrt, taylor

mp.dps = 40
DIGITS = {"float": 9, "double": 17}
BITS = {"float": 24, "double": 53}
K = mpf(3)  # u = (x - K) / (x + K) takes [0, ∞) to [-1, 1): M. Shepherd and J. Laframboise, Math. Comp. 36 (1981) 249
DENSITY = 1 / sqrt(2 * pi)


def rounded(x: mpf, kind: str) -> mpf:
    """x to the nearest number of that type."""
    with mp.workprec(BITS[kind]):
        return +x


def show(name: str, x: mpf, kind: str) -> None:
    """A constant as the sum of two numbers of the type."""
    hi = rounded(x, kind)
    suffix = "f" if kind == "float" else ""
    print(f"{name} {kind}: {nstr(hi, DIGITS[kind])}{suffix}, {nstr(x - hi, DIGITS[kind])}{suffix}")


def fit(
    name: str,
    f: Callable[[mpf], mpf],
    interval: tuple[mpf, mpf],
    degree: int,
    kind: str,
    weight: Callable[[mpf], mpf] = lambda x: mpf(1),
) -> None:
    """The coefficients of f, highest power first."""
    middle, half, count = (interval[0] + interval[1]) / 2, (interval[1] - interval[0]) / 2, 8 * (degree + 1)
    points = [middle + half * cos(pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    powers = matrix([[weight(x) * x ** (degree - j) for j in range(degree + 1)] for x in points])
    coefficients = list(lu_solve(powers, matrix([weight(x) * f(x) for x in points])))
    error = max(abs(weight(x) * (polyval(coefficients, x) - f(x))) for x in points)
    suffix = "f" if kind == "float" else ""
    row = ", ".join(nstr(c, DIGITS[kind]) + suffix for c in coefficients)
    print(f"{name} {kind} degree {degree} error 2^{nstr(log(error, 2), 3)}: {{{row}}}")
    show("  constant", coefficients[-1], kind)


def exponential(r: mpf) -> mpf:
    """(e^r - 1 - r) / r²."""
    return (expm1(r) - r) / r**2 if abs(r) > 1e-6 else mpf(1) / 2 + r / 6 + r**2 / 24


def artanh(q: mpf) -> mpf:
    """(artanh(s) / s - 1) / s² with q = s²."""
    s = sqrt(abs(q))
    return (log((1 + s) / (1 - s)) / (2 * s) - 1) / q if s > 1e-6 else mpf(1) / 3 + q / 5 + q**2 / 7


def upper_tail(x: mpf) -> mpf:
    """Φ(-x) e^(x²/2)."""
    return exp(x * x / 2) * erfc(x / sqrt(2)) / 2


def gelu_slope(x: mpf) -> mpf:
    """σ'(-x) e^(x²/2) of gelu: zero at gelu_zero."""
    return upper_tail(x) - DENSITY * x


def place(u: mpf) -> mpf:
    """The x of u = (x - K) / (x + K)."""
    return K * (1 + u) / (1 - u)


def gelu_polynomials(kind: str, top: mpf, tail_degree: int, slope_degree: int) -> None:
    """(x + K) Φ(-x) e^(x²/2), and gelu_slope(x) / (x - zero), as polynomials in u."""
    interval = (mpf(-1), (top - K) / (top + K))
    zero = findroot(gelu_slope, mpf("0.75"))

    def quotient(x: mpf) -> mpf:
        if abs(x - zero) > 1e-9:
            return gelu_slope(x) / (x - zero)
        first, second = taylor(gelu_slope, zero, 2)[1:]
        return first + second * (x - zero)

    fit("gelu tail", lambda u: (place(u) + K) * upper_tail(place(u)), interval, tail_degree, kind)
    fit("gelu slope", lambda u: quotient(place(u)), interval, slope_degree, kind)
    show("gelu' zero", zero, kind)


def silu_prime(z: mpf) -> mpf:
    """σ'(z) = s (1 + z (1 - s)) of silu, s the sigmoid."""
    s = 1 / (1 + exp(-z))
    return s * (1 + z * (1 - s))


def silu_polynomial(kind: str, degree: int) -> None:
    """silu'(zero + t) / t for |t| <= 1/2."""
    zero = findroot(silu_prime, mpf("-1.28"))
    first, second = taylor(silu_prime, zero, 2)[1:]
    half = mpf(1) / 2
    fit(
        "silu slope",
        lambda t: silu_prime(zero + t) / t if abs(t) > 1e-9 else first + second * t,
        (-half, half),
        degree,
        kind,
    )


def zeros(kind: str) -> None:
    """Where silu' and mish' vanish, and what native/src/activation.hpp needs there."""
    silu = findroot(lambda z: 1 + z + exp(z), mpf("-1.28"))
    show("silu' zero", silu, kind)
    mish = findroot(lambda z: exp(3 * z) + 4 * exp(2 * z) + 6 * exp(z) + 4 + 4 * z * (1 + exp(z)), mpf("-1.19"))
    e = exp(mish)
    show("mish' zero", mish, kind)
    show("mish' e^zero", e, kind)
    show("mish' c1", 4 * (1 + e), kind)
    show("mish' c2", 3 * e * e + 8 * e + 6 + 4 * mish, kind)
    show("mish' c3", 3 * e + 4, kind)


def main() -> None:
    """Print them all."""
    half = log(mpf(2)) / 2 * mpf("1.001")
    small = mpf(1) / 8
    ninth = mpf(1) / 9
    for kind, degrees, top in (
        ("float", (4, 4, 11, 9, 3, 7), mpf(15)),
        ("double", (9, 10, 25, 22, 8, 15), mpf("39.1")),
    ):
        fit("exp", exponential, (-half, half), degrees[0], kind, lambda r: r * r / exp(r))
        fit("artanh", artanh, (mpf(0), ninth), degrees[1], kind)
        gelu_polynomials(kind, top, degrees[2], degrees[3])
        silu_polynomial(kind, degrees[5])
        fit("exp near 0", exponential, (-small, small), degrees[4], kind)
        zeros(kind)
        show("selu λα", mpf(1.0507009873554804934) * mpf(1.6732632423543772848), kind)
        show("1/ln 2", 1 / log(mpf(2)), kind)
        show(
            "ln 2 after its first bits",
            log(mpf(2)) - mpf("0.693359375" if kind == "float" else "0.693145751953125"),
            kind,
        )


if __name__ == "__main__":
    main()
