"""deltaprop: backpropagation in fully connected networks by its four equations BP1-BP4, exactly as derived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deltaprop.core.activations import Activation as Activation
from deltaprop.core.costs import Cost as Cost
from deltaprop.core.costs import huber as huber
from deltaprop.core.costs import quantile as quantile
from deltaprop.core.spec import Spec as Spec
from deltaprop.engines.registry import show_engines as show_engines
from deltaprop.errors import ArgumentError as ArgumentError
from deltaprop.errors import ArgumentTypeError as ArgumentTypeError
from deltaprop.errors import CodeError as CodeError
from deltaprop.errors import DataError as DataError
from deltaprop.errors import DeltapropError as DeltapropError
from deltaprop.errors import EngineError as EngineError
from deltaprop.errors import FileFormatError as FileFormatError
from deltaprop.errors import MissingExtraError as MissingExtraError
from deltaprop.errors import NonFiniteError as NonFiniteError
from deltaprop.errors import OutputError as OutputError
from deltaprop.errors import ShapeError as ShapeError
from deltaprop.network import Gradient as Gradient
from deltaprop.network import Network as Network
from deltaprop.network import load as load
from deltaprop.optim.optimizers import LBFGS as LBFGS
from deltaprop.optim.optimizers import SGD as SGD
from deltaprop.optim.optimizers import Adam as Adam
from deltaprop.optim.optimizers import AdamW as AdamW
from deltaprop.optim.optimizers import Optimizer as Optimizer
from deltaprop.optim.optimizers import RMSprop as RMSprop
from deltaprop.optim.schedules import Constant as Constant
from deltaprop.optim.schedules import Cosine as Cosine
from deltaprop.optim.schedules import InverseScaling as InverseScaling
from deltaprop.optim.schedules import OneCycle as OneCycle
from deltaprop.optim.schedules import ReduceOnPlateau as ReduceOnPlateau
from deltaprop.optim.schedules import StepDecay as StepDecay
from deltaprop.optim.schedules import WarmUp as WarmUp
from deltaprop.trace.record import Trace as Trace
from deltaprop.training.history import History as History
from deltaprop.training.loop import train as train
from deltaprop.training.stopping import EarlyStopping as EarlyStopping
from deltaprop.verify.check import check as check

if TYPE_CHECKING:
    from deltaprop.data.encoder import TableEncoder as TableEncoder
    from deltaprop.derivation.proof import Derivation as Derivation
    from deltaprop.derivation.proof import derive as derive
    from deltaprop.estimators.checks import ParameterError as ParameterError
    from deltaprop.estimators.classifier import MLPClassifier as MLPClassifier
    from deltaprop.estimators.displays import GradientFlowDisplay as GradientFlowDisplay
    from deltaprop.estimators.displays import LossCurveDisplay as LossCurveDisplay
    from deltaprop.estimators.regressor import MLPRegressor as MLPRegressor
    from deltaprop.tables.model import TableModel as TableModel
    from deltaprop.verify.function import check_gradients as check_gradients
    from deltaprop.verify.torch_module import check_torch as check_torch
    from deltaprop.verify.usercode.judge import check_code as check_code

__version__ = "0.1.0"

_LATER = {  # what stands on more than NumPy, or is seldom wanted, is imported when it is first asked for
    "Derivation": "deltaprop.derivation.proof",
    "derive": "deltaprop.derivation.proof",
    "GradientFlowDisplay": "deltaprop.estimators.displays",
    "LossCurveDisplay": "deltaprop.estimators.displays",
    "MLPClassifier": "deltaprop.estimators.classifier",
    "MLPRegressor": "deltaprop.estimators.regressor",
    "ParameterError": "deltaprop.estimators.checks",
    "TableEncoder": "deltaprop.data.encoder",
    "TableModel": "deltaprop.tables.model",
    "check_code": "deltaprop.verify.usercode.judge",
    "check_gradients": "deltaprop.verify.function",
    "check_torch": "deltaprop.verify.torch_module",
}
__all__ = [
    "LBFGS",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "ArgumentError",
    "ArgumentTypeError",
    "CodeError",
    "Constant",
    "Cosine",
    "Cost",
    "DataError",
    "DeltapropError",
    "Derivation",
    "EarlyStopping",
    "EngineError",
    "FileFormatError",
    "Gradient",
    "GradientFlowDisplay",
    "History",
    "InverseScaling",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "MissingExtraError",
    "Network",
    "NonFiniteError",
    "OneCycle",
    "Optimizer",
    "OutputError",
    "ParameterError",
    "RMSprop",
    "ReduceOnPlateau",
    "ShapeError",
    "Spec",
    "StepDecay",
    "TableEncoder",
    "TableModel",
    "Trace",
    "WarmUp",
    "check",
    "check_code",
    "check_gradients",
    "check_torch",
    "derive",
    "huber",
    "load",
    "quantile",
    "show_engines",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'deltaprop' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
