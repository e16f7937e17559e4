"""The errors of the gradients of both engines and of PyTorch's and JAX's autograd, in ulp, against mpmath.

Every σ is once in a hidden layer, every cost once with each suitable output. In these networks z = W a + b and the sums
of BP2 are exact in any order (weights 1, one term each), so the errors are those of the formulas of σ, σ' and ∇_a C and
of the products. Numbers below the smallest normal one are left out, because their last place is coarse.
`python -m benchmarks.accuracy [--write docs/accuracy.md]`; needs mpmath, PyTorch and JAX.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.verify.exact import DIGITS, exact_gradient, ulps

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

NEAR, FAR, M = 8.0, 30.0, 1024
HALF = 0.5
ENGINES = ("native", "reference")
PEERS = ("PyTorch", "JAX")
WHO = (*ENGINES, *PEERS)
WHAT = ("W", "b", "x")

TORCH = {
    "identity": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu, "selu": functional.selu, "gelu": functional.gelu, "silu": functional.silu,
    "mish": functional.mish, "softplus": functional.softplus,
    "exp": torch.exp, "softmax": lambda z: torch.softmax(z, dim=1),
}  # fmt: skip
JAX = {
    "identity": lambda z: z, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu, "elu": jax.nn.elu, "selu": jax.nn.selu,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False), "silu": jax.nn.silu, "mish": jax.nn.mish,
    "softplus": jax.nn.softplus, "exp": jnp.exp, "softmax": lambda z: jax.nn.softmax(z, axis=1),
}  # fmt: skip
# Σ over the outputs and the examples: a function of z^L if the library has one, otherwise of a^L.
TORCH_OF_Z = {
    ("softmax", "cross_entropy"): lambda z, y: functional.cross_entropy(z, y, reduction="sum"),
    ("sigmoid", "cross_entropy"): lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="sum"),
    ("exp", "poisson"): lambda z, y: functional.poisson_nll_loss(z, y, log_input=True, reduction="sum"),
}
TORCH_OF_A = {
    "quadratic": lambda a, y: functional.mse_loss(a, y, reduction="sum") / 2,
    "huber": lambda a, y: functional.huber_loss(a, y, reduction="sum"),
    "absolute": lambda a, y: functional.l1_loss(a, y, reduction="sum"),
    "quantile": lambda a, y: torch.maximum(0.5 * (y - a), -0.5 * (y - a)).sum(),
    "poisson": lambda a, y: functional.poisson_nll_loss(a, y, log_input=False, eps=0.0, reduction="sum"),
}
JAX_OF_Z = {
    ("softmax", "cross_entropy"): lambda z, y: -(y * jax.nn.log_softmax(z, axis=1)).sum(),
    ("sigmoid", "cross_entropy"): lambda z, y: -(y * jax.nn.log_sigmoid(z) + (1 - y) * jax.nn.log_sigmoid(-z)).sum(),
    ("exp", "poisson"): lambda z, y: (jnp.exp(z) - y * z).sum(),
}
JAX_OF_A = {
    "quadratic": lambda a, y: 0.5 * ((a - y) ** 2).sum(),
    "huber": lambda a, y: jnp.where(abs(a - y) <= 1, 0.5 * (a - y) ** 2, abs(a - y) - 0.5).sum(),
    "absolute": lambda a, y: jnp.abs(a - y).sum(),
    "quantile": lambda a, y: jnp.maximum(0.5 * (y - a), -0.5 * (y - a)).sum(),
    "poisson": lambda a, y: (a - y * jnp.log(a)).sum(),
}
PAIRS = [
    ("identity", "quadratic"), ("sigmoid", "quadratic"), ("tanh", "quadratic"), ("softmax", "quadratic"),
    ("sigmoid", "cross_entropy"), ("softmax", "cross_entropy"), ("identity", "huber"), ("identity", "absolute"),
    ("identity", "quantile"),
    ("exp", "poisson"), ("softplus", "poisson"),
]  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One network and its examples; the cost is the sum over the examples. `counts` are the gradients to compare."""

    net: dp.Network
    X: np.ndarray
    Y: np.ndarray
    counts: tuple[str, ...] = WHAT


def grid(dtype: str, m: int = M) -> np.ndarray:
    """m values of z: half within ±8, half within ±30, rounded so that sums are exact."""
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.uniform(-NEAR, NEAR, m // 2), rng.uniform(-FAR, FAR, m // 2)])
    digits = 2.0**16 if dtype == "float32" else 2.0**40
    return (np.round(z * digits) / digits).astype(dtype)


def of_activation(name: str, dtype: str) -> list[Problem]:
    """1 - n - 1 with one z per unit, for W and b; 1 - 1 - 1 with one z per example, for x."""
    z, kind = grid(dtype), {"activation": name, "output": "identity", "cost": "absolute"}
    units = dp.Network([1, len(z), 1], **kind, dtype=dtype, engine="reference", seed=0)
    rows = dp.Network([1, 1, 1], **kind, dtype=dtype, engine="reference", seed=0)
    for net, first in ((units, z[:, None]), (rows, [[1]])):
        net.theta[...] = 0
        net.layer(1).W[...], net.layer(2).W[...] = first, 1
    low = -1e30  # below every output, so that ∇_a C is 1
    one = Problem(units, np.ones((1, 1), dtype), np.full((1, 1), low, dtype), ("W", "b"))
    return [one, Problem(rows, z[:, None], np.full((len(z), 1), low, dtype), ("x",))]


def of_cost(output: str, cost: str, dtype: str) -> list[Problem]:
    """1 - n_L, one example at a time: z is set by the biases and one weight, so that x reaches only one output."""
    n = 3 if output == "softmax" else 1
    rng, found = np.random.default_rng(1), []
    z = rng.permutation(grid(dtype, M // 2 * n)).reshape(-1, n)
    for row in z:
        net = dp.Network([1, n], output=output, cost=cost, dtype=dtype, engine="reference", seed=0)
        net.layer(1).W[...], net.layer(1).b[...] = 0, row
        net.layer(1).W[0], net.layer(1).b[0] = row[0], 0
        found.append(Problem(net, np.ones((1, 1), dtype), target(cost, n, rng).astype(dtype)))
    return found


def target(cost: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """y: a class, 0 or 1, a count, or a number with few digits."""
    if cost == "cross_entropy":
        return np.eye(n)[rng.integers(n, size=1)] if n > 1 else rng.integers(2, size=(1, 1))
    return rng.integers(0, 20, (1, n)) if cost == "poisson" else rng.integers(-32, 32, (1, n)) / 16


def by_engine(engine: str) -> Callable[[Problem], dict[str, np.ndarray]]:
    def run(problem: Problem) -> dict[str, np.ndarray]:
        spec, m = problem.net.spec, len(problem.X)
        hidden, output = [s.name for s in spec.activations[:-1]], spec.output.name
        described = {"activation": hidden or "identity", "output": output, "cost": spec.cost.name, "dtype": spec.dtype}
        net = dp.Network(spec.sizes, **described, engine=engine, seed=0)
        net.theta[...] = problem.net.theta
        vector, dx = net.backprop(problem.X, problem.Y).vector, net.input_gradient(problem.X, problem.Y)
        weights = count_weights(net)
        return {"W": vector[:weights] * m, "b": vector[weights:] * m, "x": dx * m}

    return run


def count_weights(net: dp.Network) -> int:
    return sum(layer.W.size for layer in net)


def by_torch(problem: Problem) -> dict[str, np.ndarray]:
    spec = problem.net.spec
    W = [torch.tensor(layer.W, requires_grad=True) for layer in problem.net]
    b = [torch.tensor(layer.b, requires_grad=True) for layer in problem.net]
    x, y = torch.tensor(problem.X, requires_grad=True), torch.tensor(problem.Y)
    a = x
    for l, sigma in enumerate(spec.activations):
        z = functional.linear(a, W[l], b[l])
        a = TORCH[sigma.name](z)
    of_z = TORCH_OF_Z.get((spec.output.name, spec.cost.name))
    (of_z(z, y) if of_z else TORCH_OF_A[spec.cost.name](a, y)).backward()
    flat = {"W": W, "b": b}
    found = {name: np.concatenate([p.grad.numpy().ravel() for p in flat[name]]) for name in flat}
    return found | {"x": x.grad.numpy()}


def jax_cost(activations: tuple[str, ...], cost: str):
    def total(W, b, x, y):
        a = x
        for l, name in enumerate(activations):
            z = a @ W[l].T + b[l]
            a = JAX[name](z)
        of_z = JAX_OF_Z.get((activations[-1], cost))
        return of_z(z, y) if of_z else JAX_OF_A[cost](a, y)

    return total


COMPILED = {}


def by_jax(problem: Problem) -> dict[str, np.ndarray]:
    spec = problem.net.spec
    key = tuple(s.name for s in spec.activations), spec.cost.name
    if key not in COMPILED:
        COMPILED[key] = jax.jit(jax.grad(jax_cost(*key), argnums=(0, 1, 2)))
    W, b = [jnp.asarray(layer.W) for layer in problem.net], [jnp.asarray(layer.b) for layer in problem.net]
    dW, db, dx = COMPILED[key](W, b, jnp.asarray(problem.X), jnp.asarray(problem.Y))
    join = {"W": dW, "b": db}
    return {name: np.concatenate([np.asarray(p).ravel() for p in join[name]]) for name in join} | {"x": np.asarray(dx)}


def errors(problems: list[Problem]) -> dict[str, dict[str, np.ndarray]]:
    """The error of every element in ulp, by engine or library and by gradient."""
    found = {who: {what: [] for what in WHAT} for who in WHO}
    for problem in problems:
        spec, m, weights = problem.net.spec, len(problem.X), count_weights(problem.net)
        exact = exact_gradient(spec, problem.net.theta, problem.X, problem.Y)
        truth = {"W": exact.theta[:weights] * m, "b": exact.theta[weights:] * m, "x": exact.x * m}
        for who, run in zip(WHO, (*map(by_engine, ENGINES), by_torch, by_jax), strict=True):
            for what, claimed in run(problem).items():
                if what not in problem.counts:
                    continue
                right = truth[what]
                normal = np.abs(right.astype(float)) >= m * float(np.finfo(spec.dtype).tiny)
                found[who][what].append(ulps(claimed, right)[normal])
    return {who: {what: np.concatenate([e.ravel() for e in found[who][what]]) for what in WHAT} for who in WHO}


Row = tuple[str, str, dict[str, tuple[float, float]]]


def rows_of(dtype: str) -> list[Row]:
    """(σ or pair, gradient, (worst, median) by engine or library)."""
    problems = {name: of_activation(name, dtype) for name in ACTIVATIONS}
    problems |= {f"{output}, {cost}": of_cost(output, cost, dtype) for output, cost in PAIRS}
    found = []
    for name, several in problems.items():
        e = errors(several)
        found += [(name, what, {who: (e[who][what].max(), np.median(e[who][what])) for who in WHO}) for what in WHAT]
    return found


def worse(row: Row) -> list[str]:
    """The engines whose worst or median error is above that of the better library by more than one rounding, HALF."""
    errors, peers = row[2], [row[2][peer] for peer in PEERS]
    return [
        e for e in ENGINES if any(mine > min(*theirs) + HALF for mine, *theirs in zip(errors[e], *peers, strict=True))
    ]


def shown(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}" if value < 1e4 else f"{value:.0e}"


def table(rows: list[Row]) -> str:
    lines = ["| | of | " + " | ".join(WHO) + " | |", "| --- | --- |" + " ---: |" * len(WHO) + " --- |"]
    for name, what, e in rows:
        cells = " | ".join(f"{shown(e[who][0])} / {shown(e[who][1])}" for who in WHO)
        marks = ", ".join(f"{engine} is worse" for engine in worse((name, what, e)))
        lines.append(f"| {name} | {what} | {cells} | {marks} |")
    return "\n".join(lines)


TEXT = """# How exact the gradients are

Written by `python -m benchmarks.accuracy --write docs/accuracy.md`: the native and the reference engine, NumPy {numpy},
PyTorch {torch}, JAX {jax}. Each cell is the worst and the median error in units in the last place (ulp) of the
exact gradient, which mpmath computes with {digits} digits from the definitions. PyTorch and JAX differentiate their own
functions by autograd, with the same numbers.

Every σ is tested in the hidden layer of a network with the absolute cost, for {m} values of z within ±{far:g}, half of
them within ±{near:g}; every cost is tested with its outputs, for {half} single examples. In these networks z = W a + b
and the sums of BP2 are exact in any order, so the errors are those of the formulas of σ, σ' and ∇_a C and of the
products. Numbers below the smallest normal one are left out.

Rows whose error is larger than that of the better library by more than half a unit, one rounding, out of {all}: {bad}.
If all columns have a large error, a difference a - y cancels, which no formula in a and y can avoid.

The formulas behind these numbers: Φ from `erfcx`, with z² split so that its square is exact (SciPy's `ndtr` and
`exp(-z²/2)` lose z²/2 units in the left tail); σ' of silu and mish over one denominator, so that little cancels at
their zeros; 1 - a as σ(-z) in BP1 of sigmoid with cross-entropy; (a - y) / a for 1 - y / a; on the reference engine,
float64 for the exponentials of elu, selu, softplus, exp and gelu in float32.
"""


def summary(worse_rows: dict[str, list[str]]) -> str:
    """How many rows are worse with each engine, and which."""
    return "; ".join(f"{e} **{len(rows)}**" + f" ({', '.join(rows)})" * bool(rows) for e, rows in worse_rows.items())


def document() -> tuple[str, bool]:
    """The text of docs/accuracy.md, and whether any row is worse."""
    tables = {dtype: rows_of(dtype) for dtype in ("float32", "float64")}
    bad: dict[str, list[str]] = {engine: [] for engine in ENGINES}
    for dtype, rows in tables.items():
        for row in rows:
            for engine in worse(row):
                bad[engine].append(f"{dtype} {row[0]}, {row[1]}")
    text = TEXT.format(
        numpy=np.__version__, torch=torch.__version__, jax=jax.__version__, digits=DIGITS,
        m=M, half=M // 2, near=NEAR, far=FAR, bad=summary(bad), all=sum(map(len, tables.values())),
    )  # fmt: skip
    for dtype, rows in tables.items():
        text += f"\n## {dtype}\n\n{table(rows)}\n"
    return text, any(bad.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    text, bad = document()
    if options.write:
        options.write.write_text(text, "utf-8")
    else:
        print(text)
    raise SystemExit(bad)
