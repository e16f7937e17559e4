"""The history of a training: one record per epoch, the reason for its end, and a plot."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from deltaprop.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class EpochRecord:
    """One epoch, counted from 1: mean cost of its batches, validation, its last rate, seconds since the start."""

    epoch: int
    cost: float
    validation_cost: float | None
    validation_score: float | None
    learning_rate: float
    seconds: float


@dataclass
class History:
    """The epochs of a training, in order.

    `stopped` says why it ended: "epochs", "early stopping", "converged", "time limit", "callback" or "interrupted";
    `best_epoch` is the epoch whose weights the network has, if early stopping kept the best; `seed` repeats it.
    """

    seed: int
    score_name: str = "score"
    epochs: list[EpochRecord] = field(default_factory=list)
    steps: int = 0
    stopped: str = "epochs"
    best_epoch: int | None = None

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, index: int) -> EpochRecord:
        return self.epochs[index]

    @property
    def cost(self) -> list[float]:
        """The training cost of each epoch."""
        return [record.cost for record in self.epochs]

    @property
    def validation_cost(self) -> list[float | None]:
        """The validation cost after each epoch."""
        return [record.validation_cost for record in self.epochs]

    @property
    def validation_score(self) -> list[float | None]:
        """The validation score (accuracy or R²) after each epoch."""
        return [record.validation_score for record in self.epochs]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Cost by epoch, with the validation cost and the kept epoch if there are any; needs matplotlib."""
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise MissingExtraError(
                "Plots need matplotlib, which is not installed. Run: pip install 'deltaprop[plot]'."
            ) from error
        if ax is None:
            ax = plt.subplots(layout="constrained")[1]
        epochs = [record.epoch for record in self.epochs]
        ax.plot(epochs, self.cost, label="training")
        if any(value is not None for value in self.validation_cost):
            ax.plot(epochs, [float("nan") if v is None else v for v in self.validation_cost], label="validation")
        if self.best_epoch is not None:
            ax.axvline(self.best_epoch, color="0.6", linestyle=":", label=f"kept: epoch {self.best_epoch}")
        ax.set(xlabel="epoch", ylabel="cost C")
        ax.locator_params(axis="x", integer=True)
        ax.legend()
        return ax
