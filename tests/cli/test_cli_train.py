"""`deltaprop train`: what it takes, what it prints, what it saves."""

from __future__ import annotations

import gzip
import json
import struct

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from small_tables import BUNDLED, HEADER, QUICK, column, write_csv

import deltaprop as dp


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_data_needs_no_file_and_no_target(run, tmp_path, name):
    done = run("train", name, "--test", "0.2", "--save", "m.safetensors", *QUICK)
    assert (done.code, "test " in done.out, "saved " in done.out) == (0, True, True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def as_table(rows):
    return pa.table({name: column(rows, name) for name in HEADER})


def packed(path, rows):
    write_csv(path.with_suffix(""), HEADER, rows)
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


WRITERS = {
    "data.csv": lambda path, rows: write_csv(path, HEADER, rows),
    "semicolons.csv": lambda path, rows: write_csv(path, HEADER, rows, ";"),
    "data.tsv": lambda path, rows: write_csv(path, HEADER, rows, "\t"),
    "data.csv.gz": packed,
    "data.parquet": lambda path, rows: parquet.write_table(as_table(rows), path),
    "data.feather": lambda path, rows: feather.write_feather(as_table(rows), str(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_table_file(run, tmp_path, rows, name):
    WRITERS[name](tmp_path / name, rows)
    done = run("train", name, "--target", "kind", "--test", "0.2", *QUICK)
    assert done.code == 0
    assert "kind, 2 classes: no, yes" in done.out


def test_a_csv_and_a_parquet_file_of_one_table_give_the_same_network(run, tmp_path, rows):
    WRITERS["data.csv"](tmp_path / "data.csv", rows)
    filled = [tuple(None if cell == "" else cell for cell in row) for row in rows]
    WRITERS["data.parquet"](tmp_path / "data.parquet", filled)
    for name in ("data.csv", "data.parquet"):
        run("train", name, "--target", "kind", "--save", f"{name}.safetensors", *QUICK)
    one, other = (dp.TableModel.load(tmp_path / f"data.{kind}.safetensors") for kind in ("csv", "parquet"))
    np.testing.assert_array_equal(one.network.theta, other.network.theta)


def test_an_npz_file(run, tmp_path, rng):
    X = rng.standard_normal((60, 4))
    np.savez(tmp_path / "data.npz", X=X, y=(X[:, 0] > 0).astype(int))
    done = run("train", "data.npz", "--save", "m.safetensors", *QUICK)
    assert (done.code, "4 columns of numbers, standardised" in done.err) == (0, True)
    assert run("predict", "m.safetensors", "data.npz").out.startswith("target,probability\n")


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_idx_images_with_their_labels_beside_them(run, tmp_path, rng):
    labels = rng.integers(0, 3, 60).astype(np.uint8)
    images = (rng.integers(0, 50, (60, 4, 4)) + 60 * labels[:, None, None]).astype(np.uint8)
    (tmp_path / "t-images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "t-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    done = run("train", "t-images-idx3-ubyte", "--save", "m.safetensors", *QUICK)
    assert (done.code, "16 columns of bytes, divided by 255" in done.err) == (0, True)
    assert "3 classes: 0, 1, 2" in done.out
    assert run("evaluate", "m.safetensors", "t-images-idx3-ubyte").code == 0


def test_a_file_without_a_header_gets_names(run, tmp_path, rows):
    write_csv(tmp_path / "bare.csv", None, rows)
    done = run("train", "bare.csv", "--names", ",".join(HEADER), "--target", "kind", "--save", "m.safetensors", *QUICK)
    assert done.code == 0
    assert run("evaluate", "m.safetensors", "bare.csv", "--names", ",".join(HEADER)).code == 0


def test_the_columns_are_shown_as_they_were_understood(run, table):
    err = run("train", table.name, "--target", "kind", *QUICK).err
    assert "3 categories: blue, green, red" in err
    line = next(line for line in err.splitlines() if line.startswith("colour"))
    assert line.split()[-1] in "123456"  # how many are missing among the training rows, of the table's 6


def test_results_go_to_stdout_and_remarks_to_stderr(run, table):
    done = run("train", table.name, "--target", "kind", *QUICK)
    names = [line.split()[0] for line in done.out.splitlines()]
    assert names == ["network", "parameters", "target", "trained", "seed", "validation"]
    assert "column" in done.err
    assert done.err.splitlines()[-1] == "The model was not saved: say where with --save FILE."
    assert "\x1b" not in done.out + done.err


def test_the_same_seed_gives_the_same_file_to_the_byte(run, table):
    for name in ("a.safetensors", "b.safetensors"):
        run("train", table.name, "--target", "kind", "--test", "0.2", "--dropout", "0.2", "--save", name, *QUICK)
    assert table.with_name("a.safetensors").read_bytes() == table.with_name("b.safetensors").read_bytes()


def test_without_a_seed_the_one_that_was_drawn_is_told_and_repeats_the_run(run, table):
    quick = ("--hidden", "8", "--epochs", "3", "--target", "kind")
    first = json.loads(run("train", table.name, *quick, "--save", "a.safetensors", "--json").out)
    run("train", table.name, *quick, "--save", "b.safetensors", "--seed", first["facts"]["seed"])
    assert table.with_name("a.safetensors").read_bytes() == table.with_name("b.safetensors").read_bytes()


def test_json_is_one_object_and_stderr_is_silent(run, table):
    done = run("train", table.name, "--target", "kind", "--test", "0.2", "--save", "m.safetensors", "--json", *QUICK)
    found = json.loads(done.out)
    assert done.err == ""
    assert set(found) == {"network", "parameters", "target", "columns", "facts", "history", "saved"}
    assert found["target"]["classes"] == ["no", "yes"]
    assert [epoch["epoch"] for epoch in found["history"]] == [1, 2, 3]
    assert found["saved"] == "m.safetensors"
    assert found["facts"]["test"]["rows"] == found["facts"]["rows_test"] == 18
    rows = {name: found["facts"][f"rows_{name}"] for name in ("train", "validation", "test")}
    assert sum(rows.values()) == 90


def test_a_test_file_is_only_tested_on(run, table, rows):
    write_csv(table.with_name("other.csv"), HEADER, rows[:20])
    done = run("train", table.name, "--target", "kind", "--test", "other.csv", "--json", *QUICK)
    facts = json.loads(done.out)["facts"]
    assert (facts["test"]["source"], facts["test"]["rows"], facts["rows_test"]) == ("other.csv", 20, 0)


def test_labels_of_the_test_file_may_end_in_a_full_stop(run, table, rows):
    """The test file of the Adult census writes "<=50K." for "<=50K"."""
    dotted = [(*row[:3], row[3] + ".", row[4]) for row in rows]
    write_csv(table.with_name("dotted.csv"), HEADER, dotted)
    found = [
        json.loads(run("train", table.name, "--target", "kind", "--test", name, "--json", *QUICK).out)["facts"]["test"]
        for name in ("dotted.csv", table.name)
    ]
    assert found[0]["numbers"] == found[1]["numbers"]


@pytest.mark.parametrize(("hidden", "sizes"), [("none", [3, 1]), ("7", [3, 7, 1]), ("7, 5,3", [3, 7, 5, 3, 1])])
def test_hidden_gives_the_widths(run, table, hidden, sizes):
    done = run("train", table.name, "--target", "price", "--drop", "colour,kind,size", "--numeric", "x",
               "--hidden", hidden, "--epochs", "1", "--save", "m.safetensors")  # fmt: skip
    assert done.code == 0
    found = dp.load(table.with_name("m.safetensors")).spec.sizes
    assert found == (1, *sizes[1:])


def test_lbfgs(run, table):
    done = run("train", table.name, "--target", "kind", "--optimizer", "lbfgs", "--l2", "0.01", "--hidden", "8",
               "--epochs", "40", "--seed", "1", "--json")  # fmt: skip
    assert json.loads(done.out)["facts"]["optimizer"].startswith("LBFGS")


def test_a_dropped_column_is_not_learnt_and_not_asked_for_again(run, model, rows):
    without = [row[:4] for row in rows]
    write_csv(model.with_name("without.csv"), HEADER[:4], without)
    assert run("evaluate", model.name, "without.csv").code == 0
    assert "price" not in run("info", model.name).out


def test_a_number_can_be_taken_as_a_category_and_text_as_a_number(run, tmp_path, rows):
    stars = [(str(index % 3), *row) for index, row in enumerate(rows)]
    write_csv(tmp_path / "stars.csv", ("stars", *HEADER), stars)
    done = run(
        "train", "stars.csv", "--target", "kind", "--categorical", "stars", "--numeric", "size", "--json", *QUICK
    )
    kinds = {info["name"]: (info["kind"], info["source"]) for info in json.loads(done.out)["columns"]}
    assert kinds["stars"] == ("category", "given")
    assert kinds["size"] == ("number", "given")


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["no", "yes"], "classification", ["no", "yes"]),
        (["true", "false"], "classification", ["false", "true"]),
        ([3, 1, 2], "classification", [1, 2, 3]),
        ([1.0, 2.0], "classification", [1, 2]),
        (list(range(21)), "regression", []),
        ([0.5, 1.0, 2.0], "regression", []),
    ],
)
def test_the_task_follows_from_the_values_of_the_target(run, tmp_path, labels, task, classes):
    write_csv(tmp_path / "t.csv", ("x", "y"), [(i / 7, labels[i % len(labels)]) for i in range(63)])
    target = json.loads(run("train", "t.csv", "--target", "y", "--json", *QUICK).out)["target"]
    assert (target["task"], target["classes"]) == (task, classes)


def test_task_says_otherwise(run, table):
    assert "size, a number" in run("train", table.name, "--target", "size", *QUICK).out
    done = run("train", table.name, "--target", "size", "--task", "classification", *QUICK)
    assert (done.code, "classes: " in done.out) == (0, True)


@pytest.mark.parametrize("labels", [[True, False], ["b", "a"], [7, 3]])
def test_labels_come_back_from_predict_as_they_were_written(run, tmp_path, labels):
    frame = pa.table({"x": [i / 7 for i in range(40)], "y": [labels[i % 2] for i in range(40)]})
    parquet.write_table(frame, tmp_path / "t.parquet")
    run("train", "t.parquet", "--target", "y", "--save", "m.safetensors", *QUICK)
    written = {str(label).lower() for label in labels}
    predicted = {line.split(",")[0] for line in run("predict", "m.safetensors", "t.parquet").out.splitlines()[1:]}
    assert predicted <= written
    assert run("evaluate", "m.safetensors", "t.parquet").code == 0


def test_what_early_stopping_kept_is_told(run, table):
    done = run(
        "train", table.name, "--target", "kind", "--epochs", "60", "--patience", "1", "--lr", "0.1", "--seed", "0"
    )
    assert "early stopping, kept epoch" in done.out


def test_without_early_stopping_all_epochs_are_trained(run, table):
    done = run("train", table.name, "--target", "kind", "--no-early-stopping", "--lr", "0.1", *QUICK)
    assert "3 epochs of 81 rows" in done.out
    assert "validation  accuracy" in done.out


def test_without_validation_every_row_trains(run, table):
    assert "3 epochs of 90 rows" in run("train", table.name, "--target", "kind", "--validation", "0", *QUICK).out


def test_one_epoch_is_said_in_the_singular(run, table):
    assert "1 epoch of " in run("train", table.name, "--target", "kind", "--hidden", "4", "--epochs", "1").out


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "reduce_on_plateau", "warm_up", "inverse_scaling", "step"])
def test_every_schedule_by_its_name(run, table, schedule):
    assert run("train", table.name, "--target", "kind", "--schedule", schedule, *QUICK).code == 0


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimiser_by_its_name(run, table, optimizer):
    done = run("train", table.name, "--target", "kind", "--optimizer", optimizer, "--lr", "0.01", *QUICK)
    assert done.code == 0


def test_saving_over_an_old_model_replaces_it(run, model, table):
    old = model.read_bytes()
    done = run("train", table.name, "--target", "kind", "--save", model.name, "--hidden", "4", "--epochs", "1")
    assert done.code == 0
    assert model.read_bytes() != old
    assert run("info", model.name).code == 0
