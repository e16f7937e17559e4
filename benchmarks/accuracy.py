"""How exact the gradients are: units in the last place against mpmath, beside PyTorch's and JAX's autograd.

Every σ stands once in a hidden layer, every cost once behind the outputs it goes with. The networks are made so that
z = W a + b and the sums of BP2 are exact in any order (weights 1, one term each): what is left is what the formulas of
σ, σ' and ∇_a C, and the products, make of it. Numbers below the smallest normal one are left out: there, a last place
says little. `python -m benchmarks.accuracy [--engine native] [--write docs/accuracy-native.md]`; needs mpmath, PyTorch
and JAX.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.engines.registry import select
from deltaprop.verify.exact import DIGITS, exact_gradient, ulps

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

NEAR, FAR, M = 8.0, 30.0, 1024
HALF = 0.5
WHO = ("deltaprop", "PyTorch", "JAX")
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
# Σ over the outputs and the examples, of z^L where that is how the library has it, of a^L elsewhere.
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
    """One network and its examples, each of which counts on its own: the cost is their sum."""

    net: dp.Network
    X: np.ndarray
    Y: np.ndarray
    counts: tuple[str, ...] = WHAT


def grid(dtype: str, m: int = M) -> np.ndarray:
    """z, m of them: half within ±8, half within ±30, with few enough digits for exact sums."""
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.uniform(-NEAR, NEAR, m // 2), rng.uniform(-FAR, FAR, m // 2)])
    digits = 2.0**16 if dtype == "float32" else 2.0**40
    return (np.round(z * digits) / digits).astype(dtype)


def of_activation(name: str, dtype: str, engine: str) -> list[Problem]:
    """1 - n - 1 with every z in a unit of its own, for W and b; 1 - 1 - 1 with every z in an example, for x."""
    z, kind = grid(dtype), {"activation": name, "output": "identity", "cost": "absolute"}
    units = dp.Network([1, len(z), 1], **kind, dtype=dtype, engine=engine, seed=0)
    rows = dp.Network([1, 1, 1], **kind, dtype=dtype, engine=engine, seed=0)
    for net, first in ((units, z[:, None]), (rows, [[1]])):
        net.theta[...] = 0
        net.layer(1).W[...], net.layer(2).W[...] = first, 1
    low = -1e30  # below every output, so that ∇_a C is 1
    one = Problem(units, np.ones((1, 1), dtype), np.full((1, 1), low, dtype), ("W", "b"))
    return [one, Problem(rows, z[:, None], np.full((len(z), 1), low, dtype), ("x",))]


def of_cost(output: str, cost: str, dtype: str, engine: str) -> list[Problem]:
    """1 - n_L, one example at a time: z in the biases and one weight, so that x reaches one output alone."""
    n = 3 if output == "softmax" else 1
    rng, found = np.random.default_rng(1), []
    z = rng.permutation(grid(dtype, M // 2 * n)).reshape(-1, n)
    for row in z:
        net = dp.Network([1, n], output=output, cost=cost, dtype=dtype, engine=engine, seed=0)
        net.layer(1).W[...], net.layer(1).b[...] = 0, row
        net.layer(1).W[0], net.layer(1).b[0] = row[0], 0
        found.append(Problem(net, np.ones((1, 1), dtype), target(cost, n, rng).astype(dtype)))
    return found


def target(cost: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """y: a class, 0 or 1, a count, or a number with few digits."""
    if cost == "cross_entropy":
        return np.eye(n)[rng.integers(n, size=1)] if n > 1 else rng.integers(2, size=(1, 1))
    return rng.integers(0, 20, (1, n)) if cost == "poisson" else rng.integers(-32, 32, (1, n)) / 16


def by_deltaprop(problem: Problem) -> dict[str, np.ndarray]:
    net, m = problem.net, len(problem.X)
    vector = net.backprop(problem.X, problem.Y).vector
    weights = net.spec.n_weights
    return {"W": vector[:weights] * m, "b": vector[weights:] * m, "x": net.input_gradient(problem.X, problem.Y) * m}


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
    """Every element's error in ulp: by who, of what."""
    found = {who: {what: [] for what in WHAT} for who in WHO}
    for problem in problems:
        spec, m = problem.net.spec, len(problem.X)
        exact = exact_gradient(spec, problem.net.theta, problem.X, problem.Y)
        truth = {"W": exact.theta[: spec.n_weights] * m, "b": exact.theta[spec.n_weights :] * m, "x": exact.x * m}
        for who, run in zip(WHO, (by_deltaprop, by_torch, by_jax), strict=True):
            for what, claimed in run(problem).items():
                if what not in problem.counts:
                    continue
                right = truth[what]
                normal = np.abs(right.astype(float)) >= m * float(np.finfo(spec.dtype).tiny)
                found[who][what].append(ulps(claimed, right)[normal])
    return {who: {what: np.concatenate([e.ravel() for e in found[who][what]]) for what in WHAT} for who in WHO}


Row = tuple[str, str, dict[str, tuple[float, float]]]


def rows_of(dtype: str, engine: str) -> list[Row]:
    """(which σ or pair, which gradient, (worst, median) by who)."""
    problems = {name: of_activation(name, dtype, engine) for name in ACTIVATIONS}
    problems |= {f"{output}, {cost}": of_cost(output, cost, dtype, engine) for output, cost in PAIRS}
    found = []
    for name, several in problems.items():
        e = errors(several)
        found += [(name, what, {who: (e[who][what].max(), np.median(e[who][what])) for who in WHO}) for what in WHAT]
    return found


def worse(row: Row) -> bool:
    """Whether ours, worst or median, is above the better of the other two by more than HALF a unit, one rounding."""
    ours, *others = (row[2][who] for who in WHO)
    return any(mine > min(theirs) + HALF for mine, *theirs in zip(ours, *others, strict=True))


def shown(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}" if value < 1e4 else f"{value:.0e}"


def table(rows: list[Row]) -> str:
    lines = ["| | of | " + " | ".join(WHO) + " | |", "| --- | --- |" + " ---: |" * len(WHO) + " --- |"]
    for name, what, e in rows:
        cells = " | ".join(f"{shown(e[who][0])} / {shown(e[who][1])}" for who in WHO)
        lines.append(f"| {name} | {what} | {cells} | {'worse' if worse((name, what, e)) else ''} |")
    return "\n".join(lines)


TEXT = """# How exact the gradients are

Written by `python -m benchmarks.accuracy --engine {engine} --write docs/accuracy-{engine}.md`: engine {engine},
NumPy {numpy}, PyTorch {torch}, JAX {jax}. Each cell is the worst and the median error in units in the last place
(ulp) of the exact gradient, which mpmath computes with {digits} digits from the definitions. PyTorch and JAX answer by
autograd of their own functions, on the same numbers.

Every σ stands once in the hidden layer of a network with the cost absolute, for {m} values of z within ±{far:g}, half
of them within ±{near:g}; every cost once behind the outputs it goes with, for {half} single examples. The networks are
made so that z = W a + b and the sums of BP2 are exact in any order: what is left is what the formulas of σ, σ' and
∇_a C, and the products, make of it. Numbers below the smallest normal one are left out.

Rows that are worse than the better of the other two by more than half a unit, one rounding: **{bad}** of {all}.{which}
Large errors that all three share are those of a difference a - y that cancels: no formula of a and y can mend them.

What it took: Φ from `erfcx`, with z² split so that its square is exact (SciPy's `ndtr` and `exp(-z²/2)` lose z²/2
units in the left tail); σ' of silu and mish over one denominator, so that little cancels at their zeros; 1 - a as
σ(-z) in BP1 of sigmoid with cross-entropy; (a - y) / a for 1 - y / a; the exponentials of elu, selu, softplus, exp and
gelu in float32 by way of float64.
"""


def document(engine: str) -> tuple[str, int]:
    """The text of docs/accuracy-ENGINE.md, and how many rows are worse."""
    tables = {dtype: rows_of(dtype, engine) for dtype in ("float32", "float64")}
    bad = [f"{dtype} {row[0]} ({row[1]})" for dtype, rows in tables.items() for row in rows if worse(row)]
    text = TEXT.format(
        engine=engine, numpy=np.__version__, torch=torch.__version__, jax=jax.__version__, digits=DIGITS,
        m=M, half=M // 2, near=NEAR, far=FAR, bad=len(bad), all=sum(map(len, tables.values())),
        which=f" It is {', '.join(bad)}." if bad else "",
    )  # fmt: skip
    for dtype, rows in tables.items():
        text += f"\n## {dtype}\n\n{table(rows)}\n"
    return text, len(bad)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    text, bad = document(select(options.engine).name)
    if options.write:
        options.write.write_text(text, "utf-8")
    else:
        print(text)
    raise SystemExit(bool(bad))
