"""A damaged table in a model file is a FileFormatError, whatever is wrong with it, and never another exception."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandas as pd
import pytest
from headers import parts, with_entry
from hypothesis import given
from hypothesis import strategies as st

import deltaprop as dp

WRONG = [None, True, -1, 7, 10**400, 1.5, math.inf, "", "x", [], [None], ["x", "x"], [[]], {}, {"a": 1}]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def frame():
    x = np.linspace(-1, 1, 30)
    colour = [None, "red", "green"] * 10
    return pd.DataFrame({"x": x, "colour": colour, "id": "z", "kind": np.where(x > 0, "yes", "no"), "price": x**2})


@pytest.fixture(scope="module", params=["kind", "price"])
def content(request, frame, tmp_path_factory):
    """The bytes of a model's file, for classes and for numbers."""
    file = tmp_path_factory.mktemp("model") / "m.safetensors"
    dp.TableModel((3,), epochs=1, seed=0, drop=["id"]).fit(frame, request.param).save(file)
    return file.read_bytes()


def places(value, path=()):
    """The path of every value inside plain data."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def put(value, path, new):
    """The same data with `new` at this path; `new` is DELETE to take it out."""
    if not path:
        return new
    changed = copy.copy(value)
    if new is DELETE and len(path) == 1:
        del changed[path[0]]
    else:
        changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


DELETE = object()


def load(content, tmp_path, change):
    file = tmp_path / "changed.safetensors"
    file.write_bytes(with_entry(content, change))
    return dp.TableModel.load(file)


def outcome(content, tmp_path, frame, path, new):
    """Load a file with one value changed: refused by FileFormatError (True), or usable and then meant (False)."""
    try:
        model = load(content, tmp_path, lambda entry: entry.update(table=put(entry["table"], path, new)))
    except dp.FileFormatError:
        return True
    try:
        model.predict(frame)
    except dp.DataError:  # another column's name, say, which this frame has not
        return False
    return False


def test_every_field_of_the_table_wrong_is_refused_or_harmless(content, frame, tmp_path):
    refused = tried = 0
    for path in list(places(parts(content)[1]["table"]))[1:]:
        for new in WRONG:
            refused += outcome(content, tmp_path, frame, path, new)
            tried += 1
    assert refused > 0.8 * tried


def test_every_field_of_the_table_missing_is_refused(content, frame, tmp_path):
    for path in list(places(parts(content)[1]["table"]))[1:]:
        if path[0] != "drop" and not isinstance(path[-1], int):
            assert outcome(content, tmp_path, frame, path, DELETE), path


@given(data=st.data())
def test_nothing_in_the_place_of_a_field_breaks_the_reader(content, frame, tmp_path_factory, data):
    path = data.draw(st.sampled_from(list(places(parts(content)[1]["table"]))[1:]))
    outcome(content, tmp_path_factory.getbasetemp(), frame, path, data.draw(ANY))


@pytest.mark.parametrize("field", ["name", "task", "classes", "mean", "std"])
@pytest.mark.parametrize("new", [None, [], {}, math.nan, 10**400], ids=["null", "list", "object", "nan", "huge"])
def test_every_field_of_the_target_is_checked(content, tmp_path, field, new):
    if field == "classes" and not new and parts(content)[1]["table"]["target"]["task"] == "regression":
        new = ["no", "classes"]  # of a number, which has none
    with pytest.raises(dp.FileFormatError, match="target is damaged"):
        load(content, tmp_path, lambda entry: entry["table"]["target"].update({field: new}))


@pytest.mark.parametrize("classes", [["a"], ["a", "a"], ["1", 1], [True, False], [1.5, 2.5], ["a", None], "ab"])
def test_classes_that_are_no_classes_are_refused(content, tmp_path, classes):
    def change(entry):
        entry["table"]["target"].update(task="classification", classes=classes)

    with pytest.raises(dp.FileFormatError, match="target is damaged"):
        load(content, tmp_path, change)


@pytest.mark.parametrize("std", [0.0, -1.0])
def test_a_scale_that_is_not_positive_is_refused(content, tmp_path, std):
    with pytest.raises(dp.FileFormatError, match="target is damaged"):
        load(content, tmp_path, lambda entry: entry["table"]["target"].update(std=std))


def test_more_classes_than_outputs_are_refused(content, tmp_path):
    def change(entry):
        entry["table"]["target"].update(task="classification", classes=["a", "b", "c"])

    with pytest.raises(dp.FileFormatError, match=r"needs 3 softmax outputs"):
        load(content, tmp_path, change)


def test_a_column_less_than_the_network_takes_is_refused(content, tmp_path):
    with pytest.raises(dp.FileFormatError, match="its encoder makes"):
        load(content, tmp_path, lambda entry: entry["table"]["encoder"]["columns"].pop())


def test_an_encoder_of_another_number_type_is_refused(content, tmp_path):
    with pytest.raises(dp.FileFormatError, match="float64"):
        load(content, tmp_path, lambda entry: entry["table"]["encoder"].update(dtype="float64"))


def test_a_network_alone_is_sent_to_the_right_door(tmp_path):
    dp.Network([2, 3, 2], seed=0).save(tmp_path / "net.safetensors")
    with pytest.raises(dp.FileFormatError, match=r"without a table's encoder and labels\. Use deltaprop\.load"):
        dp.TableModel.load(tmp_path / "net.safetensors")


def test_the_network_of_a_table_model_can_be_loaded_alone(content, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(content)
    net = dp.load(tmp_path / "m.safetensors")
    assert net.spec.sizes == dp.TableModel.load(tmp_path / "m.safetensors").network.spec.sizes
