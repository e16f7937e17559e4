"""What the estimators take as rows, targets and weights, and the tools of scikit-learn that they go through."""

from __future__ import annotations

import copy
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

import deltaprop as dp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = ["age", "height", "size"]
FIT = {"hidden_layer_sizes": (5,), "max_iter": 4, "batch_size": 16, "random_state": 0, "learning_rate_init": 0.01}


def classifier(**given):
    return dp.MLPClassifier(**FIT | given)


def regressor(**given):
    return dp.MLPRegressor(**FIT | given)


@pytest.fixture
def X(rng):
    return np.round(rng.standard_normal((40, 3)), 3)


@pytest.fixture
def y(X):
    return (X[:, 0] + X[:, 1] > 0).astype(int)


FORMS = {
    "lists": lambda X: X.tolist(),
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "pandas, its own numbers": lambda X: pd.DataFrame(X, columns=NAMES).convert_dtypes(),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES, orient="row"),
    "pyarrow": lambda X: pa.table(dict(zip(NAMES, X.T, strict=True))),
    "objects": lambda X: X.astype(object),
    "columns first": np.asfortranarray,
    "every other": lambda X: np.repeat(X, 2, axis=0)[::2],
    "read only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "CSR": sparse.csr_array,
    "CSC": sparse.csc_array,
    "COO": sparse.coo_array,
    "CSR matrix": sparse.csr_matrix,
    "CSC matrix": sparse.csc_matrix,
}
NAMED = ("pandas", "pandas, its own numbers", "polars", "pyarrow")
COLUMNS = {
    "list": lambda v: v.tolist(),
    "tuple": lambda v: tuple(v.tolist()),
    "pandas": lambda v: pd.Series(v, index=np.arange(len(v))[::-1]),
    "polars": pl.Series,
    "pyarrow": pa.array,
    "pyarrow in chunks": lambda v: pa.chunked_array([v[:7], v[7:]]),
    "objects": lambda v: v.astype(object),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_rows_gives_what_an_array_gives(X, y, form):
    rows = FORMS[form](X)
    fitted, plain = classifier().fit(rows, y), classifier().fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(rows), plain.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(rows), plain.predict(X))
    np.testing.assert_allclose(regressor().fit(rows, y).predict(rows), regressor().fit(X, y).predict(X), atol=1e-12)
    assert fitted.n_features_in_ == 3
    assert fitted.score(rows, y) == plain.score(X, y)


@pytest.mark.parametrize("form", FORMS)
def test_names_are_known_where_there_are_any(X, y, form):
    fitted = regressor().fit(FORMS[form](X), y)
    assert hasattr(fitted, "feature_names_in_") == (form in NAMED)
    if form in NAMED:
        assert list(fitted.feature_names_in_) == NAMES
        renamed = pd.DataFrame(X, columns=["age", "height", "weight"])
        with pytest.raises(ValueError, match="feature names"):
            fitted.predict(renamed)
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            fitted.predict(X)


@pytest.mark.parametrize(
    ("form", "labels"),
    [(form, labels) for form in COLUMNS for labels in ("numbers", "words", "bools", "reals")
     if (form, labels) not in (("objects", "numbers"), ("objects", "bools"))],  # which scikit-learn refuses
)  # fmt: skip
def test_every_form_of_targets(X, y, form, labels):
    values = {"numbers": y, "words": np.array(["no", "yes"])[y], "bools": y == 1, "reals": y + 0.5}[labels]
    make = regressor if labels == "reals" else classifier
    fitted, plain = make().fit(X, COLUMNS[form](values)), make().fit(X, values)
    np.testing.assert_array_equal(fitted.predict(X), plain.predict(X))
    assert fitted.score(X, COLUMNS[form](values)) == plain.score(X, values)
    if labels != "reals":
        assert list(fitted.classes_) == sorted(set(values.tolist()))


@pytest.mark.parametrize("form", COLUMNS)
def test_every_form_of_weights(X, y, form):
    weight = np.linspace(0.1, 2, 40)
    fitted, plain = classifier().fit(X, y, COLUMNS[form](weight)), classifier().fit(X, y, weight)
    np.testing.assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))
    assert fitted.score(X, y, weight) == plain.score(X, y, sample_weight=weight)


@pytest.mark.parametrize(
    ("given", "computed"),
    [("float32", "float32"), ("float64", "float64"), ("float16", "float64"), ("int64", "float64"), ("uint8", "float64"),
     ("bool", "float64"), ("longdouble", "float64")],
)  # fmt: skip
def test_the_type_of_the_numbers(X, y, given, computed):
    rows = np.abs(X).round().astype(given)
    for fitted in (classifier().fit(rows, y), regressor().fit(rows, y.astype(float))):
        assert {v.dtype for v in (*fitted.coefs_, *fitted.intercepts_)} == {np.dtype(computed)}
        from_lists = type(fitted)(**FIT).fit(rows.tolist(), y)
        np.testing.assert_allclose(fitted.predict(rows), from_lists.predict(rows), atol=1e-4)


def test_float32_answers_float32(X, y):
    rows = X.astype(np.float32)
    assert classifier().fit(rows, y).predict_proba(rows).dtype == np.float32
    assert classifier().fit(sparse.csr_array(rows), y).predict_proba(rows).dtype == np.float32
    assert regressor().fit(rows, y.astype(np.float32)).predict(rows).dtype == np.float32


@pytest.mark.parametrize("form", ["array", "bools", "lists", "pandas", "CSR", "CSC"])
def test_yes_no_labels(X, form):
    labels = (X > 0).astype(int)
    forms = {"array": np.asarray, "bools": lambda v: v == 1, "lists": lambda v: v.tolist(), "pandas": pd.DataFrame}
    forms |= {"CSR": sparse.csr_matrix, "CSC": sparse.csc_matrix}
    fitted, plain = classifier(max_iter=60).fit(X, forms[form](labels)), classifier(max_iter=60).fit(X, labels)
    assert list(fitted.classes_) == [0, 1, 2]
    predicted = fitted.predict(X)
    assert sparse.issparse(predicted) == (form in ("CSR", "CSC"))
    np.testing.assert_array_equal(predicted.toarray() if sparse.issparse(predicted) else predicted, plain.predict(X))
    np.testing.assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))
    assert fitted.predict_proba(X).shape == (40, 3)
    assert fitted.score(X, labels) == plain.score(X, labels) > 0


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, lambda v: pl.DataFrame(v, orient="row")])
def test_several_numbers(X, form):
    fitted = regressor().fit(X, form(X[:, :2]))
    assert fitted.predict(X).shape == (40, 2)
    np.testing.assert_array_equal(fitted.predict(X), regressor().fit(X, X[:, :2]).predict(X))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_before_it(X, y, container):
    model = make_pipeline(StandardScaler(), classifier()).set_output(transform=container)
    model.fit(pd.DataFrame(X, columns=NAMES), y)
    assert list(model[-1].feature_names_in_) == NAMES
    plain = make_pipeline(StandardScaler(), classifier()).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(pd.DataFrame(X, columns=NAMES)), plain.predict_proba(X), atol=1e-12)


def test_behind_a_column_transformer(X, y):
    frame = pd.DataFrame(X, columns=NAMES).assign(town=np.array(["Ulm", "Bonn"])[y])
    columns = make_column_transformer((OneHotEncoder(), ["town"]), (StandardScaler(), NAMES))
    assert make_pipeline(columns, classifier(max_iter=100)).fit(frame, y).score(frame, y) == 1


def test_metadata_goes_through_a_pipeline_and_a_search(X, y):
    weight = np.linspace(0, 2, 40)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = classifier(early_stopping=True).set_fit_request(
            sample_weight=True, X_val=True, y_val=True, sample_weight_val="w_val"
        )
        given = {"sample_weight": weight, "X_val": X[:9], "y_val": y[:9], "w_val": weight[:9]}
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, routed, transform_input=["X_val"]).fit(X, y, **given)
        scaled = StandardScaler().fit_transform(X)
        plain = classifier(early_stopping=True).fit(
            scaled, y, weight, X_val=scaled[:9], y_val=y[:9], sample_weight_val=weight[:9]
        )
        np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(scaled))
        assert model[-1].validation_loss_curve_ == plain.validation_loss_curve_
        search = GridSearchCV(
            classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
            {"alpha": [0, 1]},
            cv=2,
        ).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(
        search.best_estimator_.predict_proba(X), classifier(**search.best_params_).fit(X, y, weight).predict_proba(X)
    )


@sklearn.config_context(enable_metadata_routing=True)
def test_partial_fit_can_be_asked_for_metadata():
    requests = classifier().set_partial_fit_request(classes=True, sample_weight=False, X_val=True)
    assert requests.get_metadata_routing().partial_fit.requests["classes"] is True
    assert set(regressor().get_metadata_routing().score.requests) == {"sample_weight"}


def test_tags():
    tags = get_tags(classifier())
    assert is_classifier(classifier())
    assert (tags.classifier_tags.multi_class, tags.classifier_tags.multi_label) == (True, True)
    assert (tags.input_tags.sparse, tags.input_tags.allow_nan) == (True, False)
    assert get_tags(classifier(impute_missing=True)).input_tags.allow_nan
    assert is_regressor(regressor())
    assert get_tags(regressor()).input_tags.sparse
    assert tags.target_tags.required


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy, through_joblib])
@pytest.mark.parametrize("given", [{}, {"early_stopping": True}, {"impute_missing": True}, {"solver": "lbfgs"}])
def test_a_copy_is_the_same_and_goes_on_alike(X, y, copied, given):
    fitted = classifier(shuffle=False, warm_start=True, **given).fit(X, y)
    before = fitted.predict_proba(X)
    twin = copied(fitted)
    np.testing.assert_array_equal(twin.predict_proba(X), before)
    assert twin.loss_curve_ == fitted.loss_curve_
    if copied is not copy.copy:  # a shallow one shares the network
        np.testing.assert_array_equal(twin.fit(X, y).predict_proba(X), fitted.fit(X, y).predict_proba(X))
        twin.coefs_[0][:] = 0
        assert (fitted.coefs_[0] != 0).any()


def test_a_clone_has_the_parameters_alone(X, y):
    own = dp.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    fitted = classifier(activation=[own], class_weight={0: 1, 1: 2}, dropout=[0.1], random_state=3).fit(X, y)
    twin = clone(fitted)
    assert repr(twin.get_params()) == repr(fitted.get_params())
    assert not [name for name in vars(twin) if name.endswith("_")]
    assert eval(repr(dp.MLPRegressor("huber", alpha=1)), {"MLPRegressor": dp.MLPRegressor}).loss == "huber"


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(X, y, method):
    calibrated = CalibratedClassifierCV(classifier(), method=method, cv=2).fit(X, y, np.ones(40))
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_two_jobs_give_what_one_gives(X, y):
    grid = {"hidden_layer_sizes": [(), (4,)], "activation": ["gelu", "tanh"]}
    one, two = (GridSearchCV(classifier(), grid, cv=2, n_jobs=jobs).fit(X, y).cv_results_ for jobs in (1, 2))
    np.testing.assert_array_equal(one["mean_test_score"], two["mean_test_score"])
    scores = [cross_validate(regressor(), X, X[:, 1], cv=3, n_jobs=jobs)["test_score"] for jobs in (1, 2)]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize("form", ["array", "pandas", "polars", "CSR"])
def test_missing_values_are_filled_and_marked(X, y, make, form, rng):
    holes = np.where(rng.random(X.shape) < 0.2, np.nan, X)
    holes[:10] = X[:10]
    given = {"array": np.asarray, "CSR": sparse.csr_array, **FORMS}[form]
    fitted = make(impute_missing=True).fit(given(holes), y, X_val=given(holes[5:25]), y_val=y[5:25])
    by_hand = SimpleImputer(strategy="median", add_indicator=True).fit(given(holes))
    full, held = by_hand.transform(given(holes)), by_hand.transform(given(holes[5:25]))
    plain = make().fit(full, y, X_val=held, y_val=y[5:25])
    np.testing.assert_allclose(fitted.predict(given(holes)), plain.predict(full), atol=1e-12)
    np.testing.assert_allclose(fitted.validation_loss_curve_, plain.validation_loss_curve_, rtol=1e-12)
    assert fitted.n_features_in_ == 3
    assert fitted.network_.spec.sizes[0] == full.shape[1]
    assert fitted.input_gradients(given(holes), y).shape == (40, 3)
    fitted.partial_fit(given(holes), y)
    with pytest.raises(ValueError, match="NaN"):
        make().fit(given(holes), y)


def test_nan_where_there_was_none_in_training_is_filled_too(X, y):
    fitted = classifier(impute_missing=True).fit(X, y)
    holes = X.copy()
    holes[:, 2] = np.nan
    filled = np.where(np.isnan(holes), np.median(X, axis=0), holes)
    np.testing.assert_allclose(fitted.predict_proba(holes), fitted.predict_proba(filled))
    with pytest.raises(ValueError, match="infinity"):
        classifier(impute_missing=True).fit(np.where(np.isnan(holes), np.inf, holes), y)
