"""TableModel: a table, a target column, one call. An encoder, a network and the labels, kept in one file.

What the command line does, for Python: `TableModel().fit("adult.csv", target="income").save("adult.safetensors")`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.data.bundled import BUNDLED
from deltaprop.data.encoder import TableEncoder
from deltaprop.data.sources import Source, load
from deltaprop.files.format import Stored, read_model, write_model
from deltaprop.network import Network
from deltaprop.tables.facts import training_facts
from deltaprop.tables.metrics import Metrics, classification_metrics, regression_metrics
from deltaprop.tables.preparation import known_target, prepare, without_columns
from deltaprop.tables.settings import TableSettings
from deltaprop.tables.split import take
from deltaprop.tables.stored import table_parts
from deltaprop.tables.target import TargetColumn
from deltaprop.tables.undo import unchanged_by_failure
from deltaprop.training.events import OnEpoch, OnProgress
from deltaprop.training.history import History
from deltaprop.training.loop import train
from deltaprop.verify.check import check
from deltaprop.verify.report import CheckReport

INIT = "glorot"  # generalises better than "he" on standardised tables: docs/adr/0005-table-defaults.md
BATCHES = ((2_000, 32), (5_000, 64), (10_000, 128))  # (rows up to, batch size); above: 256


@dataclass
class TableModel(TableSettings):
    """A network for a table: `fit`, `predict`, `evaluate`, `check`, `save`, `load`.

    `hidden` widths of the hidden layers; `task` "auto" takes text and few distinct whole numbers for classes;
    `batch_size` "auto" grows with the table; `validation` is the fraction of the rows that early stopping watches (0
    for none); `early_stopping` the patience in epochs, None for none. The other settings are those of `train`.
    """

    network: Network = field(init=False, repr=False)
    encoder: TableEncoder = field(init=False, repr=False)
    target: TargetColumn = field(init=False, repr=False)
    history: History | None = field(init=False, repr=False, default=None)
    facts: dict[str, Any] = field(init=False, repr=False, default_factory=dict)

    def fit(
        self,
        source: Any,
        target: str | None = None,
        *,
        names: Sequence[str] | None = None,
        test: float = 0.0,
        on_columns: Callable[[TableModel], object] | None = None,
        on_epoch: OnEpoch | Sequence[OnEpoch] = (),
        on_progress: OnProgress | Sequence[OnProgress] = (),
    ) -> Self:
        """Train on a file, a frame or a bundled data set; `target` names the column to predict.

        `test` is a fraction of the rows that neither training nor validation sees; their metrics are in
        `facts["test"]`. `on_columns` is called with the model when the columns are understood, before training.
        """
        with unchanged_by_failure(self):
            data = without_columns(load(source, target=target, names=names), self.drop, strict=True)
            table = prepare(self, data, test)
            self.encoder, self.target = table.encoder, table.target
            self.network = self._new_network(table.X.shape[1], table.seed)
            if on_columns is not None:
                on_columns(self)
            batch = _batch_size(len(table.rows.train)) if self.batch_size == "auto" else int(self.batch_size)
            self.history = train(
                self.network,
                table.X,
                table.Y,
                epochs=self.epochs,
                batch_size=batch,
                optimizer=self.rule(),
                schedule=self.schedule,
                l2=self.l2,
                dropout=self.dropout,
                validation=table.validation,
                early_stopping=self.early_stopping if table.validation else None,
                on_epoch=on_epoch,
                on_progress=on_progress,
                seed=table.seed,
            )
            self.facts = {"source": data.name, **training_facts(self.history, self.rule(), batch, table.rows)}
            if len(table.rows.test):
                self.facts["test"] = self._metrics(data, table.rows.test).to_dict()
            self.network.facts = self.facts
        return self

    def predict(self, source: Any, *, names: Sequence[str] | None = None) -> Array:
        """The class or number predicted for each row, (m,)."""
        a = self._outputs(source, names)
        return self.target.decode(a)

    def predict_proba(self, source: Any, *, names: Sequence[str] | None = None) -> Array:
        """The probability of each class, in the order of `target.classes`, (m, n_classes)."""
        a = self._outputs(source, names)
        return self.target.probabilities(a)

    def predict_with_probability(
        self, source: Any, *, names: Sequence[str] | None = None
    ) -> tuple[Array, Array | None]:
        """(prediction, its probability) of each row; for a regression there are no probabilities, None."""
        a = self._outputs(source, names)
        sure = self.target.probabilities(a).max(axis=1) if self.target.classes else None
        return self.target.decode(a), sure

    def evaluate(self, source: Any, *, names: Sequence[str] | None = None) -> Metrics:
        """How good the predictions are on rows whose target is known."""
        data = self._load(source, names, labelled=True)
        return self._metrics(data, np.arange(len(known_target(data))))

    def check(self, source: Any, *, names: Sequence[str] | None = None) -> CheckReport:
        """The gradients of this model on these rows against the truth (`deltaprop.check`)."""
        X, Y = self.examples(source, names=names)
        return check(self.network, X, Y)

    def examples(self, source: Any, *, names: Sequence[str] | None = None) -> tuple[Array, Array]:
        """(X, Y) of these rows as the network is given them: encoded inputs, and targets or class indices."""
        data = self._load(source, names, labelled=True)
        return self.encoder.transform(data.X), self.target.encode(known_target(data), self.dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write network, encoder and labels into one safetensors file, atomically."""
        self._check_fitted()
        table = {"encoder": self.encoder.to_dict(), "target": self.target.to_dict(), "drop": list(self.drop)}
        write_model(path, Stored(self.network.spec, self.network.theta, self.facts, table))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto", n_threads: int | None = None) -> TableModel:
        """The model in a file that `save` or the command line wrote."""
        stored = read_model(path)
        parts, spec = table_parts(stored, str(path)), stored.spec
        sigma = spec.activations[0].name if spec.L > 1 else cls.activation
        runs_on: dict[str, Any] = {"engine": engine, "n_threads": n_threads}
        model = cls(spec.sizes[1:-1], sigma, parts.target.task, dtype=spec.dtype.name, **runs_on)
        model.network = Network.from_parameters(spec, stored.theta, **runs_on)
        model.encoder, model.target, model.drop = parts.encoder, parts.target, parts.drop
        model.categorical, model.numeric = model.encoder.categorical, model.encoder.numeric
        model.facts = model.network.facts = stored.facts
        return model

    def _check_fitted(self) -> None:
        if not hasattr(self, "network"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("This TableModel is not fitted yet. Call `fit` first, or `TableModel.load`.")

    def _new_network(self, n_inputs: int, seed: int) -> Network:
        n_outputs, output, cost = self.target.head()
        return Network(
            [n_inputs, *self.hidden, n_outputs],
            activation=self.activation,
            output=output,
            cost=cost,
            dtype=self.dtype,
            seed=seed,
            engine=self.engine,
            n_threads=self.n_threads,
            init=INIT,
        )

    def _load(self, source: Any, names: Sequence[str] | None, *, labelled: bool) -> Source:
        self._check_fitted()
        bundled = isinstance(source, str) and source in BUNDLED
        target = self.target.name if hasattr(self.encoder, "feature_names_in_") and not bundled else None
        return without_columns(load(source, target=target, names=names, need_target=labelled), self.drop, strict=False)

    def _outputs(self, source: Any, names: Sequence[str] | None) -> Array:
        data = self._load(source, names, labelled=False)
        return self.network.forward(self.encoder.transform(data.X))

    def _metrics(self, data: Source, rows: Indices) -> Metrics:
        y = known_target(data)[rows]
        a = self.network.forward(self.encoder.transform(take(data.X, rows)))
        if self.target.task == "regression":
            return regression_metrics(self.target.decode(a), np.asarray(y, np.float64))
        indices = self.target.encode(y, self.dtype).ravel().astype(int)
        return classification_metrics(self.target.probabilities(a), indices, self.target.classes)


def _batch_size(m: int) -> int:
    return next((batch for rows, batch in BATCHES if m <= rows), 256)
