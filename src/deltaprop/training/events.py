"""What a callback gets: frozen facts, and `stop()` to end the training after this step or epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deltaprop.network import Network
from deltaprop.trace.record import Trace
from deltaprop.training.history import EpochRecord, History


@dataclass(frozen=True)
class StepEvent:
    """One step, counted from 1 since training began: its batch's cost (penalties apart), its rate, the network.

    `trace()` gives every z, a, δ, dW, db of the step, with the parameters as they were before its update.
    """

    step: int
    epoch: int
    cost: float
    learning_rate: float
    net: Network
    trace: Callable[[], Trace]
    stop: Callable[[], None]


@dataclass(frozen=True)
class EpochEvent:
    """One finished epoch: its record, the history up to it, the network as it is now.

    `loss` is the mean of the batches' costs by their number of rows; with the penalties if those are divided by what
    a batch weighs, as in the estimators (it is scikit-learn's `loss_`).
    """

    record: EpochRecord
    history: History
    net: Network
    stop: Callable[..., None]
    loss: float


OnStep = Callable[[StepEvent], object]
OnEpoch = Callable[[EpochEvent], object]
OnProgress = Callable[[float], object]  # how many epochs are done, the part of the present one included
