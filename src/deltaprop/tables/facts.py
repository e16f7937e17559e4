"""The facts of a training that a model file keeps."""

from __future__ import annotations

from typing import Any

from deltaprop.optim.optimizers import Optimizer
from deltaprop.tables.split import RowSplit
from deltaprop.training.history import History


def training_facts(history: History, optimizer: Optimizer, batch: int, rows: RowSplit) -> dict[str, Any]:
    """What happened in a training, as plain data: the numbers are those of the epoch whose weights were kept."""
    facts: dict[str, Any] = {
        "rows_train": len(rows.train),
        "rows_validation": len(rows.validation),
        "rows_test": len(rows.test),
        "optimizer": repr(optimizer),
        "batch_size": batch,
        "epochs": len(history),
        "steps": history.steps,
        "stopped": history.stopped,
        "best_epoch": history.best_epoch,
        "seed": history.seed,
    }
    if len(history):
        kept = history[(history.best_epoch or len(history)) - 1]
        facts["cost"] = kept.cost
        if kept.validation_cost is not None:
            facts["validation_cost"] = kept.validation_cost
            facts["validation_" + ("r2" if history.score_name == "R²" else "accuracy")] = kept.validation_score
    return facts
