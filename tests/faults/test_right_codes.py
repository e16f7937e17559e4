"""No right backprop is accused: styles and layouts, kinks, scales, number types, saturation, batches of one."""

from __future__ import annotations

import numpy as np
import pytest
import right_codes as codes
from edited import edited
from kinds import KINDS, of_kind

import deltaprop as dp

ALL = (*codes.CLASSES, *codes.FUNCTIONS)
EVERYWHERE = [(code, kind) for code in ALL for kind in ("book", "deep", "classes", "yesno")]
OTHERS = ["square", "squares", "counts", "line", "robust", "soft", "single", "one"]


CLASS_INDICES = edited(
    "pairs_and_mean",
    {
        "delta_L(kind, Zs[-1], A[-1], Y, 1)": "(A[-1] - np.eye(A[-1].shape[1])[Y])",
        "np.mean(cost(kind, A[-1], Y, 1))": "-np.log(A[-1][np.arange(len(X)), Y]).mean()",
    },
)
RELU_RIGHT_AT_ZERO = edited("pairs_and_mean", {"F[kind.activation][1](Zs[i - 1])": "(Zs[i - 1] >= 0)"})


def case(code, kind):
    return pytest.param(code, KINDS[kind], id=f"{code.__name__}-{kind}")


def right(code, kind, sizes=None, **more):
    return not_accused(of_kind(code, kind), kind, sizes or kind.sizes, **more)


def not_accused(code, kind, sizes, **more):
    report = dp.check_code(code, sizes, **kind.options, **more)
    assert report.ok, str(report)
    assert not report.findings
    return report


@pytest.mark.parametrize(("code", "kind"), [case(*both) for both in EVERYWHERE])
def test_in_every_style_and_layout(code, kind):
    right(code, kind)


@pytest.mark.parametrize(("code", "kind"), [case(c, k) for c in (codes.Book, codes.pairs_and_mean) for k in OTHERS])
def test_for_every_activation_output_and_cost(code, kind):
    right(code, kind)


@pytest.mark.parametrize("kind", ["classes", "squares", "single"])
def test_class_indices(kind):
    kind = KINDS[kind]
    assert "class indices" in right(CLASS_INDICES, kind).called


@pytest.mark.parametrize("code", [codes.Book, codes.Rows, codes.pairs_and_mean, RELU_RIGHT_AT_ZERO])
def test_at_a_kink_either_slope_is_right(code, rng):
    kind = KINDS["yesno"]
    net = dp.Network(kind.sizes, dtype="float64", seed=1, **kind.options)
    net.layer(1).b[:3] = 0  # with x = 0, three units of layer 1 sit on the kink of ReLU
    X = np.vstack([np.zeros((2, 4)), rng.standard_normal((3, 4))])
    Y = np.array([[0.0], [1], [1], [0], [1]])
    right(code, kind, theta=net.theta, X=X, Y=Y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("code", [codes.Book, codes.pairs_and_mean])
def test_of_any_scale(code, scale, dtype, rng):
    kind = KINDS["line"]
    X = (scale * rng.standard_normal((7, 4))).astype(dtype)
    Y = (scale * rng.standard_normal((7, 2))).astype(dtype)
    right(code, kind, X=X, Y=Y, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-6, 1e-2, 5.0])
def test_of_any_scale_of_the_parameters(scale, dtype):
    kind = KINDS["deep"]
    net = dp.Network(kind.sizes, dtype=dtype, seed=2, **kind.options)
    theta = net.theta * net.theta.dtype.type(scale)
    right(codes.Rows, kind, theta=theta, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["book", "deep", "square", "squares", "counts"])
@pytest.mark.parametrize("code", [codes.Book, codes.pairs_and_mean, codes.Torchlike])
def test_where_units_are_saturated(code, kind, dtype, rng):
    kind = KINDS[kind]
    X = 12 * rng.standard_normal((7, kind.sizes[0]))
    right(code, kind, X=X, dtype=dtype)


@pytest.mark.parametrize("kind", ["book", "classes", "yesno", "counts"])
@pytest.mark.parametrize("code", ALL)
def test_in_float32(code, kind):
    kind = KINDS[kind]
    right(code, kind, dtype="float32")


@pytest.mark.parametrize("code", [codes.Book, codes.Rows, codes.ColumnsOfABatch, codes.pairs_and_mean])
def test_with_one_example(code, rng):
    kind = KINDS["deep"]
    X, Y = rng.standard_normal((1, 3)), rng.standard_normal((1, 2))
    right(code, kind, X=X, Y=Y)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 1, 1), (2, 1, 2)])
@pytest.mark.parametrize("code", [codes.Book, codes.Rows, codes.Torchlike, codes.ColumnsOfABatch, codes.dictionary])
def test_with_layers_of_one_unit(code, sizes):
    kind = KINDS["book"]
    right(code, kind, sizes)


@pytest.mark.parametrize("seed", range(5))
def test_for_any_seed(seed):
    kind = KINDS["classes"]
    right(codes.Book, kind, seed=seed)


def test_a_function_of_weights_and_biases():
    kind = KINDS["book"]

    def backprop(x, y, weights, biases):
        return codes.columns_function(kind, x, y, weights, biases)

    not_accused(backprop, kind, kind.sizes)


def test_an_object_and_its_bound_method_are_left_as_they_were(rng):
    kind = KINDS["book"]
    net = of_kind(codes.Book, kind)(list(kind.sizes))
    net.weights = [rng.standard_normal(W.shape) for W in net.weights]
    before = [W.copy() for W in net.weights]
    not_accused(net, kind, kind.sizes)
    not_accused(net.backprop, kind, kind.sizes)
    assert all((old == new).all() for old, new in zip(before, net.weights, strict=True))


@pytest.mark.parametrize("code", [codes.with_its_penalty, codes.twice_the_cost, codes.pairs_and_sum])
@pytest.mark.parametrize("m", [1, 2])
def test_with_too_few_examples_to_tell_a_convention_it_is_asked_for_at_most(code, m, rng):
    kind = KINDS["deep"]
    X, Y = rng.standard_normal((m, 3)), rng.standard_normal((m, 2))
    assert dp.check_code(of_kind(code, kind), kind.sizes, **kind.options, X=X, Y=Y).findings == ()


@pytest.mark.parametrize("seed", range(40))
def test_in_random_networks(seed):
    rng = np.random.default_rng(seed)
    sizes = tuple(int(n) for n in rng.integers(1, 9, rng.integers(2, 7)))
    if set(sizes) == {1}:  # only their order would tell ∂C/∂W from ∂C/∂b
        sizes = (2, *sizes)
    kinds = [kind for kind in KINDS.values() if sizes[-1] > 1 or kind.output != "softmax"]
    kind, code = kinds[rng.integers(len(kinds))], ALL[rng.integers(len(ALL))]
    right(code, kind, sizes, seed=seed, dtype=rng.choice(["float32", "float64"]))
