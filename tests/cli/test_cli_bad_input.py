"""Bad input: one clear sentence on stderr, exit code 1 (2 for wrong usage), nothing printed, nothing written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from headers import parts, with_entry
from small_tables import HEADER, QUICK, write_csv

import deltaprop as dp


def contents(folder):
    return {path.name: path.read_bytes() if path.is_file() else None for path in Path(folder).iterdir()}


@pytest.fixture
def refused(run, tmp_path):
    """Run what has to fail: this exit code, one sentence with these parts, and the folder as it was."""

    def refused(*args, code, says=()):
        before = contents(tmp_path)
        done = run(*args)
        assert contents(tmp_path) == before
        assert (done.code, done.out) == (code, ""), done
        assert "Traceback" not in done.err
        said = [line for line in done.err.splitlines() if line.startswith("Error: ")]
        assert said == [done.err.splitlines()[-1]]
        for part in says:
            assert part in said[0]
        return done

    return refused


TRAIN = ("train", "table.csv", "--target", "kind", "--save", "m.safetensors", *QUICK)

WRONG_USAGE = {
    "width 0": (("--hidden", "0,-1"), ["'--hidden'", "1 or more", "Got 0"]),
    "width negative": (("--hidden", "4,-1"), ["'--hidden'", "Got -1"]),
    "width no number": (("--hidden", "12x"), ["'--hidden'", "whole numbers", "'12x'"]),
    "width broken": (("--hidden", "1.5"), ["'--hidden'", "'1.5'"]),
    "width empty": (("--hidden", ","), ["'--hidden'", "none"]),
    "activation": (("--activation", "rleu"), ["'--activation'", "Did you mean 'relu'?"]),
    "optimiser": (("--optimizer", "adm"), ["'--optimizer'", "Did you mean 'adam'?"]),
    "schedule": (("--schedule", "cosin"), ["'--schedule'", "Did you mean 'cosine'?"]),
    "task": (("--task", "clasification"), ["'--task'", "Did you mean 'classification'?"]),
    "rate nan": (("--lr", "nan"), ["'--lr'", "finite", "nan"]),
    "rate inf": (("--lr", "inf"), ["'--lr'", "finite", "inf"]),
    "rate 0": (("--lr", "0"), ["'--lr'", "greater than 0"]),
    "rate text": (("--lr", "fast"), ["'--lr'", "number"]),
    "rate for L-BFGS": (("--optimizer", "lbfgs", "--lr", "0.1"), ["'--lr'", "left out"]),
    "dropout for L-BFGS": (("--optimizer", "lbfgs", "--dropout", "0.1"), ["'--dropout'", "L-BFGS"]),
    "schedule for L-BFGS": (("--optimizer", "lbfgs", "--schedule", "cosine"), ["'--schedule'", "L-BFGS"]),
    "validation": (("--validation", "1.5"), ["'--validation'", "Got 1.5"]),
    "validation all": (("--validation", "1"), ["'--validation'", "Got 1.0"]),
    "validation nan": (("--validation", "nan"), ["'--validation'", "nan"]),
    "epochs 0": (("--epochs", "0"), ["'--epochs'", "1 or more"]),
    "epochs text": (("--epochs", "many"), ["'--epochs'"]),
    "batch 0": (("--batch-size", "0"), ["'--batch-size'", "1 or more"]),
    "batch text": (("--batch-size", "big"), ["'--batch-size'", "'big'"]),
    "seed": (("--seed", "-1"), ["'--seed'", "Got -1"]),
    "dropout 1": (("--dropout", "1"), ["'--dropout'", "Got 1.0"]),
    "l2 nan": (("--l2", "nan"), ["'--l2'", "nan"]),
    "l2 negative": (("--l2", "-1"), ["'--l2'", "Got -1.0"]),
    "patience": (("--patience", "-1"), ["'--patience'", "0 or more"]),
    "test fraction": (("--test", "1.5"), ["'--test'", "between 0 and 1"]),
    "unknown option": (("--hiden", "4"), ["--hiden"]),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_a_setting_that_cannot_be_meant_is_wrong_usage(refused, table, case):
    args, says = WRONG_USAGE[case]
    refused(*TRAIN, *args, code=2, says=says)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("trian", "iris"), ["trian"]),
        (("predict", "m.safetensors"), ["DATA"]),
        (("evaluate", "--json"), ["MODEL"]),
        (("info", "a", "b"), ["b"]),
    ],
)
def test_a_wrong_command_or_a_missing_argument_is_wrong_usage(refused, args, says):
    refused(*args, code=2, says=says)


def test_wrong_usage_is_said_before_any_file_is_read(refused):
    refused("train", "missing.csv", "--epochs", "0", code=2, says=["'--epochs'"])


def changed(rows, name, value, where=3):
    at = HEADER.index(name)
    return [(*row[:at], value, *row[at + 1 :]) if index == where else row for index, row in enumerate(rows)]


def everywhere(rows, name, value):
    at = HEADER.index(name)
    return [(*row[:at], value, *row[at + 1 :]) for row in rows]


BAD_TABLES = {
    "text where numbers are asked": (
        lambda rows: changed(rows, "size", "large"), ("--numeric", "size"), ["`size`", "'large'", "row 4"]),
    "a column all missing": (lambda rows: everywhere(rows, "size", ""), (), ["`size`", "missing"]),
    "infinity": (lambda rows: changed(rows, "x", "inf"), (), ["`x`", "inf in row 4"]),
    "one class only": (lambda rows: everywhere(rows, "kind", "yes"), (), ["`kind`", "two classes", "'yes'"]),
    "no rows": (lambda rows: [], (), ["no rows"]),
    "a row too short": (lambda rows: [*rows[:3], rows[3][:4], *rows[4:]], (), ["5 fields", "4 in row 5"]),
    "dates": (lambda rows: everywhere(rows, "size", "2024-01-31"), (), ["`size`", "dates"]),
    "a label missing": (lambda rows: changed(rows, "kind", ""), (), ["`kind`", "row 4"]),
    "an identifier": (
        lambda rows: [(*row[:1], f"id{i}", *row[2:]) for i, row in enumerate(rows)],
        (), ["`colour`", "different texts", "categorical"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_that_cannot_be_learnt(refused, tmp_path, rows, case):
    spoil, args, says = BAD_TABLES[case]
    write_csv(tmp_path / "bad.csv", HEADER, spoil(rows))
    refused("train", "bad.csv", "--target", "kind", "--save", "m.safetensors", *QUICK, *args, code=1, says=says)


def test_a_missing_file_suggests_the_near_one(refused, table):
    refused("train", "tabel.csv", "--target", "kind", code=1, says=["'tabel.csv'", "Did you mean 'table.csv'?"])


def test_an_empty_file(refused, tmp_path):
    (tmp_path / "empty.csv").touch()
    refused("train", "empty.csv", "--target", "kind", code=1, says=["empty.csv", "empty"])


def test_a_file_that_is_no_text(refused, tmp_path):
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    refused("train", "binary.csv", "--target", "kind", code=1, says=["binary.csv", "UTF-8"])


def test_a_folder_in_place_of_data(refused, tmp_path):
    (tmp_path / "data.csv").mkdir()
    refused("train", "data.csv", "--target", "kind", code=1, says=["the folder"])


def test_a_wrong_target_lists_the_columns_and_suggests(refused, table):
    done = refused("train", "table.csv", "--target", "knd", code=1, says=["Did you mean 'kind'?"])
    assert ", ".join(HEADER) in done.err


def test_no_target_asks_for_one(refused, table):
    refused("train", "table.csv", code=1, says=["--target", ", ".join(HEADER)])


def test_a_misspelt_bundled_name_is_suggested(refused):
    refused("train", "digit", code=1, says=["Did you mean 'digits'?"])


@pytest.mark.parametrize("option", ["--drop", "--categorical", "--numeric"])
def test_an_option_that_names_no_column(refused, table, option):
    refused(*TRAIN, option, "colur", code=1, says=["'colur'", "Did you mean 'colour'?"])


def test_names_of_a_file_that_has_a_header(refused, table):
    refused(*TRAIN, "--names", ",".join(HEADER), code=1, says=["`names`", "header"])


def test_a_file_without_a_header_asks_for_names(refused, tmp_path, rows):
    write_csv(tmp_path / "bare.csv", None, rows)
    refused("train", "bare.csv", "--target", "kind", code=1, says=["--names"])


def test_regression_on_text(refused, table):
    refused(*TRAIN, "--task", "regression", code=1, says=["`kind`", "Try classification."])


def test_classification_of_a_quantity(refused, table):
    args = ("--target", "price", "--task", "classification")
    refused("train", "table.csv", *args, code=1, says=["`price`", "Try regression."])


def test_a_training_that_runs_away_says_where_and_saves_nothing(refused, table):
    refused(*TRAIN, "--lr", "1e30", code=1, says=["step", "layer", "lower learning rate"])


def test_a_network_that_no_memory_holds(refused, table):
    refused(*TRAIN, "--hidden", "9999999999,9999999999", code=1, says=["not enough memory"])


class TestTestFile:
    """What is wrong with the file to test on is said before the training, which is not there to be lost."""

    @pytest.fixture(autouse=True)
    def no_training(self, monkeypatch):
        def train(*args, **kwargs):
            raise AssertionError("trained before the test file was looked at")

        monkeypatch.setattr("deltaprop.tables.model.train", train)

    def test_it_is_missing(self, refused, table):
        refused(*TRAIN, "--test", "tabel.csv", code=1, says=["'tabel.csv'", "Did you mean 'table.csv'?"])

    def test_it_has_other_columns(self, refused, table, rows):
        write_csv(table.with_name("other.csv"), ("x", "color", *HEADER[2:]), rows)
        says = ["missing: colour", "unexpected: color", "Did you mean 'color'?"]
        refused(*TRAIN, "--test", "other.csv", code=1, says=says)

    def test_it_has_no_target(self, refused, table, rows):
        write_csv(table.with_name("other.csv"), HEADER[:3], [row[:3] for row in rows])
        refused(*TRAIN, "--test", "other.csv", code=1, says=["'kind'"])

    def test_it_has_a_label_never_seen(self, refused, table, rows):
        write_csv(table.with_name("other.csv"), HEADER, changed(rows, "kind", "perhaps"))
        refused(*TRAIN, "--test", "other.csv", code=1, says=["'perhaps'", "row 4"])


class TestOutput:
    """A place that cannot be written is refused before the work whose result it is to hold."""

    @pytest.fixture
    def no_work(self, monkeypatch):
        def work(*args, **kwargs):
            raise AssertionError("worked before the output was looked at")

        monkeypatch.setattr("deltaprop.tables.model.train", work)
        monkeypatch.setattr("deltaprop.tables.model.TableModel.predict_with_probability", work)

    def test_a_missing_folder(self, refused, model, no_work):
        refused(*TRAIN, "--save", "no/m.safetensors", code=1, says=["Cannot write", "no folder"])
        refused("predict", model.name, "table.csv", "-o", "no/out.csv", code=1, says=["Cannot write", "no folder"])

    def test_a_folder(self, refused, model, no_work):
        model.with_name("out").mkdir()
        refused(*TRAIN, "--save", "out", code=1, says=["Cannot write", "folder"])
        refused("predict", model.name, "table.csv", "-o", "out", code=1, says=["Cannot write", "folder"])

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_may_not_be_written(self, refused, model, no_work):
        locked = model.with_name("locked")
        locked.mkdir(mode=0o500)
        refused(*TRAIN, "--save", "locked/m.safetensors", code=1, says=["permission denied"])

    def test_one_of_the_inputs(self, refused, model, no_work):
        refused(*TRAIN[:-1], "1", "--save", "table.csv", code=1, says=["'table.csv'", "read from"])
        refused(*TRAIN, "--test", "table.csv", "--save", "./table.csv", code=1, says=["read from"])
        refused("predict", model.name, "table.csv", "-o", model.name, code=1, says=["read from"])
        refused("predict", model.name, "table.csv", "-o", "table.csv", code=1, says=["read from"])

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
    def test_a_full_disk(self, refused, model):
        refused(*TRAIN[:-1], "1", "--save", "/dev/full", code=1, says=["Cannot write '/dev/full'", "no space left"])
        refused("predict", model.name, "table.csv", "-o", "/dev/full", code=1, says=["no space left"])


def newer(content):
    return with_entry(content, lambda entry: entry.update(format=99))


def enormous(content):
    return with_entry(content, lambda entry: entry.update(sizes=[6, 10**6, 10**6], activations=["relu", "sigmoid"]))


BAD_MODELS = {
    "truncated": (lambda content: content[:-10], ["truncated"]),
    "cut in its header": (lambda content: content[:20], ["truncated"]),
    "empty": (lambda content: b"", ["not a deltaprop model"]),
    "not ours": (lambda content: b"x,y\n1,2\n", ["not a deltaprop model"]),
    "of a newer version": (newer, ["file format 99", "newer deltaprop"]),
    "1e12 parameters": (enormous, ["parameters", "1,0"]),
    "encoder damaged": (lambda content: with_entry(content, lambda e: e["table"].update(encoder=3)), ["encoder"]),
    "target damaged": (lambda content: with_entry(content, lambda e: e["table"].update(target=None)), ["target"]),
}


@pytest.mark.parametrize("command", ["predict", "evaluate", "check", "info"])
@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_model_that_cannot_be_read(refused, model, case, command):
    spoil, says = BAD_MODELS[case]
    model.write_bytes(spoil(model.read_bytes()))
    refused(command, model.name, *([] if command == "info" else ["table.csv"]), code=1, says=says)


def test_every_number_that_a_file_claims_is_compared_with_what_it_holds(model):
    header, entry, body = parts(model.read_bytes())
    assert entry["sizes"] == [6, 8, 1]
    assert len(body) == 4 * (6 * 8 + 8 + 8 + 1)
    assert set(header) == {"__metadata__", "layer.1.W", "layer.1.b", "layer.2.W", "layer.2.b"}


@pytest.mark.parametrize("command", ["predict", "evaluate", "check", "info"])
def test_a_missing_model(refused, table, command):
    args = [] if command == "info" else ["table.csv"]
    refused(command, "no.safetensors", *args, code=1, says=["'no.safetensors'", "no such file"])


@pytest.mark.parametrize("command", ["predict", "evaluate", "check"])
def test_a_network_alone_has_no_table(refused, table, command):
    dp.Network([4, 3, 2], seed=0).save(table.with_name("net.safetensors"))
    refused(command, "net.safetensors", "table.csv", code=1, says=["without a table's encoder", "deltaprop.load"])


def test_data_whose_columns_differ_are_named(refused, model, rows):
    header = ("x", "colour", "weight", "kind")
    write_csv(model.with_name("other.csv"), header, [row[:4] for row in rows])
    for command in ("predict", "evaluate", "check"):
        refused(command, model.name, "other.csv", code=1, says=["missing: size", "unexpected: weight"])


def test_evaluate_without_the_target(refused, model, rows):
    write_csv(model.with_name("new.csv"), HEADER[:3], [row[:3] for row in rows])
    refused("evaluate", model.name, "new.csv", code=1, says=["'kind'", "x, colour, size"])


def test_a_model_of_a_table_and_data_of_pixels(refused, model):
    refused("predict", model.name, "digits", code=1, says=["data frame", "(1797, 64)"])


def test_a_model_of_pixels_and_data_of_a_table(refused, run, table):
    run("train", "digits", "--save", "digits.safetensors", "--hidden", "4", "--epochs", "1")
    refused("predict", "digits.safetensors", "table.csv", code=1, says=["x0", "unexpected: x, colour"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_arrays_with_a_label_that_is_no_number(refused, tmp_path, value):
    np.savez(tmp_path / "bad.npz", X=np.eye(4), y=np.array([0.5, value, 2.5, 1.5]))
    refused("train", "bad.npz", "--save", "m.safetensors", code=1, says=["`y`", "row 2"])


def test_arrays_of_different_lengths(refused, tmp_path):
    np.savez(tmp_path / "bad.npz", X=np.eye(4), y=np.arange(3))
    refused("train", "bad.npz", code=1, says=["`y`", "(4,)", "(3,)"])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_an_input_is_recognised_behind_a_link(refused, table):
    table.with_name("link.csv").symlink_to(table)
    refused(*TRAIN, "--save", "link.csv", code=1, says=["read from"])
