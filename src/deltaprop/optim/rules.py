"""What every step of a training does: the update rule, the penalties, clipping, dropout."""

from __future__ import annotations

from dataclasses import dataclass

from deltaprop.optim.optimizers import Optimizer


@dataclass(frozen=True)
class Rules:
    """The rules of a training, the same for all its steps.

    The gradient is that of C + ½ l2 ‖W‖² + l1 ‖W‖_1 (biases and scales are not penalised). If it is longer than
    `clip_norm`, it is scaled down to that norm. `dropout` holds the hidden layers' probabilities, () for none; `seed`
    is the seed of its masks. If `by_weight`, both penalties are divided by what the batch weighs: its number of
    examples, or the sum of their weights.
    """

    optimizer: Optimizer
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    dropout: tuple[float, ...] = ()
    seed: int = 0
    by_weight: bool = False

    def penalties(self, weight: float) -> tuple[float, float]:
        """(l1, l2) of a batch that weighs this much; 0 for one that weighs nothing."""
        if not self.by_weight:
            return self.l1, self.l2
        return (self.l1 / weight, self.l2 / weight) if weight > 0 else (0.0, 0.0)
