"""The drawing of the network in the HTML that notebooks show: well formed, escaped, and never in the way."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltaprop as dp
from deltaprop.estimators.drawing import architecture_svg

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('x')</script> & \"more\""


def parsed(html):
    """The one SVG in some HTML, as a tree: fails where it is not well formed."""
    found = re.findall(r"<svg role=\"img\".*?</svg>", html, re.DOTALL)
    assert len(found) == 1
    return ElementTree.fromstring(found[0])


def texts(svg):
    """What is written, the titles that show on hovering apart."""
    found = svg.iter(f"{SVG}text")
    return ["".join([element.text or "", *(child.tail or "" for child in element)]) for element in found]


def title(svg):
    return svg.find(f"{SVG}title").text


def circles(svg):
    return [element for element in svg.iter(f"{SVG}circle") if element.get("r") == "7"]


@pytest.fixture
def flowers(rng):
    X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["petal", "sepal", "stem"])
    return X, np.array(["iris", "lily", "rose"])[np.arange(60) % 3]


def fitted(data, *args, **kwargs):
    return dp.MLPClassifier(*args, max_iter=1, random_state=0, **kwargs).fit(*data)


def test_an_estimator_that_is_not_fitted():
    html = dp.MLPClassifier((100, 5), ["relu", "tanh"])._repr_html_()
    assert html.startswith("<style>"), "scikit-learn's own comes first"
    svg = parsed(html)
    assert title(svg) == "Network n - 100 relu - 5 tanh - n: 3 layers, parameters counted once fitted"
    assert {"input", "hidden 1", "hidden 2", "output", "n features", "100 units", "n outputs"} <= set(texts(svg))
    assert len(circles(svg)) == 3 + 7 + 5 + 3


def test_a_fitted_estimator(flowers):
    estimator = fitted(flowers, (16, 4))
    svg = parsed(estimator._repr_html_())
    count = estimator.network_.spec.n_parameters
    assert title(svg) == f"Network 3 - 16 relu - 4 relu - 3 softmax: 3 layers, {count} parameters"
    assert {"petal", "sepal", "stem", "iris", "lily", "rose", "3 features", "16 units", "softmax"} <= set(texts(svg))
    assert len(circles(svg)) == 3 + 7 + 4 + 3
    assert len(svg.findall(f".//{SVG}path")) == 3


@pytest.mark.parametrize(
    ("sizes", "n_circles"), [((1, 1), 2), ((0, 8, 1), 9), ((9, 2), 9), ((784, 30, 10), 21), ((2,) * 12, 24)]
)
def test_any_sizes(sizes, n_circles):
    svg = ElementTree.fromstring(architecture_svg(sizes, ["relu"] * (len(sizes) - 1), 7))
    assert len(circles(svg)) == n_circles


@pytest.mark.parametrize("n_hidden", [11, 30, 200])
def test_of_many_layers_those_between_are_left_out(n_hidden):
    svg = parsed(dp.MLPRegressor(hidden_layer_sizes=(3,) * n_hidden)._repr_html_())
    written = texts(svg)
    assert f"{n_hidden + 2 - 11} more layers" in written
    assert {"hidden 1", f"hidden {n_hidden}"} <= set(written)
    assert len(svg.findall(f".//{SVG}path")) == 9


def test_nothing_is_written_outside_the_drawing(flowers):
    svg = parsed(fitted(flowers, (30,))._repr_html_())
    left, top, width, height = map(float, svg.get("viewBox").split())
    for element in svg.iter(f"{SVG}text"):
        assert left <= float(element.get("x")) <= left + width
        assert top <= float(element.get("y")) <= top + height
    assert (float(svg.get("width")), float(svg.get("height"))) == (width, height)


def test_text_of_users_is_escaped(flowers):
    X, y = flowers
    own = dp.Activation(HOSTILE, np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    X = X.rename(columns={"petal": HOSTILE, "sepal": "a & b"})
    html = fitted((X, np.where(y == "iris", HOSTILE, y)), (2,), own)._repr_html_()
    drawing = html[html.index('<svg role="img"') :]
    assert "<script>" not in drawing
    written = texts(parsed(html))
    assert {"a & b", HOSTILE[:19] + "…", HOSTILE[:12] + "…"} <= set(written)
    assert HOSTILE in "".join(parsed(html).itertext()), "what was cut shows on hovering"


def test_the_drawing_takes_the_colours_of_the_page_and_asks_for_nothing(flowers):
    for estimator in (dp.MLPRegressor(), fitted(flowers)):
        html = estimator._repr_html_()
        drawing = html[html.index('<svg role="img"') :]
        assert 'fill="currentColor"' in drawing
        assert not re.search(r"<script|href|url\(|@import|#[0-9a-f]{3}", drawing)


def test_two_classes_name_the_one_whose_probability_is_the_output(flowers):
    X, y = flowers
    written = texts(parsed(fitted((X, y == "iris"))._repr_html_()))
    assert {"True", "1 output", "sigmoid"} <= set(written)
    assert "False" not in written


def test_columns_that_mark_missing_values_are_named(flowers):
    X, y = flowers
    X.iloc[::5, 1] = np.nan
    assert "missing: sepal" in texts(parsed(fitted((X, y), (2,), impute_missing=True)._repr_html_()))


def test_features_without_names_and_numbers_as_classes(flowers):
    X, y = flowers
    written = texts(parsed(fitted((X.to_numpy(), (y == "iris") + (y == "rose") * 2.0))._repr_html_()))
    assert {"0.0", "1.0", "2.0", "3 features"} <= set(written)


def test_a_network_without_hidden_layers(flowers):
    assert title(parsed(fitted(flowers, ())._repr_html_())) == "Network 3 - 3 softmax: 1 layer, 12 parameters"
    assert title(parsed(dp.MLPClassifier(())._repr_html_())).startswith("Network n - n: 1 layer")


@pytest.mark.parametrize("change", [{}, {"hidden_layer_sizes": 7}, {"hidden_layer_sizes": np.array([7])}])
def test_all_ways_to_write_sizes(change):
    assert "7 units" in texts(parsed(dp.MLPClassifier(**{"hidden_layer_sizes": (7,)} | change)._repr_html_()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_layer_sizes": (0,)},
        {"hidden_layer_sizes": None},
        {"hidden_layer_sizes": "ten"},
        {"hidden_layer_sizes": (2.5, "x")},
        {"activation": ["relu", "relu"]},
        {"activation": 3},
        {"activation": [None]},
    ],
)
def test_parameters_that_cannot_be_used_do_not_break_the_repr(wrong):
    html = dp.MLPClassifier(**wrong)._repr_html_()
    assert "sk-container" in html
    assert '<svg role="img"' not in html


@pytest.mark.parametrize("ready", [False, True])
def test_text_display_switches_it_off(ready, flowers):
    estimator = fitted(flowers) if ready else dp.MLPClassifier()
    assert '<svg role="img"' in estimator._repr_mimebundle_()["text/html"]
    with config_context(display="text"):
        assert not hasattr(estimator, "_repr_html_")
        assert set(estimator._repr_mimebundle_()) == {"text/plain"}
    assert estimator._repr_mimebundle_()["text/plain"] == repr(estimator)


def test_what_is_around_an_estimator_is_drawn_by_scikit_learn(flowers):
    pipeline = make_pipeline(StandardScaler(), dp.MLPClassifier((2,), max_iter=1))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1]}, cv=2)
    for model in (pipeline, clone(pipeline).fit(*flowers), search, clone(search).fit(*flowers)):
        html = model._repr_html_()
        assert "MLPClassifier" in html
        assert '<svg role="img"' not in html
