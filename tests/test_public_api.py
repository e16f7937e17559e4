"""The names and signatures that may not drift: a change here is a change that users see."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import deltaprop as dp

EAGER = [
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
    "EarlyStopping",
    "EngineError",
    "FileFormatError",
    "Gradient",
    "History",
    "InverseScaling",
    "LBFGS",
    "MissingExtraError",
    "Network",
    "NonFiniteError",
    "OneCycle",
    "Optimizer",
    "OutputError",
    "RMSprop",
    "ReduceOnPlateau",
    "SGD",
    "ShapeError",
    "Spec",
    "StepDecay",
    "Trace",
    "WarmUp",
    "check",
    "huber",
    "load",
    "quantile",
    "show_engines",
    "train",
]
LAZY = [
    "Derivation",
    "GradientFlowDisplay",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "TableEncoder",
    "TableModel",
]
LAZY += ["ParameterError", "check_code", "check_gradients", "check_torch", "derive"]

SIGNATURES = {
    "Network": "(sizes, *, activation='relu', output='softmax', cost='cross_entropy', dtype='float32', seed=None, "
    "engine='auto', n_threads=None, init='auto', kinds='dense', rates=None)",
    "Network.layer": "(self, l)",
    "Network.forward": "(self, X)",
    "Network.cost": "(self, X, Y, sample_weight=None)",
    "Network.backprop": "(self, X, Y, sample_weight=None)",
    "Network.trace": "(self, X, Y, sample_weight=None)",
    "Network.input_gradient": "(self, X, Y, sample_weight=None)",
    "Network.jacobian": "(self, X)",
    "Network.copy": "(self)",
    "Network.astype": "(self, dtype)",
    "Network.save": "(self, path)",
    "load": "(path, *, custom=(), engine='auto', n_threads=None)",
    "train": "(net, X, Y, *, epochs=10, batch_size=32, optimizer='adam', schedule='constant', l1=0.0, l2=0.0, "
    "clip_norm=None, dropout=0.0, sample_weight=None, validation=None, early_stopping=None, on_step=(), on_epoch=(), "
    "on_progress=(), shuffle=True, time_limit=None, seed=None)",
    "check": "(net, X, Y, sample_weight=None, *, elements=200, max_rows=100, seed=0, ulp=False)",
    "check_code": "(function, sizes, *, activation='sigmoid', output=None, cost='quadratic', dtype='float64', "
    "theta=None, X=None, Y=None, seed=0, style=None, layout=None, container=None, targets=None, batch=None, "
    "cost_factor=None, l2=None)",
    "derive": "(equation=None)",
    "Derivation.prove": "(self, *, on_step=None)",
    "Derivation.verify": "(self, net, X, Y, sample_weight=None)",
    "check_gradients": "(f, grad, x, *, elements=200, seed=0)",
    "check_torch": "(module, loss, X, Y, *, elements=200, seed=0)",
    "show_engines": "()",
    "huber": "(threshold=1.0)",
    "quantile": "(q=0.5)",
    "Activation": "(name, sigma, sigma_prime, kinks=(), elementwise=True, fused=None, init='glorot')",
    "Cost": "(name, C, grad_a, targets='real', outputs=None, kinks=())",
    "Cost.from_rows": "(name, C, grad_a)",
    "SGD": "(learning_rate=0.1, momentum=0.0, nesterov=False, *, weight_decay=0.0)",
    "RMSprop": "(learning_rate=0.001, rho=0.9, epsilon=1e-08, *, weight_decay=0.0)",
    "Adam": "(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, *, weight_decay=0.0)",
    "AdamW": "(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, *, weight_decay=0.01)",
}
FIELDS = {
    "Derivation": ["sections", "proofs", "verification"],
    "Trace": ["x", "y", "grad_a", "cost", "layers", "version"],
    "Gradient": ["cost", "vector", "spec"],
}


def bare(function):
    """The signature without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def found(path):
    thing = dp
    for part in path.split("."):
        thing = getattr(thing, part)
    return thing


def test_the_public_names_are_these():
    public = {name for name in dp.__all__ if not isinstance(getattr(dp, name), ModuleType)}
    assert public - set(LAZY) == set(EAGER)


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_name_is_listed_and_found(name):
    assert name in dir(dp)
    assert getattr(dp, name).__name__ == name


def test_every_public_name_has_a_docstring():
    assert [name for name in EAGER if not (getattr(dp, name).__doc__ or "").strip()] == []


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'deltaprop' has no attribute 'Netwrok'"):
        dp.Netwrok  # noqa: B018


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_is_this(name):
    assert bare(found(name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", FIELDS)
def test_the_fields_are_these(name):
    assert list(getattr(dp, name).__dataclass_fields__) == FIELDS[name]


def test_every_error_is_ours_and_the_built_in_one_that_a_caller_expects():
    expected = {
        "ArgumentError": ValueError, "ArgumentTypeError": TypeError, "ShapeError": ValueError, "DataError": ValueError,
        "FileFormatError": ValueError, "OutputError": OSError, "NonFiniteError": ArithmeticError,
        "EngineError": RuntimeError, "CodeError": RuntimeError, "MissingExtraError": ImportError,
    }  # fmt: skip
    for name, built_in in expected.items():
        assert issubclass(getattr(dp, name), built_in)
        assert issubclass(getattr(dp, name), dp.DeltapropError)
