"""PyTorch: eager with autograd, and the whole step compiled; each in the variants that may be fastest."""

from functools import partial

import numpy as np

from deltaprop.bench.cases import RATE, Job
from deltaprop.bench.timing import Contender


def _tensors(job: Job):
    import torch

    layers = zip(job.W(), job.b(), strict=True)
    theta = [torch.from_numpy(array) for layer in layers for array in layer]
    X, y = torch.from_numpy(job.X), torch.from_numpy(job.y)
    return theta, X, y, [torch.from_numpy(rows) for rows in job.batches]


def _logits(theta, a):
    import torch
    from torch.nn.functional import linear

    for l in range(0, len(theta) - 2, 2):
        a = torch.sigmoid(linear(a, theta[l], theta[l + 1]))
    return linear(a, theta[-2], theta[-1])


def _cost(theta, x, y):
    from torch.nn.functional import cross_entropy

    return cross_entropy(_logits(theta, x), y)


def _reset(theta, job: Job):
    import torch

    def reset() -> None:
        with torch.no_grad():
            for there, array in zip(
                theta, (part for layer in zip(job.W(), job.b(), strict=True) for part in layer), strict=True
            ):
                there.copy_(torch.from_numpy(array))

    return reset


def eager_foreach(job: Job) -> Contender:
    """autograd.grad, and one foreach call for the update."""
    import torch

    theta, X, y, batches = _tensors(job)
    for array in theta:
        array.requires_grad_()

    def step(rows):
        cost = _cost(theta, X[rows], y[rows])
        gradient = torch.autograd.grad(cost, theta)
        with torch.no_grad():
            torch._foreach_add_(theta, gradient, alpha=-RATE)
        return cost.detach()

    return Contender("eager, foreach", lambda: [step(rows) for rows in batches], _reset(theta, job))


def eager_fused(job: Job) -> Contender:
    """backward(), and torch.optim's fused SGD."""
    import torch

    theta, X, y, batches = _tensors(job)
    optimizer = torch.optim.SGD([array.requires_grad_() for array in theta], lr=RATE, fused=True)

    def step(rows):
        optimizer.zero_grad(set_to_none=True)
        cost = _cost(theta, X[rows], y[rows])
        cost.backward()
        optimizer.step()
        return cost.detach()

    return Contender("eager, fused SGD", lambda: [step(rows) for rows in batches], _reset(theta, job))


def compiled(job: Job, mode: str) -> Contender:
    """Gather, forward, backward and update in one compiled function."""
    import torch

    theta, X, y, batches = _tensors(job)

    @torch.compile(mode=mode, fullgraph=True, dynamic=False)
    def step(theta, X, y, rows):
        gradient, cost = torch.func.grad_and_value(_cost)(theta, X[rows], y[rows])
        for array, d in zip(theta, gradient, strict=True):
            array.sub_(d, alpha=RATE)
        return cost

    def run():
        with torch.no_grad():
            return [step(theta, X, y, rows) for rows in batches]

    return Contender(f"compiled, {mode}", run, _reset(theta, job))


def eager_prediction(job: Job) -> Contender:
    import torch

    theta, *_ = _tensors(job)
    x = torch.from_numpy(job.unseen)

    @torch.inference_mode()
    def run() -> np.ndarray:
        return torch.softmax(_logits(theta, x), dim=1).numpy()

    return Contender("PyTorch eager", run)


def compiled_prediction(job: Job) -> Contender:
    """Compiled with frozen weights, which are packed for the product once."""
    import torch
    import torch._inductor.config

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theta = torch.nn.ParameterList(torch.nn.Parameter(array, requires_grad=False) for array in theta)

        def forward(self, x):
            return torch.softmax(_logits(list(self.theta), x), dim=1)

    theta, *_ = _tensors(job)
    x = torch.from_numpy(job.unseen)
    net = torch.compile(Net().eval(), fullgraph=True, dynamic=False)

    with torch.no_grad(), torch._inductor.config.patch(freezing=True):
        net(x)  # compiles

    @torch.no_grad()
    def run() -> np.ndarray:
        return net(x).numpy()

    return Contender("PyTorch compiled", run)


TRAINING = {
    "PyTorch eager: step": [eager_foreach, eager_fused],
    "PyTorch compiled: step": [partial(compiled, mode="default"), partial(compiled, mode="max-autotune")],
}
PREDICTION = {"PyTorch eager": [eager_prediction], "PyTorch compiled": [compiled_prediction]}


def prepare(threads: int) -> None:
    """Before each net: drop the code that was compiled for the previous one."""
    import torch

    torch.set_num_threads(threads)
    torch._dynamo.reset()
