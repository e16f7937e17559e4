"""dp.check_torch: the autograd of a PyTorch module of Linear and activation layers, layer by layer.

The module is read into a network of this package with the same parameters, and autograd's gradients are compared with
that network's truth (verify.check). A loss of PyTorch is a factor times a cost of the book; the report names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import LEAKY_SLOPE, Activation
from deltaprop.core.elementary import log1p
from deltaprop.core.sparse import dense
from deltaprop.errors import ArgumentError, MissingExtraError, sentence
from deltaprop.network import Network
from deltaprop.verify.check import check_gradient
from deltaprop.verify.report import CheckReport

PLAIN = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "SELU": "selu",
    "SiLU": "silu",
    "Mish": "mish",
    "Identity": "identity",
}
SHAPING = ("Flatten", "Dropout")  # at the input; switched off
OUTPUTS = ("Softmax", "LogSoftmax")
Shows = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class _Reading:
    """What a loss is in the book: σ of layer L, the cost, its factor, and what the module itself puts out."""

    output: str | Activation
    cost: str
    factor: float
    why: str
    shows: Shows


def check_torch(module: Any, loss: Any, X: object, Y: object, *, elements: int = 200, seed: int = 0) -> CheckReport:
    """Compare PyTorch's autograd of loss(module(X), Y) with the truth, for every Linear layer's weight and bias.

    `module` applies Linear and activation layers one after another (a Sequential, or a module of your own that does);
    `loss` is one of PyTorch's: CrossEntropyLoss, NLLLoss after LogSoftmax, BCEWithLogitsLoss, BCELoss after Sigmoid,
    MSELoss, L1Loss, HuberLoss, SmoothL1Loss, PoissonNLLLoss of logarithms; a mean or a sum. Parameters without a
    gradient (frozen, no bias) are left out; nothing of the module is changed.
    """
    torch = _torch()
    layers = _layers(module)
    linears, sigmas = _pairs(layers)
    dtype = _checked_parameters(linears)
    sizes = [linears[0][1].in_features, *(linear.out_features for _, linear in linears)]
    inputs, targets = _tensor(torch, X).to(dtype), _tensor(torch, Y)
    rows = (inputs if inputs.ndim < 3 else inputs.flatten(1)).numpy()
    reading = _read_loss(loss, sigmas.pop(), len(rows), sizes[-1])
    net = Network(
        sizes, activation=sigmas, output=reading.output, cost=reading.cost, dtype=str(dtype).removeprefix("torch."),
        seed=0, engine="reference",
    )  # fmt: skip
    for (_, linear), layer in zip(linears, net, strict=True):
        layer.W[...] = linear.weight.detach().numpy()
        layer.b[...] = 0 if linear.bias is None else linear.bias.detach().numpy()
    checked, Y_checked, weight = net.examples(rows, targets.numpy())
    batch = dense(checked), Y_checked, weight
    shown = module(inputs)
    _check_same_output(net, reading, batch, shown.detach().numpy())
    target = targets if targets.dtype == torch.int64 else targets.to(dtype)
    vector, missing = _autograd(torch, loss(shown, target), linears, net, batch, reading.factor)
    report = check_gradient(net, vector, *batch, elements=elements, seed=seed)
    rows_left = tuple(row for row in report.rows if (row.layer, row.equation) not in missing)
    ok = all(row.error <= report.tolerance for row in rows_left)
    how = f"{report.how}, both divided by {reading.factor:g} ({reading.why})"
    return replace(report, ok=ok, rows=rows_left, how=how if reading.factor != 1 else report.how)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("dp.check_torch needs PyTorch: pip install torch.") from error
    return torch


def _tensor(torch: Any, value: object) -> Any:
    tensor = value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
    return tensor.detach().cpu()


def _layers(module: Any) -> list[tuple[str, Any]]:
    """(name, layer) of every leaf, in the order in which they were registered."""
    if not hasattr(module, "named_modules"):
        raise ArgumentError(sentence("module", "a torch.nn.Module", type(module).__name__))
    return [(name or "module", layer) for name, layer in module.named_modules() if not any(layer.children())]


def _pairs(layers: list[tuple[str, Any]]) -> tuple[list[tuple[str, Any]], list[str | Activation]]:
    """The Linear layers, and the σ after each."""
    linears: list[tuple[str, Any]] = []
    sigmas: list[str | Activation] = []
    for name, layer in layers:
        kind = _kind(layer)
        if kind == "Linear":
            linears.append((name, layer))
            sigmas.append("identity")
        elif (kind == "Dropout" and not (layer.training and layer.p)) or (kind == "Flatten" and not linears):
            continue
        else:
            sigma = _sigma(name, layer, kind)
            if not linears or sigmas[-1] != "identity":
                must = "made of Linear layers with at most one activation after each"
                raise ArgumentError(sentence("module", must, f"{kind} at {name!r}"))
            sigmas[-1] = sigma
    if not linears:
        raise ArgumentError(sentence("module", "made of Linear and activation layers", "no Linear layer"))
    return linears, sigmas


def _kind(layer: Any) -> str:
    """The name of PyTorch's own class that a layer is or comes from."""
    own = (c.__name__ for c in type(layer).__mro__ if c.__module__.startswith("torch.nn.modules."))
    return next(own, type(layer).__name__)


def _sigma(name: str, layer: Any, kind: str) -> str | Activation:
    """The activation of this package that a layer of PyTorch is."""
    if kind in PLAIN:
        return PLAIN[kind]
    if kind == "LeakyReLU":
        return "leaky_relu" if layer.negative_slope == LEAKY_SLOPE else _leaky(float(layer.negative_slope))
    if kind == "ELU" and layer.alpha == 1:
        return "elu"
    if kind == "GELU" and layer.approximate == "none":
        return "gelu"
    if kind == "Softplus":
        return _softplus(float(layer.beta), float(layer.threshold))
    if kind in OUTPUTS and layer.dim in (1, -1):
        return "softmax" if kind == "Softmax" else "log_softmax"
    known = ", ".join(("Linear", *PLAIN, "LeakyReLU", "ELU", "GELU", "Softplus", *OUTPUTS))
    remedy = "Switch it off with module.eval()." if kind == "Dropout" else f"Known are {known}."
    raise ArgumentError(sentence("module", "made of Linear and activation layers", f"{layer} at {name!r}", remedy))


def _leaky(slope: float) -> Activation:
    return Activation(
        f"leaky_relu({slope:g})",
        lambda z: np.where(z > 0, z, slope * z),
        lambda z: np.where(z > 0, z.dtype.type(1), z.dtype.type(slope)),
        kinks=(0.0,),
    )


def _softplus(beta: float, threshold: float) -> Activation:
    """PyTorch's own: log(1 + e^(β z)) / β, and z itself above the threshold."""

    def below(z: Array) -> Array:
        return np.where(beta * z.real > threshold, 0, z)

    return Activation(
        f"softplus({beta:g}, {threshold:g})",
        lambda z: np.where(beta * z.real > threshold, z, log1p(np.exp(beta * below(z))) / z.dtype.type(beta)),
        lambda z: np.where(beta * z > threshold, z.dtype.type(1), 1 / (1 + np.exp(-beta * below(z)))),
    )


def _checked_parameters(linears: list[tuple[str, Any]]) -> Any:
    """The one number type of all parameters, which must lie on the CPU."""
    found = [(name, p) for name, linear in linears for p in linear.parameters()]
    for name, p in found:
        if p.device.type != "cpu":
            raise ArgumentError(sentence("module", "on the CPU", f"{p.device} at {name!r}", "Use module.cpu()."))
        if str(p.dtype) not in ("torch.float32", "torch.float64") or p.dtype != found[0][1].dtype:
            must = "all of float32 or all of float64"
            raise ArgumentError(sentence("module", must, f"{p.dtype} at {name!r}", "Use module.float()."))
    return found[0][1].dtype


def _read_loss(loss: Any, last: str | Activation, m: int, n: int) -> _Reading:
    kind = _kind(loss)
    _check_options(loss, kind, last)
    output, cost, shows = _as_cost(loss, kind, last)
    beta = float(getattr(loss, "beta", 1))
    of_mean, of_sum = {
        "MSELoss": (("2/n_L", 2 / n), ("2 m", 2.0 * m)),
        "SmoothL1Loss": (("1/(beta n_L)", 1 / (beta * n)), ("m/beta", m / beta)),
        "CrossEntropyLoss": (("1", 1.0), ("m", float(m))),
        "NLLLoss": (("1", 1.0), ("m", float(m))),
    }.get(kind, (("1/n_L", 1 / n), ("m", float(m))))
    reduction = getattr(loss, "reduction", None)
    if reduction not in ("mean", "sum"):
        remedy = f"'mean' is {of_mean[0]} times, 'sum' {of_sum[0]} times the cost {cost}, a mean over the m examples."
        raise ArgumentError(sentence("loss", "one number, a mean or a sum", f"reduction={reduction!r}", remedy))
    words, factor = of_mean if reduction == "mean" else of_sum
    why = f"{kind} with reduction={reduction!r} is {words} times the cost {cost}, a mean over the m examples"
    return _Reading(output, cost, factor, why, shows)


def _as_cost(
    loss: Any, kind: str, last: str | Activation
) -> tuple[str | Activation, str, Callable[[Array, Array], Array]]:
    """(σ of layer L, cost, what the module puts out, of z^L and a^L)."""
    of_z: dict[str, tuple[str, str]] = {
        "CrossEntropyLoss": ("softmax", "cross_entropy"),
        "BCEWithLogitsLoss": ("sigmoid", "cross_entropy"),
        "PoissonNLLLoss": ("exp", "poisson"),
    }
    if kind in of_z:
        return *of_z[kind], lambda z, a: z
    if kind == "NLLLoss":
        return "softmax", "cross_entropy", lambda z, a: np.log(a)
    edge = {"HuberLoss": getattr(loss, "delta", 1), "SmoothL1Loss": getattr(loss, "beta", 1)}
    of_a = {"BCELoss": "cross_entropy", "MSELoss": "quadratic", "L1Loss": "absolute"}
    return last, of_a.get(kind) or f"huber({float(edge[kind])!r})", lambda z, a: a


def _check_options(loss: Any, kind: str, last: str | Activation) -> None:
    """Refuse losses and options that are no cost of this package, and outputs that do not fit."""
    needs = {
        "CrossEntropyLoss": "identity", "BCEWithLogitsLoss": "identity", "PoissonNLLLoss": "identity",
        "NLLLoss": "log_softmax", "BCELoss": "sigmoid",
    }  # fmt: skip
    known = (*needs, "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss")
    if kind not in known:
        raise ArgumentError(sentence("loss", "one of torch.nn's " + ", ".join(known), repr(loss)))
    usual = {"weight": None, "pos_weight": None, "label_smoothing": 0.0, "log_input": True}
    for name, value in usual.items():
        if getattr(loss, name, value) is not value and getattr(loss, name) != value:
            raise ArgumentError(sentence("loss", f"{kind} with {name}={value}", f"{name}={getattr(loss, name)}"))
    name = last if isinstance(last, str) else last.name
    if name != needs.get(kind, name) or (kind not in needs and name == "log_softmax"):
        wanted = {"identity": "no activation", "log_softmax": "LogSoftmax", "sigmoid": "Sigmoid"}
        must = f"a loss that fits the module's output; {kind} takes {wanted.get(needs.get(kind, ''), 'no LogSoftmax')}"
        raise ArgumentError(sentence("loss", must, f"{name} after the last Linear layer"))


def _check_same_output(net: Network, reading: _Reading, batch: tuple[Array, Array, Array | None], shown: Array) -> None:
    """Refuse a module whose output is not that of its layers one after another."""
    last = net.trace(*batch).layer(net.L)
    expected = reading.shows(last.z, last.a)
    limit = 1e4 * float(np.finfo(expected.dtype).eps) * max(1.0, float(np.abs(expected).max()))
    if shown.shape != expected.shape or not np.allclose(shown, expected, rtol=0, atol=limit):
        must = "a module that applies its layers one after another, in the order in which they are registered"
        raise ArgumentError(sentence("module", must, "another output than theirs"))


def _autograd(
    torch: Any, value: Any, linears: list[tuple[str, Any]], net: Network, batch: Any, factor: float
) -> tuple[Array, set[tuple[int, str]]]:
    """Autograd's gradient divided by the factor, laid out like θ; (layer, equation) of what has none, filled up."""
    vector, missing = net.backprop(*batch).vector.astype(np.float64), set()
    for l, (_, linear) in enumerate(linears, 1):
        places = (("BP4", linear.weight, "W"), ("BP3", linear.bias, "b"))
        for equation, parameter, name in places:
            if parameter is None or not parameter.requires_grad:
                missing.add((l, equation))
                continue
            (gradient,) = torch.autograd.grad(value, parameter, retain_graph=True)
            net.spec.arrays(vector, l)[name][...] = gradient.double().numpy() / factor
    return vector, missing
