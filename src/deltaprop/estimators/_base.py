"""What the two estimators share: scikit-learn's parameters, turned into a network and a training."""

from __future__ import annotations

from typing import Any, Self
from warnings import warn

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from deltaprop._types import Array
from deltaprop.estimators._parameters import SKLEARN_NAMES, check_parameters, widths
from deltaprop.network import Network
from deltaprop.optim.optimizers import LBFGS, SGD, Adam, AdamW, Optimizer, RMSprop
from deltaprop.training.history import History
from deltaprop.training.loop import train
from deltaprop.training.stopping import EarlyStopping


class BaseMLP(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters, training and prediction common to the classifier and the regressor."""

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        engine: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.engine = engine
        self.n_threads = n_threads

    network_: Network
    history_: History

    @property
    def coefs_(self) -> list[Array]:
        """Weights as scikit-learn has them, (n_in, n_out): views of each W.T."""
        check_is_fitted(self, "network_")
        return [layer.W.T for layer in self.network_]

    @property
    def intercepts_(self) -> list[Array]:
        """Views of each b."""
        check_is_fitted(self, "network_")
        return [layer.b for layer in self.network_]

    @property
    def loss_curve_(self) -> list[float]:
        """The training cost of each epoch."""
        check_is_fitted(self, "network_")
        return self.history_.cost

    @property
    def n_iter_(self) -> int:
        """How many epochs were trained."""
        check_is_fitted(self, "network_")
        return len(self.history_)

    def _fit(self, X: Any, Y: Array, n_outputs: int, output: str, cost: str, sample_weight: Any, groups: Any) -> Self:
        """Train a new network on checked rows; `groups` are the classes to hold out evenly, or None."""
        check_parameters(self)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        network = Network(
            [X.shape[1], *widths(self.hidden_layer_sizes), n_outputs],
            activation=SKLEARN_NAMES.get(self.activation, self.activation),
            output=output,
            cost=cost,
            dtype=X.dtype,
            seed=seed,
            engine=self.engine,
            n_threads=self.n_threads,
        )
        X, Y, weight, held = self._hold_out(X, Y, sample_weight, groups, seed)
        batch = self._batch(len(Y))
        history = train(
            network,
            X,
            Y,
            epochs=self.max_iter,
            batch_size=batch,
            optimizer=self._optimizer(),
            l2=self.alpha / batch,  # scikit-learn's alpha counts per batch, not per example
            sample_weight=weight,
            validation=held,
            early_stopping=self._stopping(held is not None),
            shuffle=self.shuffle,
            seed=seed,
            on_epoch=_print_epoch if self.verbose else (),
        )
        self.network_, self.history_ = network, history  # only now: what fails leaves no untrained network behind
        if history.stopped == "epochs":
            message = f"Training used all {self.max_iter} epochs (max_iter) without converging."
            warn(message, ConvergenceWarning, stacklevel=3)
        elif history.stopped == "interrupted":
            warn(f"Training was interrupted after {len(history)} epochs.", RuntimeWarning, stacklevel=3)
        return self

    def _hold_out(
        self, X: Any, Y: Array, sample_weight: Any, groups: Any, seed: int
    ) -> tuple[Any, Array, Any, tuple[Any, ...] | None]:
        if not self.early_stopping:
            return X, Y, sample_weight, None
        from sklearn.model_selection import train_test_split

        weight = np.ones(len(Y)) if sample_weight is None else sample_weight
        parts = train_test_split(X, Y, weight, test_size=self.validation_fraction, random_state=seed, stratify=groups)
        X, X_held, Y, Y_held, weight, weight_held = parts
        return X, Y, None if sample_weight is None else weight, (X_held, Y_held, weight_held)

    def _batch(self, m: int) -> int:
        if self.batch_size == "auto":
            return min(200, m) if self.solver != "lbfgs" else m
        return min(int(self.batch_size), m)

    def _optimizer(self) -> Optimizer:
        rate = self.learning_rate_init
        rules: dict[str, Any] = {
            "adam": lambda: Adam(rate),
            "adamw": lambda: AdamW(rate),
            "rmsprop": lambda: RMSprop(rate),
            "sgd": lambda: SGD(rate, self.momentum, self.nesterovs_momentum),
            "lbfgs": lambda: LBFGS(tolerance=self.tol),
        }
        return rules[self.solver]()

    def _stopping(self, held_out: bool) -> EarlyStopping | None:
        if self.solver == "lbfgs":
            return None
        monitor = "validation_score" if held_out else "cost"
        return EarlyStopping(self.n_iter_no_change, self.tol, monitor, keep_best=held_out)

    def _outputs(self, X: Any) -> Array:
        """a^L for rows of X as a user gives them."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return self.network_.forward(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _print_epoch(event: Any) -> None:
    record = event.record
    score = "" if record.validation_score is None else f", validation score {record.validation_score:.4f}"
    print(f"epoch {record.epoch}: cost {record.cost:.6f}{score}")
