"""dp.check_torch: modules of Linear and activation layers, losses and their factors, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import deltaprop as dp

pytest.importorskip("torch", reason="PyTorch is not installed")
import torch
from torch import nn

ACTIVATIONS = [
    nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, lambda: nn.LeakyReLU(0.2), nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Softplus, lambda: nn.Softplus(2.0, 1.5), nn.Identity,
]  # fmt: skip


@pytest.fixture(params=["float32", "float64"])
def kind(request):
    return getattr(torch, request.param)


@pytest.fixture
def made(rng):
    torch.manual_seed(int(rng.integers(2**31)))
    return torch


def numbers(*shape, kind=torch.float64):
    return torch.randn(*shape, dtype=kind)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_known_activation_passes(activation, kind, made):
    module = nn.Sequential(nn.Linear(4, 6), activation(), nn.Linear(6, 5), activation(), nn.Linear(5, 3)).to(kind)
    report = dp.check_torch(module, nn.CrossEntropyLoss(), 3 * numbers(9, 4), torch.randint(0, 3, (9,)))
    assert report.ok, str(report)
    assert [(row.layer, row.equation) for row in report.rows] == [(l, e) for l in (1, 2, 3) for e in ("BP4", "BP3")]
    assert report.checked == 30 + 35 + 18


def labels():
    return torch.randint(0, 3, (9,))


def yes_or_no():
    return torch.randint(0, 2, (9, 3)).double()


def counts():
    return torch.randint(0, 5, (9, 3)).double()


def real():
    return numbers(9, 3)


LOSSES = {
    "CrossEntropyLoss": (nn.CrossEntropyLoss, [], labels, "1", "m"),
    "NLLLoss": (nn.NLLLoss, [nn.LogSoftmax(dim=1)], labels, "1", "m"),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, [], yes_or_no, "1/n_L", "m"),
    "BCELoss": (nn.BCELoss, [nn.Sigmoid()], yes_or_no, "1/n_L", "m"),
    "PoissonNLLLoss": (nn.PoissonNLLLoss, [], counts, "1/n_L", "m"),
    "MSELoss": (nn.MSELoss, [], real, "2/n_L", "2 m"),
    "MSELoss of Softmax": (nn.MSELoss, [nn.Softmax(dim=-1)], real, "2/n_L", "2 m"),
    "L1Loss": (nn.L1Loss, [], real, "1/n_L", "m"),
    "HuberLoss": (lambda **how: nn.HuberLoss(delta=0.5, **how), [nn.Tanh()], real, "1/n_L", "m"),
    "SmoothL1Loss": (lambda **how: nn.SmoothL1Loss(beta=0.5, **how), [], real, "1/(beta n_L)", "m/beta"),
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_known_loss_passes_and_its_factor_is_named(name, reduction, kind, made):
    loss, last, targets, of_mean, of_sum = LOSSES[name]
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), *last).to(kind)
    report = dp.check_torch(module, loss(reduction=reduction), numbers(9, 4), targets())
    assert report.ok, str(report)
    words = of_mean if reduction == "mean" else of_sum
    assert words == "1" or f"{name.split()[0]} with reduction={reduction!r} is {words} times the cost" in report.how


class WrongReLU(torch.autograd.Function):
    """A backward of somebody's own that forgets σ'."""

    @staticmethod
    def forward(ctx, z):
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx, delta):
        return delta


class MyReLU(nn.ReLU):
    def forward(self, z):
        return WrongReLU.apply(z)


def test_a_wrong_backward_is_caught_in_the_layers_below_it(made):
    module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), MyReLU(), nn.Linear(5, 3)).double()
    report = dp.check_torch(module, nn.MSELoss(), numbers(9, 4), real())
    wrong = {row.layer for row in report.rows if row.error > report.tolerance}
    assert (report.ok, wrong) == (False, {1, 2})
    assert report.worst.layer in wrong


class Own(nn.Module):
    def __init__(self, backwards=False):
        super().__init__()
        self.first, self.bend, self.second = nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)
        self.backwards = backwards

    def forward(self, x):
        one, other = (self.second, self.first) if self.backwards else (self.first, self.second)
        return other(self.bend(one(x.flatten(1))))


def test_a_module_of_ones_own_that_applies_its_layers_in_order(made):
    assert dp.check_torch(Own(), nn.MSELoss(), numbers(5, 4), numbers(5, 4)).ok
    with pytest.raises(dp.ArgumentError, match=r"`module` must be a module that applies its layers one after another"):
        dp.check_torch(Own(backwards=True), nn.MSELoss(), numbers(5, 4), numbers(5, 4))


def test_one_linear_layer_numpy_rows_and_images(made, rng):
    assert dp.check_torch(nn.Linear(4, 2), nn.MSELoss(), rng.standard_normal((3, 4)), rng.standard_normal((3, 2))).ok
    module = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(6, 2)).eval()
    assert dp.check_torch(module, nn.CrossEntropyLoss(), rng.standard_normal((3, 2, 3)), np.array([0, 1, 1])).ok


def test_what_has_no_gradient_is_left_out_and_nothing_is_changed(made):
    module = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2))
    module[2].weight.requires_grad_(False)
    before = {name: p.clone() for name, p in module.state_dict().items()}
    report = dp.check_torch(module, nn.MSELoss(), numbers(5, 4), numbers(5, 2))
    assert report.ok
    assert [(row.layer, row.equation) for row in report.rows] == [(1, "BP4"), (2, "BP3")]
    assert all(torch.equal(p, before[name]) for name, p in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())


def linear(*more):
    return nn.Sequential(nn.Linear(4, 3), *more)


X, Y = torch.zeros(2, 4), torch.zeros(2, 3)
REFUSED = {
    "BatchNorm": (linear(nn.BatchNorm1d(3)), r"Got BatchNorm1d\(.*\) at '1'\. Known are Linear, Sigmoid, Tanh"),
    "Conv": (nn.Sequential(nn.Conv1d(1, 1, 1)), r"Got Conv1d\(.*\) at '0'"),
    "GELU by tanh": (linear(nn.GELU("tanh")), r"Got GELU\(approximate='tanh'\) at '1'"),
    "ELU of another alpha": (linear(nn.ELU(0.5)), r"Got ELU\(alpha=0.5\) at '1'"),
    "dropout": (linear(nn.Dropout(0.5)), r"Got Dropout\(.*\) at '1'\. Switch it off with module.eval\(\)"),
    "two activations": (linear(nn.Tanh(), nn.ReLU()), r"at most one activation after each\. Got ReLU at '2'"),
    "no Linear": (nn.Sequential(), r"Got .* at 'module'|no Linear layer"),
    "half": (
        linear().half(),
        r"`module` must be all of float32 or all of float64\. Got torch.float16 at '0'\. Use",
    ),
    "bfloat16": (linear().bfloat16(), r"Got torch.bfloat16 at '0'"),
    "mixed": (linear(nn.Linear(3, 3).double()), r"Got torch.float64 at '1'"),
    "another device": (linear().to("meta"), r"`module` must be on the CPU\. Got meta at '0'\. Use module.cpu\(\)"),
    "no module": (lambda x: x, r"`module` must be a torch.nn.Module\. Got function"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_module_that_is_no_such_network_is_refused(name):
    module, message = REFUSED[name]
    with pytest.raises(dp.ArgumentError, match=message):
        dp.check_torch(module, nn.MSELoss(), X, Y)


REFUSED_LOSSES = {
    "none": (nn.MSELoss(reduction="none"), r"`loss` must be one number, a mean or a sum\. Got reduction='none'\. "
             r"'mean' is 2/n_L times, 'sum' 2 m times the cost quadratic, a mean over the m examples\."),
    "unknown": (nn.KLDivLoss(), r"`loss` must be one of torch.nn's CrossEntropyLoss, .* Got KLDivLoss"),
    "a function": (nn.functional.mse_loss, r"`loss` must be one of torch.nn's CrossEntropyLoss"),
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.1), r"with label_smoothing=0.0\. Got label_smoothing=0.1"),
    "weighted": (nn.CrossEntropyLoss(weight=torch.ones(3)), r"with weight=None\. Got weight=tensor"),
    "no logarithm": (nn.PoissonNLLLoss(log_input=False), r"with log_input=True\. Got log_input=False"),
    "no sigmoid": (nn.BCELoss(), r"BCELoss takes Sigmoid\. Got identity after the last Linear layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_LOSSES)
def test_a_loss_that_is_no_cost_is_refused(name):
    loss, message = REFUSED_LOSSES[name]
    with pytest.raises(dp.ArgumentError, match=message):
        dp.check_torch(linear(), loss, X, Y)


def test_softmax_before_cross_entropy_is_refused():
    with pytest.raises(dp.ArgumentError, match=r"CrossEntropyLoss takes no activation\. Got softmax after the last"):
        dp.check_torch(linear(nn.Softmax(dim=1)), nn.CrossEntropyLoss(), X, torch.zeros(2, dtype=int))


def test_rows_that_do_not_fit_are_refused_by_name():
    with pytest.raises(dp.ShapeError, match=r"`X` must be of shape \(m, 4\)"):
        dp.check_torch(linear(), nn.MSELoss(), torch.zeros(2, 5), Y)
    with pytest.raises(dp.ArgumentError, match=r"`X` must be at least one row"):
        dp.check_torch(linear(), nn.MSELoss(), torch.zeros(0, 4), torch.zeros(0, 3))
    with pytest.raises(dp.ShapeError, match=r"`Y` must be of shape \(2, 3\)"):
        dp.check_torch(linear(), nn.MSELoss(), X, torch.zeros(2, 1))


def test_without_pytorch_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(dp.MissingExtraError, match=r"dp.check_torch needs PyTorch: pip install torch"):
        dp.check_torch(None, None, X, Y)
