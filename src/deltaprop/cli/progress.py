"""Shows the progress of a training on stderr, if it is a terminal.

It is a bar, or a line every few seconds if the terminal cannot move its cursor (TERM=dumb) or NO_COLOR is set.
"""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich import progress

from deltaprop.cli.show import console, remark

if TYPE_CHECKING:
    from deltaprop.tables.model import TableModel
    from deltaprop.training.events import EpochEvent

LINE_SECONDS = 2.0


class ProgressBar:
    """Shows the epoch, the cost, the validation score, the learning rate and the time left."""

    def __init__(self, model: TableModel) -> None:
        self._epochs = model.epochs
        screen = console(stderr=True)
        terminal = sys.stderr.isatty()
        self._lines = terminal and (screen.is_dumb_terminal or screen.no_color)
        self._next_line = monotonic()
        self._bar = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.fields[state]}"),
            progress.TimeRemainingColumn(compact=True),
            console=screen,
            transient=True,
            disable=self._lines or not terminal,
        )
        self._task: progress.TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def part(self, epochs: float) -> None:
        """Show that `epochs` epochs are done, a fraction for the current one."""
        if self._task is None:
            self._task = self._bar.add_task("", total=self._epochs, epoch="", state="")
        self._bar.update(self._task, completed=epochs, epoch=f"{min(int(epochs) + 1, self._epochs)}/{self._epochs}")

    def epoch(self, event: EpochEvent) -> None:
        """Show the numbers of a finished epoch."""
        record = event.record
        state = f"cost {record.cost:.4f}"
        if record.validation_score is not None:
            state += f"  validation {event.history.score_name} {record.validation_score:.4f}"
        state += f"  rate {record.learning_rate:.3g}"
        self.part(record.epoch)
        assert self._task is not None
        self._bar.update(self._task, state=state)
        if self._lines and monotonic() >= self._next_line:
            remark(f"epoch {record.epoch}/{self._epochs}  {state}")
            self._next_line = monotonic() + LINE_SECONDS
