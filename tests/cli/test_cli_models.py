"""`predict`, `evaluate`, `check` and `info`: what a saved model is used for."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from headers import with_entry
from small_tables import HEADER, QUICK, write_csv

import deltaprop as dp
from deltaprop.core import equations


def table_of(text):
    return list(csv.reader(io.StringIO(text)))


def test_predict_prints_class_and_probability_of_every_row(run, model, rows):
    done = run("predict", model.name, "table.csv")
    header, *lines = table_of(done.out)
    assert (done.code, done.err, header) == (0, "", ["kind", "probability"])
    assert len(lines) == len(rows)
    assert {label for label, _ in lines} <= {"yes", "no"}
    assert all(0.5 <= float(p) <= 1 for _, p in lines)


def test_predict_prints_the_number_alone_for_a_regression(run, number_model, rows):
    header, *lines = table_of(run("predict", number_model.name, "table.csv").out)
    assert (header, len(lines)) == (["price"], len(rows))
    expected = dp.TableModel.load(number_model).predict(number_model.with_name("table.csv"))
    np.testing.assert_array_equal([float(value) for (value,) in lines], expected)


def test_predict_to_a_file_writes_the_same_and_keeps_stdout_empty(run, model):
    printed = run("predict", model.name, "table.csv").out
    done = run("predict", model.name, "table.csv", "-o", "out.csv")
    assert (done.code, done.out) == (0, "")
    assert done.err == "Wrote 90 predictions to out.csv.\n"
    assert model.with_name("out.csv").read_text() == printed


def test_a_label_with_a_comma_is_quoted(run, tmp_path):
    write_csv(tmp_path / "t.csv", ("x", "who"), [(i, "Smith, J" if i < 20 else "Doe") for i in range(40)])
    run(
        "train", "t.csv", "--target", "who", "--hidden", "4", "--epochs", "30", "--save", "m.safetensors", "--seed", "0"
    )
    found = {row[0] for row in table_of(run("predict", "m.safetensors", "t.csv").out)[1:]}
    assert found == {"Smith, J", "Doe"}


def test_the_target_need_not_be_there_at_predict(run, model, rows):
    write_csv(model.with_name("new.csv"), HEADER[:3], [row[:3] for row in rows])
    assert run("predict", model.name, "new.csv").out == run("predict", model.name, "table.csv").out


def test_the_order_of_the_columns_is_free(run, model, rows):
    write_csv(model.with_name("turned.csv"), HEADER[::-1], [row[::-1] for row in rows])
    assert run("predict", model.name, "turned.csv").out == run("predict", model.name, "table.csv").out


def test_a_category_never_seen_is_taken_for_none(run, model, rows):
    write_csv(model.with_name("new.csv"), HEADER[:3], [(0.1, "violet", 3)])
    assert len(run("predict", model.name, "new.csv").out.splitlines()) == 2


def test_evaluate_shows_the_scores_and_each_class(run, model):
    done = run("evaluate", model.name, "table.csv")
    assert (done.code, done.err) == (0, "")
    assert "accuracy" in done.out
    assert "precision" in done.out
    assert [line.split()[0] for line in done.out.splitlines()[-2:]] == ["no", "yes"]


def test_evaluate_json_is_the_metrics(run, model):
    found = json.loads(run("evaluate", model.name, "table.csv", "--json").out)
    assert set(found) == {"rows", "numbers", "per_class"}
    assert set(found["numbers"]) == {"accuracy", "balanced_accuracy", "log_loss"}
    assert found["rows"] == sum(of["rows"] for of in found["per_class"].values()) == 90


def test_the_accuracy_is_that_of_the_predictions(run, model, rows):
    predicted = [row[0] for row in table_of(run("predict", model.name, "table.csv").out)[1:]]
    right = np.mean([label == row[3] for label, row in zip(predicted, rows, strict=True)])
    found = json.loads(run("evaluate", model.name, "table.csv", "--json").out)
    assert found["numbers"]["accuracy"] == pytest.approx(right)


def test_evaluate_json_of_a_regression(run, number_model):
    found = json.loads(run("evaluate", number_model.name, "table.csv", "--json").out)
    assert set(found) == {"rows", "numbers"}
    assert set(found["numbers"]) == {"r2", "rmse", "mae"}


def test_one_row_has_no_r2_but_an_error(run, number_model, rows):
    write_csv(number_model.with_name("one.csv"), HEADER, rows[:1])
    found = json.loads(run("evaluate", number_model.name, "one.csv", "--json").out)
    assert set(found["numbers"]) == {"rmse", "mae"}


def test_check_compares_the_gradients_layer_by_layer(run, model):
    done = run("check", model.name, "table.csv")
    assert (done.code, done.err) == (0, "")
    equations = [line.split()[:2] for line in done.out.splitlines()[2:6]]
    assert equations == [["1", "BP4"], ["1", "BP3"], ["2", "BP4"], ["2", "BP3"]]
    assert "elements against complex steps in float64, tolerance 0.0001" in done.out.splitlines()[-1]
    assert done.out.splitlines()[-1].startswith("gradients ok")


def test_check_json(run, model):
    found = json.loads(run("check", model.name, "table.csv", "--json").out)
    assert set(found) == {"ok", "tolerance", "checked", "kinks", "directions", "rows", "how", "example"}
    assert found["ok"] is True
    assert set(found["rows"][0]) == {"layer", "equation", "element", "gradient", "truth", "error", "ulp"}


def test_check_of_a_wrong_gradient_exits_with_1(run, model, monkeypatch):
    monkeypatch.setattr("deltaprop.engines.native.IMPORT_ERROR", "left out")  # the engine that runs these equations
    right = equations.bp4
    monkeypatch.setattr(equations, "bp4", lambda *arrays, out=None: np.multiply(right(*arrays), 1.01, out=out))
    done = run("check", model.name, "table.csv")
    assert (done.code, "gradients WRONG" in done.out) == (1, True)
    assert "BP4" in done.out.splitlines()[-1]
    assert "of X" in done.out.splitlines()[-1]


def test_info_tells_network_target_columns_and_training(run, model):
    out = run("info", model.name).out
    for part in (
        "6 - 8 relu - 1 sigmoid",
        "kind, classification",
        "no, yes",
        "seed",
        "table.csv",
        "colour",
        "category",
    ):
        assert part in out


def test_info_json(run, model):
    found = json.loads(run("info", model.name, "--json").out)
    assert set(found) == {"sizes", "activations", "cost", "dtype", "parameters", "facts", "table"}
    assert found["sizes"] == [6, 8, 1]
    assert found["table"]["target"]["name"] == "kind"


def test_info_of_a_network_alone(run, tmp_path):
    dp.Network([4, 3, 2], seed=0).save(tmp_path / "net.safetensors")
    done = run("info", "net.safetensors")
    assert (done.code, "4 - 3 relu - 2 softmax" in done.out, "only a network" in done.out) == (0, True, True)
    assert json.loads(run("info", "net.safetensors", "--json").out)["table"] is None


def test_facts_of_any_shape_are_shown(run, model):
    facts = {"note": "by hand", "test": {"numbers": {"accuracy": "high"}}, "deep": {"numbers": [1]}, "n": 2.5}
    model.write_bytes(with_entry(model.read_bytes(), lambda entry: entry.update(facts=facts)))
    done = run("info", model.name)
    assert (done.code, "by hand" in done.out) == (0, True)


def test_control_characters_in_a_file_never_reach_the_terminal(run, model):
    model.write_bytes(with_entry(model.read_bytes(), lambda entry: entry.update(facts={"a\x1b[2J": "\x1b]0;x\x07\nb"})))
    out = run("info", model.name).out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_model_by_python_serves_the_command_line_and_back(run, tmp_path, table):
    by_python = dp.TableModel((8,), epochs=3, seed=1, drop=["price"]).fit(str(table.name), "kind")
    by_python.save(tmp_path / "python.safetensors")
    run("train", table.name, "--target", "kind", "--drop", "price", "--hidden", "8", "--epochs", "3", "--seed", "1",
        "--save", "cli.safetensors")  # fmt: skip
    assert (tmp_path / "python.safetensors").read_bytes() == (tmp_path / "cli.safetensors").read_bytes()


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "check"])
def test_engine_and_threads_are_options_of_every_command_that_computes(run, model, command):
    args = ("table.csv", "--target", "kind", *QUICK) if command == "train" else (model.name, "table.csv")
    done = run(command, *args, "--engine", "reference", "--threads", "2")
    assert done.code == 0, done.err
    for option, value, must in (("engine", "nativ", "must be one of"), ("threads", "0", "must be from 1 to 1024")):
        done = run(command, *args, f"--{option}", value)
        assert (done.code, f"--{option}" in done.err, must in done.err) == (2, True, True)


def test_the_engines_of_this_machine_are_shown(run):
    done = run("--engines")
    assert (done.code, done.out) == (0, dp.show_engines() + "\n")
