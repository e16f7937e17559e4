"""Pictures of a training, as scikit-learn's Display classes: losses by epoch, and how far the error gets back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, ArgumentTypeError, MissingExtraError, sentence
from deltaprop.estimators.base import BaseMLP
from deltaprop.estimators.error_flow import ErrorFlow, finding, sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

NAMED_LINES = 14
FEW_TICKS = 30  # how many times the least the largest is
KEPT = "0.45"  # a grey that is seen on light and dark


class LossCurveDisplay:
    """The loss of each epoch, with the validation's loss and score if there are any.

    Make one by `from_estimator`. `loss_curve`, `validation_loss_curve` and `validation_scores` are sequences of one
    number per epoch (the last two may be None, or shorter: then they are of the last epochs); `kept_epoch`, counted
    from 1, is the one whose weights were kept; `score_name` is what the score is called. After `plot`: `ax_`,
    `figure_`, `score_ax_` (the axes of the scores, on the right, or None), `lines_`.
    """

    ax_: Axes
    score_ax_: Axes | None
    figure_: Figure | SubFigure
    lines_: list[Line2D]

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        validation_scores: Sequence[float] | None = None,
        kept_epoch: int | None = None,
        score_name: str = "score",
    ) -> None:
        self.loss_curve, self.validation_loss_curve = loss_curve, validation_loss_curve
        self.validation_scores, self.kept_epoch, self.score_name = validation_scores, kept_epoch, score_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> Self:
        """Draw a fitted estimator's training: this library's, scikit-learn's networks, or what is around one.

        `estimator` may be a Pipeline (its last step is drawn), a search (its best_estimator_) or a
        TransformedTargetRegressor. Errors: scikit-learn's NotFittedError; ArgumentTypeError if nothing keeps a
        loss_curve_; MissingExtraError without matplotlib.
        """
        network = _last_step(_best(estimator))
        check_is_fitted(network)
        curve = getattr(network, "loss_curve_", None)
        if curve is None:
            remedy = "scikit-learn's own networks keep none with solver='lbfgs'; this library's do."
            must = "a fitted estimator that keeps a loss_curve_, such as MLPClassifier"
            raise ArgumentTypeError(sentence("estimator", must, type(network).__name__, remedy))
        scores = getattr(network, "validation_scores_", None)
        losses = getattr(network, "validation_loss_curve_", None)
        score_name = "accuracy" if is_classifier(network) else "R²" if is_regressor(network) else "score"
        return cls(
            loss_curve=curve,
            validation_loss_curve=losses,
            validation_scores=scores,
            kept_epoch=_kept_epoch(network, len(curve), scores),
            score_name=score_name,
        ).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw on `ax`, or on a new figure; MissingExtraError without matplotlib."""
        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = [self._line(self.ax_, self.loss_curve, "C0", "training loss")]
        if self.validation_loss_curve is not None:
            self.lines_.append(self._line(self.ax_, self.validation_loss_curve, "C1", "validation loss"))
        self.ax_.set(xlabel="epoch", ylabel="loss")
        self.ax_.locator_params(axis="x", integer=True)
        self.score_ax_ = None if self.validation_scores is None else self._plot_scores(self.validation_scores)
        if self.kept_epoch is not None:
            label = f"kept: epoch {self.kept_epoch}"
            self.lines_.append(self.ax_.axvline(self.kept_epoch, color=KEPT, linestyle=":", label=label))
        if self.score_ax_ is None:
            self.ax_.legend(handles=self.lines_)
        else:  # what is drawn last holds the legend, or lines run through it; scores end above its place, losses below
            self.score_ax_.legend(handles=self.lines_, loc="center right")
        return self

    def _plot_scores(self, scores: Sequence[float]) -> Axes:
        ax, name = self.ax_.twinx(), f"validation {self.score_name}"
        self.lines_.append(self._line(ax, scores, "C2", f"{name} (right)", linestyle="--"))
        ax.set_ylabel(name, color="C2")
        ax.tick_params(axis="y", labelcolor="C2")
        return ax

    def _line(self, ax: Axes, values: Sequence[float], color: str, label: str, linestyle: str = "-") -> Line2D:
        last = len(self.loss_curve)
        epochs = range(last - len(values) + 1, last + 1)
        marker = "o" if len(values) == 1 else None  # one point makes no line
        return ax.plot(epochs, values, color=color, label=label, linestyle=linestyle, marker=marker)[0]


class GradientFlowDisplay:
    """How large the error δ^l is in each layer, epoch by epoch: whether it vanishes or explodes on its way back.

    Make one by `from_estimator`. `epochs` (n_epochs,) counts from 1; `delta_norms` (n_epochs, L) is, for layers 1..L,
    the root mean square of δ^l over the layer's units and the rows, each row's δ^l being that of its own loss. After
    `plot`: `ax_`, `figure_`, `lines_` (one per layer, the first layer first).
    """

    ax_: Axes
    figure_: Figure | SubFigure
    lines_: list[Line2D]

    def __init__(self, *, epochs: Array, delta_norms: Array) -> None:
        self.epochs, self.delta_norms = epochs, delta_norms

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, ax: Axes | None = None
    ) -> Self:
        """Fit a clone of `estimator` on X, y and draw the δ^l of up to 256 of the rows, evenly spaced, by epoch.

        `estimator`, fitted or not, is left as it is: an MLPClassifier or MLPRegressor of this library, or a Pipeline
        that ends in one. Errors: ArgumentTypeError for another estimator; those of its fit; MissingExtraError without
        matplotlib.
        """
        _pyplot()  # refuse before the time of a fit is spent
        found = _best(estimator) if hasattr(estimator, "best_estimator_") else estimator
        model = clone(found, safe=False)  # the code below refuses, by name, an object that is not an estimator
        network = _last_step(model)
        if not isinstance(network, BaseMLP):
            must = "an MLPClassifier or MLPRegressor of this library, or a Pipeline that ends in one"
            raise ArgumentTypeError(sentence("estimator", must, type(network).__name__))
        X = _fit_steps_before(model, X, y)
        flow = ErrorFlow(*sample(network, X, y))
        network.set_params(on_epoch=[*_several(network.on_epoch), flow]).fit(X, y, sample_weight)
        norms = np.array(flow.norms).reshape(-1, network.network_.L)
        return cls(epochs=np.arange(1, len(norms) + 1), delta_norms=norms).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw on `ax`, or on a new figure; MissingExtraError without matplotlib."""
        plt, own = _pyplot(), ax is None
        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        n_layers = self.delta_norms.shape[1]
        colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, n_layers))  # its last tenth is too light on white
        self.lines_ = [
            self.ax_.plot(
                self.epochs,
                self.delta_norms[:, l - 1],
                color=colors[l - 1],
                label=_layer_name(l, n_layers),
                marker="o" if len(self.epochs) == 1 else None,
            )[0]
            for l in range(1, n_layers + 1)
        ]
        _scale(self.ax_, self.delta_norms[self.delta_norms > 0])
        self.ax_.set(xlabel="epoch", ylabel="error δ of a unit (root mean square)")
        self.ax_.set_title(finding(self.delta_norms), fontsize="medium")
        self.ax_.locator_params(axis="x", integer=True)
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if own else {"loc": "best"}
        self.ax_.legend(handles=_thinned(self.lines_), fontsize="small", **place)
        return self


def _best(estimator: Any) -> Any:
    """The estimator that a search or a TransformedTargetRegressor has fitted, else the estimator itself."""
    if not hasattr(estimator, "fit") or isinstance(estimator, type):
        must, got = "a fitted estimator that keeps a loss_curve_, such as MLPClassifier", repr(estimator)
        raise ArgumentTypeError(sentence("estimator", must, got))
    if hasattr(estimator, "best_estimator_"):
        return _best(estimator.best_estimator_)
    if hasattr(estimator, "regressor_"):
        return _best(estimator.regressor_)
    if hasattr(estimator, "cv_results_"):
        raise ArgumentError(sentence("estimator", "a search that keeps its best estimator", "one with refit=False"))
    return estimator


def _last_step(estimator: Any) -> Any:
    """The last step of a Pipeline, also of a nested one; otherwise the estimator itself."""
    return _last_step(_best(estimator.steps[-1][1])) if getattr(estimator, "steps", None) else estimator


def _fit_steps_before(model: Any, X: Any, y: Any) -> Any:
    """Fit all steps of a Pipeline but the last; X as the last step gets it, which is X itself for another model."""
    if not hasattr(model, "steps"):
        return X
    before, last = model[:-1], model.steps[-1][1]
    return _fit_steps_before(last, before.fit_transform(X, y) if len(before) else X, y)


def _kept_epoch(network: Any, n_epochs: int, scores: Sequence[float] | None) -> int | None:
    """The epoch, counted from 1, whose weights early stopping gave back; None if the last ones are kept."""
    if not scores or not getattr(network, "early_stopping", False):
        return None
    history = getattr(network, "history_", None)  # scikit-learn's networks, which have none, give the best back always
    if history is not None and history.best_epoch is None and not network.early_stopped_:
        return None
    return n_epochs - len(scores) + int(np.argmax(scores)) + 1


def _scale(ax: Axes, norms: Array) -> None:
    """A log scale if a number is positive, over whole decades if there would be hardly a tick to read."""
    if not len(norms):
        return
    ax.set_yscale("log", nonpositive="mask")
    if norms.max() < FEW_TICKS * norms.min():
        low, high = np.floor(np.log10(norms.min())), np.ceil(np.log10(norms.max()))
        ax.set_ylim(10**low, 10 ** max(high, low + 1))


def _layer_name(l: int, n_layers: int) -> str:
    return f"layer {l}" + (" (first)" if l == 1 else " (last)" if l == n_layers else "")


def _thinned(lines: list[Line2D]) -> list[Line2D]:
    """The lines that the legend names: all, or of many the first, the last and some between."""
    places = np.linspace(0, len(lines) - 1, min(len(lines), NAMED_LINES)).round().astype(int)
    return [lines[place] for place in places]


def _several(callbacks: Any) -> Sequence[Any]:
    return () if callbacks is None else callbacks if isinstance(callbacks, Sequence) else (callbacks,)


def _axes(ax: Axes | None) -> Axes:
    plt = _pyplot()
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError(
            "Plots need matplotlib, which is not installed. Run: pip install 'deltaprop[plot]'."
        ) from error
    return plt
