"""TableModel: a table, a target column, one call; and its file, bit for bit."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

import deltaprop as dp


@pytest.fixture
def frame(rng):
    x = rng.standard_normal(80)
    colour = rng.choice(["red", "green", "blue"], 80)
    kind = np.where(x + (colour == "red") > 0.3, "yes", "no")
    price = 3 * x + (colour == "blue") + rng.standard_normal(80) / 10
    return pd.DataFrame({"x": x, "colour": colour, "kind": kind, "price": price})


def model(**given):
    return dp.TableModel(**{"hidden": (8,), "epochs": 20, "seed": 1, "drop": ["price"]} | given)


def numbers(**given):
    return model(drop=["kind"], **given)


def test_a_pandas_frame_a_polars_frame_and_a_file_give_the_same_network(frame, tmp_path):
    frame.to_parquet(tmp_path / "t.parquet")
    sources = frame, pl.from_pandas(frame), str(tmp_path / "t.parquet"), tmp_path / "t.parquet"
    thetas = [model().fit(source, "kind").network.theta for source in sources]
    for theta in thetas[1:]:
        np.testing.assert_array_equal(theta, thetas[0])


def test_predictions_are_classes_with_probabilities(frame):
    fitted = model().fit(frame, "kind")
    p = fitted.predict_proba(frame)
    assert p.shape == (80, 2)
    predicted, sure = fitted.predict_with_probability(frame)
    np.testing.assert_array_equal(predicted, np.array(fitted.target.classes)[p.argmax(axis=1)])
    np.testing.assert_array_equal(sure, p.max(axis=1))
    np.testing.assert_array_equal(predicted, fitted.predict(frame))


def test_a_number_is_predicted_in_its_own_unit(frame):
    frame["price"] = 1e6 + 1e5 * frame["price"]
    fitted = numbers(epochs=100, early_stopping=None).fit(frame, "price")
    assert fitted.evaluate(frame).numbers["r2"] > 0.8
    predicted, sure = fitted.predict_with_probability(frame)
    assert predicted.dtype == np.float64
    assert abs(predicted.mean() - frame["price"].mean()) < 1e5
    assert sure is None


def test_a_number_has_no_probabilities(frame):
    with pytest.raises(dp.DataError, match="`task` must be classification for probabilities"):
        numbers(epochs=1).fit(frame, "price").predict_proba(frame)


def test_the_metrics_are_those_of_the_predictions(frame):
    fitted = model().fit(frame, "kind")
    found = fitted.evaluate(frame)
    assert found.headline == ("accuracy", pytest.approx(np.mean(fitted.predict(frame) == frame["kind"])))
    assert {name: of["rows"] for name, of in found.per_class.items()} == frame["kind"].value_counts().to_dict()


def test_the_gradients_are_checked_on_the_encoded_rows(frame):
    assert model().fit(frame, "kind").check(frame).ok


def test_an_array_has_no_target_in_it(rng):
    """The one way to learn from arrays in memory is a frame, or the estimators."""
    with pytest.raises(dp.DataError, match="data with labels"):
        dp.TableModel().fit(rng.standard_normal((10, 3)))


def test_a_model_of_arrays_predicts_arrays(tmp_path, rng):
    X = rng.standard_normal((60, 3))
    np.savez(tmp_path / "t.npz", X=X, y=X[:, 0] > 0)
    fitted = dp.TableModel((4,), epochs=2, seed=0).fit(tmp_path / "t.npz")
    assert fitted.predict(X).shape == (60,)
    assert fitted.target.classes == ("false", "true")


def test_facts_tell_what_happened(frame):
    fitted = model().fit(frame, "kind", test=0.25)
    facts = fitted.facts
    assert (facts["rows_train"], facts["rows_validation"], facts["rows_test"]) == (54, 6, 20)
    assert (facts["seed"], facts["batch_size"], facts["epochs"]) == (1, 32, len(fitted.history))
    assert facts["test"]["rows"] == 20
    assert fitted.network.facts is facts
    json.dumps(facts, allow_nan=False)


def test_the_test_rows_change_nothing_but_the_test(frame):
    """They are drawn first: what they hold is never learnt, not even their mean."""
    spoilt = frame.copy()
    fitted = model().fit(frame, "kind", test=0.25)
    encoder = fitted.encoder.to_dict()
    from deltaprop.tables.split import split_rows

    indices = fitted.target.encode(frame["kind"].to_numpy(object), "float32").ravel()
    rows = split_rows(80, 0.25, 0.1, indices, 1)
    spoilt.loc[rows.test, "x"] = 1e6
    again = model().fit(spoilt, "kind", test=0.25)
    assert again.encoder.to_dict() == encoder
    np.testing.assert_array_equal(again.network.theta, fitted.network.theta)


@pytest.mark.parametrize("target", ["kind", "price"])
def test_saved_and_loaded_it_is_the_same_to_the_bit(frame, tmp_path, target):
    fitted = (model if target == "kind" else numbers)().fit(frame, target)
    fitted.save(tmp_path / "m.safetensors")
    loaded = dp.TableModel.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.network.theta, fitted.network.theta)
    np.testing.assert_array_equal(loaded.predict(frame), fitted.predict(frame))
    assert (loaded.target, loaded.drop, loaded.facts) == (fitted.target, fitted.drop, fitted.facts)
    assert loaded.encoder.to_dict() == fitted.encoder.to_dict()
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_a_loaded_model_knows_its_shape_and_task(frame, tmp_path):
    model(hidden=(5, 4), activation="tanh", dtype="float64").fit(frame, "kind").save(tmp_path / "m.safetensors")
    loaded = dp.TableModel.load(tmp_path / "m.safetensors")
    found = (list(loaded.hidden), loaded.activation, loaded.dtype, loaded.task)
    assert found == ([5, 4], "tanh", "float64", "classification")


def test_the_same_seed_gives_the_same_bytes(frame, tmp_path):
    for name in ("a", "b"):
        model(dropout=0.2).fit(frame, "kind", test=0.2).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_a_seed_two_trainings_differ(frame):
    first, other = (model(seed=None, epochs=1).fit(frame, "kind") for _ in range(2))
    assert first.facts["seed"] != other.facts["seed"]
    assert (first.network.theta != other.network.theta).any()


def test_it_survives_a_pickle(frame):
    fitted = model().fit(frame, "kind")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(frame), fitted.predict(frame))


def test_one_width_stands_for_one_layer(frame):
    assert model(hidden=7, epochs=1).fit(frame, "kind").network.spec.sizes == (4, 7, 1)


def test_callbacks_see_the_columns_before_and_every_epoch_after(frame):
    seen = []
    model(epochs=2).fit(
        frame,
        "kind",
        on_columns=lambda fitted: seen.append(len(fitted.encoder.describe())),
        on_epoch=lambda event: seen.append(event.record.epoch),
    )
    assert seen == [2, 1, 2]


def test_a_failed_fit_leaves_the_old_model_as_it_was(frame):
    fitted = model().fit(frame, "kind")
    before = fitted.predict(frame)
    for bad in (frame.assign(x=np.inf), frame.assign(x=np.nan), frame.assign(kind="yes")):
        with pytest.raises(dp.DataError):
            fitted.fit(bad, "kind")
    fitted.learning_rate = 1e30
    with pytest.raises(dp.NonFiniteError):
        fitted.fit(frame, "kind")
    np.testing.assert_array_equal(fitted.predict(frame), before)


@pytest.mark.parametrize("call", ["predict", "predict_proba", "evaluate", "check", "examples", "save"])
def test_before_fit_it_says_what_to_do(frame, call):
    with pytest.raises(NotFittedError, match="Call `fit` first"):
        getattr(dp.TableModel(), call)(frame if call != "save" else "m.safetensors")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"task": "clasification"}, "Did you mean 'classification'?"),
        ({"activation": "rleu"}, "Did you mean 'relu'?"),
        ({"optimizer": "adm"}, "Did you mean 'adam'?"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'?"),
        ({"hidden": (0,)}, "`hidden` must be 1 or more. Got 0."),
        ({"hidden": "8"}, "`hidden` must be a whole number. Got '8'."),
        ({"epochs": 0}, "`epochs` must be 1 or more. Got 0."),
        ({"batch_size": 0}, "`batch_size` must be 1 or more. Got 0."),
        ({"learning_rate": 0}, "`learning_rate` must be greater than 0. Got 0."),
        ({"learning_rate": np.nan}, "`learning_rate` must be finite. Got nan."),
        ({"l2": -1}, "`l2` must be finite and 0 or more. Got -1."),
        ({"dropout": 1}, "`dropout` must be a probability"),
        ({"validation": 1}, "`validation` must be a fraction below 1. Got 1."),
        ({"validation": "0.1"}, "`validation` must be a number. Got '0.1'."),
        ({"early_stopping": -1}, "`early_stopping` must be 0 or more. Got -1."),
        ({"dtype": "float16"}, "`dtype`"),
        ({"seed": -1}, "`seed` must be a whole number from 0"),
        ({"optimizer": "lbfgs", "dropout": 0.5}, "`dropout` must be left out with L-BFGS"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_meant_is_refused_at_once(given, sentence):
    with pytest.raises(dp.DeltapropError) as refused:
        dp.TableModel(**given)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("fraction", [-0.1, 1, np.nan])
def test_a_test_fraction_outside_of_0_and_1_is_refused(frame, fraction):
    with pytest.raises(dp.ArgumentError, match="`test` must be a fraction"):
        model().fit(frame, "kind", test=fraction)


def test_a_class_of_one_row_does_not_stop_the_split(frame):
    frame.loc[0, "kind"] = "perhaps"
    fitted = model(epochs=1).fit(frame, "kind", test=0.2)
    assert fitted.target.classes == ("no", "perhaps", "yes")


@pytest.mark.parametrize("m", [2, 3])
def test_two_rows_are_enough(frame, m):
    rows = frame.iloc[[frame["kind"].eq("yes").argmax(), *frame.index[frame["kind"] == "no"][: m - 1]]]
    fitted = model(epochs=1, validation=0).fit(rows, "kind")
    assert fitted.predict(rows).shape == (m,)


def test_one_row_is_one_class_and_refused(frame):
    with pytest.raises(dp.DataError, match="two classes"):
        model().fit(frame.iloc[:1], "kind")


def test_no_rows_are_refused(frame):
    with pytest.raises(dp.DataError, match="at least one row"):
        model().fit(frame.iloc[:0], "kind")


def test_a_constant_number_can_be_learnt(frame):
    frame["price"] = 2.5
    fitted = numbers(epochs=100, learning_rate=0.01).fit(frame, "price")
    np.testing.assert_allclose(fitted.predict(frame), 2.5, atol=0.2)


def test_extra_and_missing_columns_are_named_at_predict(frame):
    fitted = model(epochs=1).fit(frame, "kind")
    with pytest.raises(dp.DataError, match="missing: x; unexpected: w"):
        fitted.predict(frame.rename(columns={"x": "w"}))
    assert len(fitted.predict(frame.drop(columns=["kind", "price"]))) == 80


def test_examples_are_what_the_network_is_given(frame):
    fitted = model(drop=["price"]).fit(frame, "kind")
    X, Y = fitted.examples(frame)
    assert X.shape == (len(frame), fitted.network.spec.sizes[0])
    assert np.isfinite(fitted.network.cost(X, Y))
    np.testing.assert_array_equal(X, fitted.encoder.transform(frame[list(fitted.encoder.feature_names_in_)]))
