"""What the two estimators share: fit, partial_fit, and the attributes that scikit-learn's users read."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self
from warnings import warn

from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from deltaprop._types import Array
from deltaprop.estimators.drawing import ArchitectureReprMixin
from deltaprop.estimators.encoding import encoded_rows, learned_encoding
from deltaprop.estimators.inputs import Validation, check_validation, filled, validated_pair, validated_rows
from deltaprop.estimators.parameters import Parameters
from deltaprop.estimators.training import FitResult, check_goes_on, train_network
from deltaprop.estimators.views import Views
from deltaprop.factors.norms import gradient_norms, input_gradients
from deltaprop.network import Network
from deltaprop.training.history import History

NOT_ALWAYS = ("feature_names_in_", "imputer_")  # attributes that a later fit may not have


def learns_in_steps(estimator: Any) -> bool:
    """Whether there is a partial_fit; scikit-learn's AttributeError if not."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


def checked_parameters(estimator: BaseMLP) -> Parameters:
    """A frozen copy of the estimator's parameters; ParameterError for a value that cannot be used."""
    return estimator._parameters(**estimator.get_params(deep=False))


class BaseMLP(ArchitectureReprMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Training and prediction common to the classifier and the regressor."""

    _parameters: ClassVar[Callable[..., Parameters]]  # the class of the checked parameters
    _fitted: FitResult
    network_: Network
    history_: History

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The parameters, which __init__ sets, and what a fit found."""

    @property
    def coefs_(self) -> Views:
        """Weights as scikit-learn has them, (n_in, n_out): views of each W.T, which can be written to and assigned."""
        return Views("coefs_", [layer.W.T for layer in self._result().network])

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        self.coefs_.assign(values)

    @property
    def intercepts_(self) -> Views:
        """Views of each b, which can be written to and assigned."""
        return Views("intercepts_", [layer.b for layer in self._result().network])

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
        """Train on rows X (m, n_features), dense or sparse, and their targets y; `warm_start` continues a training.

        `X_val`, `y_val` are rows that are only looked at: `validation_loss_curve_` follows them, and `early_stopping`
        watches them instead of holding rows out. Weights compare the rows of one batch. Errors: ParameterError or
        ArgumentError name a parameter; ValueError and TypeError, as scikit-learn's, the data; NonFiniteError a training
        that diverges. After an error the estimator is unchanged.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

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
        """One epoch over these rows, continuing the previous call; the optimiser's state continues too.

        With `early_stopping`, `validation_fraction` of the rows are held out (the same ones if the same rows come
        again), or `X_val` is watched; when patience ends, `early_stopped_` is True and the best weights are back.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), partial=True)

    def input_gradients(self, X: Any, y: Any) -> Array:
        """∂C/∂x of each row's own loss, (m, n_features), by BP2 taken one layer further."""
        return input_gradients(*self._examples(X, y))[:, : self.n_features_in_]

    def gradient_norms(self, X: Any, y: Any) -> Array:
        """‖∂C/∂θ‖ of each row's own loss, (m,): large for rows that the network finds hard or labelled wrongly."""
        return gradient_norms(*self._examples(X, y))

    def _fit(
        self, X: Any, y: Any, weight: Any, validation: Validation, *, partial: bool = False, classes: Any = None
    ) -> Self:
        """Train until the parameters say stop, or one epoch if `partial`; nothing is written before all is done."""
        parameters = checked_parameters(self)
        check_validation(parameters, validation)
        before = getattr(self, "_fitted", None) if partial or parameters.warm_start else None
        if before is not None:
            check_goes_on(parameters, before)
        validated = copy(self)  # scikit-learn's checks write the names and the number of the features to it
        X, y = validated_pair(validated, X, y, reset=before is None)
        known = None if before is None else before.encoding
        encoding = learned_encoding(parameters, validated, X, y, known, partial=partial, classes=classes)
        rows = encoded_rows(encoding, X, y, weight)
        held = None
        if validation[0] is not None:
            X_val, y_val = validated_pair(validated, *validation[:2], reset=False)
            held = encoded_rows(encoding, X_val, y_val, validation[2], "_val")
        result = train_network(parameters, encoding, rows, held, before, partial=partial)
        self._take_over(result, parameters)
        for text, category in result.warnings:
            warn(text, category, stacklevel=3)
        return self

    def _take_over(self, result: FitResult, parameters: Parameters) -> None:
        """Set everything that a fit sets."""
        account, spec, history = result.account, result.network.spec, result.state.history
        for name in NOT_ALWAYS:
            self.__dict__.pop(name, None)
        self.__dict__.update(result.encoding.attributes())
        self._fitted, self.network_, self.history_ = result, result.network, history
        self.n_layers_, self.n_outputs_ = spec.L + 1, spec.sizes[-1]
        self.out_activation_ = {"sigmoid": "logistic"}.get(spec.output.name, spec.output.name)
        self.n_iter_, self.t_ = len(history), account.rows_seen
        self.loss_, self.loss_curve_ = account.loss, account.loss_curve
        self.best_loss_ = None if parameters.watches_scores else account.best_loss
        self.validation_scores_ = account.validation_scores or None
        self.validation_loss_curve_ = account.validation_loss_curve or None
        self.best_validation_score_ = account.best_score if parameters.watches_scores else None
        self.early_stopped_ = account.stopped

    def _result(self) -> FitResult:
        check_is_fitted(self, "network_")
        return self._fitted

    def _examples(self, X: Any, y: Any) -> tuple[Network, Any, Array]:
        """(network, rows, targets) from rows and targets as a user gives them."""
        result = self._result()
        rows = filled(validated_rows(self, X), result.encoding.imputer)
        return result.network, rows, result.encoding.targets.encode(y)

    def _outputs(self, X: Any) -> Array:
        """a^L for rows of X as a user gives them."""
        result = self._result()
        return result.network.forward(filled(validated_rows(self, X), result.encoding.imputer))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = bool(self.impute_missing)
        return tags
