"""What the two estimators share: scikit-learn's parameters, turned into a network and a training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost
from deltaprop.core.pairs import check_own_pairs
from deltaprop.core.spec import Spec, make_spec
from deltaprop.errors import NonFiniteError, sentence
from deltaprop.estimators._inputs import check_validation, checked_weight, fitted_imputer, validated_rows
from deltaprop.estimators._parameters import ParameterError, activations, check_parameters, widths
from deltaprop.estimators._progress import Progress, watches_scores
from deltaprop.estimators._start import initial_theta
from deltaprop.estimators._training import Rows, Training
from deltaprop.estimators._undo import unchanged_by_failure
from deltaprop.estimators._views import Views
from deltaprop.estimators.drawing import ArchitectureReprMixin
from deltaprop.factors.norms import gradient_norms, input_gradients
from deltaprop.network import Network
from deltaprop.training.history import History
from deltaprop.training.state import TrainingState

Validation = tuple[Any, Any, Any]
ANEW = "Use warm_start=False to begin anew."


def learns_in_steps(estimator: Any) -> bool:
    """Whether there is a partial_fit; scikit-learn's AttributeError where not."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class BaseMLP(ArchitectureReprMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Training and prediction common to the classifier and the regressor."""

    hidden_layer_sizes: Any
    activation: Any
    loss: Any
    random_state: Any
    alpha: float
    early_stopping: bool
    warm_start: bool
    solver: str
    engine: str
    n_threads: int | None
    impute_missing: bool
    dtype: Any

    network_: Network
    history_: History
    _progress: Progress
    _state: TrainingState
    _where: tuple[str, int | None]

    def _take(self, given: dict[str, Any]) -> None:
        """The arguments of __init__ as attributes, as scikit-learn wants them: nothing is checked before a fit."""
        self.__dict__.update({name: value for name, value in given.items() if name not in ("self", "__class__")})

    @property
    def coefs_(self) -> Views:
        """Weights as scikit-learn has them, (n_in, n_out): views of each W.T, which can be written to and assigned."""
        return Views("coefs_", [layer.W.T for layer in self._network()])

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        self.coefs_.assign(values)

    @property
    def intercepts_(self) -> Views:
        """Views of each b, which can be written to and assigned."""
        return Views("intercepts_", [layer.b for layer in self._network()])

    @intercepts_.setter
    def intercepts_(self, values: Any) -> None:
        self.intercepts_.assign(values)

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on rows X (m, n_features), dense or sparse, and their targets y; on from where it is with `warm_start`.

        `X_val`, `y_val` are rows that are only looked at: `validation_loss_curve_` follows them, and `early_stopping`
        watches them instead of holding rows out. Weights compare the rows of one batch. Errors: ParameterError or
        ArgumentError name a parameter; ValueError and TypeError, as scikit-learn's, the data; NonFiniteError a training
        that runs away. After an error the estimator is as it was.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), again=self.warm_start)

    @available_if(learns_in_steps)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """One epoch over these rows, on from where it is; the optimiser's state goes on too.

        With `early_stopping`, `validation_fraction` of the rows are held out (the same ones where the same rows come
        again), or `X_val` is watched; when patience ends, `early_stopped_` is True and the best weights are back.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), again=True, epochs=1)

    def input_gradients(self, X: Any, y: Any) -> Array:
        """∂C/∂x of each row's own loss, (m, n_features), by BP2 taken one layer further."""
        return input_gradients(self._network(), self._prepare(X), self._encode_targets(y))[:, : self.n_features_in_]

    def gradient_norms(self, X: Any, y: Any) -> Array:
        """‖∂C/∂θ‖ of each row's own loss, (m,): large for rows that the network finds hard or labelled wrongly."""
        return gradient_norms(self._network(), self._prepare(X), self._encode_targets(y))

    @abstractmethod
    def _head(self) -> tuple[int, str | Activation, str | Cost]:
        """(outputs, output activation, cost) of the network for the targets that were learnt."""

    @abstractmethod
    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Array]:
        """X and y, checked."""

    @abstractmethod
    def _learn_targets(self, y: Array, *, first: bool, **more: Any) -> None:
        """Learn what the targets are, or refuse those that do not go on from what was learnt."""

    @abstractmethod
    def _encode_targets(self, y: Any, name: str = "y") -> Array:
        """Targets as the network takes them; errors call them by this name."""

    @abstractmethod
    def _score(self, a: Array, Y: Array, weight: Array | None) -> float:
        """How good the outputs are, as `score` counts it."""

    def _weigh(self, y: Array, weight: Array | None, *, held: bool) -> Array | None:
        """The weights, with those of the classes; rows that are held out take the classes' weights from training."""
        return weight

    def _soften(self, Y: Array) -> Array:
        """The targets that are trained on, from those that are scored."""
        return Y

    def _network(self) -> Network:
        check_is_fitted(self, "network_")
        return self.network_

    def _fit(
        self, X: Any, y: Any, weight: Any, validation: Validation, *, again: bool, epochs: int = 0, **more: Any
    ) -> Self:
        """Train on what a user gave, for `epochs` epochs or until the parameters say stop; `again` goes on."""
        check_parameters(self)
        check_validation(self, *validation)
        first = not (again and hasattr(self, "network_"))
        with self._unchanged_by_failure(first):
            self._forget() if first else self._check_going_on()
            X, y = self._validated(X, y, reset=first)
            self._learn_targets(y, first=first, **more)
            random = check_random_state(self.random_state)
            if first and self.impute_missing:
                self.imputer_ = fitted_imputer(X)
            rows, held = self._rows(X, y, weight, held=False), None
            if validation[0] is not None:
                held = self._rows(*self._validated(*validation[:2], reset=False), validation[2], held=True)
            self._prepare_network(rows.X, random, first)
            training = Training(self, random, epochs)
            try:
                self.history_ = training.run(rows, held)
            except NonFiniteError as error:
                remedy = "Try a lower learning_rate_init, or inputs of a smaller scale."
                raise NonFiniteError(f"{error.fact} The estimator is as it was before. {remedy}") from None
            self._take_over(self._progress)
        training.tell(self.history_)
        return self

    def _check_going_on(self) -> None:
        """Refuse what a network that is there already cannot take up."""
        had = self.network_.spec.dtype.name
        if self.dtype is not None and np.dtype(self.dtype).name != had:
            raise ParameterError(sentence("dtype", f"{had!r} as in the previous call", repr(self.dtype), ANEW))
        if self.impute_missing != hasattr(self, "imputer_"):
            must = f"{not self.impute_missing} as in the previous call"
            raise ParameterError(sentence("impute_missing", must, repr(self.impute_missing), ANEW))

    def _forget(self) -> None:
        for name in ("_state", "_split_seed", "imputer_"):
            self.__dict__.pop(name, None)

    def _rows(self, X: Any, y: Any, weight: Any, *, held: bool) -> Rows:
        w = self._weigh(y, checked_weight(weight, X, "sample_weight_val" if held else "sample_weight"), held=held)
        Y = self._encode_targets(y, "y_val" if held else "y")
        return Rows(self._filled(X), None if held else self._soften(Y), Y, w)

    def _prepare_network(self, X: Any, random: np.random.RandomState, first: bool) -> None:
        """A new network with scikit-learn's first weights, or the present one with the parameters of today."""
        spec = self._spec(X.shape[1], X.dtype if first else self.network_.spec.dtype)
        check_own_pairs(spec)
        where = self.engine, self.n_threads
        if first:
            self._progress, theta = Progress(), initial_theta(spec, random)
        elif spec.sizes != self.network_.spec.sizes:
            had = self.network_.spec.sizes
            got = f"a network {'-'.join(map(str, spec.sizes))}"
            must = f"such that the network stays {'-'.join(map(str, had))} as in the previous call"
            raise ParameterError(sentence("hidden_layer_sizes", must, got, ANEW))
        elif (spec, *where) == (self.network_.spec, *self._where):
            return
        else:
            theta = self.network_.theta
        self.network_, self._where = Network.from_parameters(spec, theta, *where), where

    def _spec(self, n_inputs: int, dtype: Any) -> Spec:
        n_outputs, output, cost = self._head()
        sizes = [n_inputs, *(int(width) for width in widths(self.hidden_layer_sizes)), n_outputs]
        return make_spec(sizes, activations(self.activation), output, cost, dtype)

    def _take_over(self, progress: Progress) -> None:
        """The attributes that scikit-learn's users read."""
        spec, watched = self.network_.spec, watches_scores(self)
        self.n_layers_, self.n_outputs_ = spec.L + 1, spec.sizes[-1]
        self.out_activation_ = {"sigmoid": "logistic"}.get(spec.output.name, spec.output.name)
        self.n_iter_, self.t_ = len(self.history_), progress.rows_seen
        self.loss_curve_ = list(progress.loss_curve)  # copies: a later call that fails must not grow them
        self.loss_ = progress.loss
        self.best_loss_ = None if watched else progress.best_loss
        self.validation_scores_ = list(progress.validation_scores) or None
        self.validation_loss_curve_ = list(progress.validation_loss_curve) or None
        self.best_validation_score_ = progress.best_score if watched else None
        self.early_stopped_ = progress.stopped

    @contextmanager
    def _unchanged_by_failure(self, first: bool) -> Iterator[None]:
        """Put everything back where a fit fails; θ in place, since coefs_ that a user holds look into it."""
        if first:
            with unchanged_by_failure(self):
                yield
            return
        theta, kept = self.network_.theta, self.network_.theta.copy()
        with unchanged_by_failure(self, _progress=self._progress.copy(), _state=self._state.copy()):
            try:
                yield
            except BaseException:
                theta[...] = kept
                raise

    def _prepare(self, X: Any) -> Any:
        """Rows as the network takes them, from rows as a user gives them."""
        check_is_fitted(self, "network_")
        return self._filled(validated_rows(self, X))

    def _filled(self, X: Any) -> Any:
        if not hasattr(self, "imputer_"):
            return X
        filled = self.imputer_.transform(X)
        return filled.tocsr() if hasattr(filled, "tocsr") else filled

    def _outputs(self, X: Any) -> Array:
        """a^L for rows of X as a user gives them."""
        rows = self._prepare(X)
        return self.network_.forward(rows)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = bool(self.impute_missing)
        return tags
