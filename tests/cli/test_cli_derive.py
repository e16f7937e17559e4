"""`deltaprop derive`: what is shown, proved, verified and written, and what is refused."""

from __future__ import annotations

import json
import sys

import pytest
from small_tables import HEADER, write_csv

import deltaprop as dp
from deltaprop.core import equations


def test_without_arguments_it_is_the_whole_derivation_verified_on_examples(run):
    done = run("derive")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("✓ verified") == 32
    assert "BP2: Propagating Error to Hidden Layers" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.out == str(dp.derive().verify_examples()) + "\n"


def test_one_equation_in_any_case(run):
    done = run("derive", "bp3")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("BP")] == ["BP3.1", "BP3.2", "BP3.3"]


def test_symbolic_proves_every_step(run):
    pytest.importorskip("sympy")
    done = run("derive", "input", "--symbolic")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("✓ proved in") == 3
    assert "3 of 3 steps proved" in done.out


def test_on_a_model_and_its_rows(run, model):
    done = run("derive", "BP1", "--model", model.name, "--data", "table.csv")
    assert (done.code, done.err) == (0, "")
    assert "3 of 3 steps verified, on 6 - 8 relu - 1 sigmoid, cross_entropy, float32; 90" in done.out


def test_json_has_every_step_proved_and_verified_with_its_residual(run, number_model):
    pytest.importorskip("sympy")
    done = run("derive", "BP3", "--model", number_model.name, "--data", "table.csv", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["ok"], found["given"], found["rows"], found["left_out"]) == (True, 90, 90, 0)
    assert [(s["step"], s["proved"], s["verified"]) for s in found["steps"]] == [
        (f"BP3.{k}", True, True) for k in (1, 2, 3)
    ]
    assert all(s["residual"] < 10 for s in found["steps"])


def test_latex_and_page_are_those_of_python(run, tmp_path):
    derivation = dp.derive("batch").verify_examples()
    assert run("derive", "batch", "--latex").out == derivation.to_latex()
    done = run("derive", "batch", "--html", "page.html")
    assert (done.code, done.out, done.err) == (0, "", "Wrote page.html.\n")
    assert (tmp_path / "page.html").read_text("utf-8") == derivation.to_html()


def test_an_equation_that_is_wrong_is_shown_and_exits_with_1(run, monkeypatch):
    monkeypatch.setattr(equations, "bp2", lambda W, delta, dsigma: W.T @ delta)
    done = run("derive", "BP2")
    assert done.code == 1
    assert "✗ wrong by" in done.out


WRONG_USAGE = {
    "equation": (
        ("BP6",),
        ["'EQUATION'", "must be one of BP1, BP2, BP3, BP4, batch, input, scale, softmax", "Did you mean 'BP"],
    ),
    "model without data": (("--model", "model.safetensors"), ["'--model'", "must come with --data"]),
    "data without model": (("--data", "table.csv"), ["'--data'", "must come with --model"]),
    "names without data": (("--names", "a,b"), ["'--names'", "must come with --data"]),
    "two outputs": (("--json", "--latex"), ["exclude each other"]),
    "page and data": (("--html", "x.html", "--json"), ["exclude each other"]),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_gets_one_sentence(run, case, tmp_path):
    args, says = WRONG_USAGE[case]
    done = run("derive", *args)
    assert (done.code, done.out) == (2, "")
    for part in says:
        assert part in done.err
    assert list(tmp_path.iterdir()) == []


def refused(run, *args):
    done = run("derive", *args)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    assert len(done.err.splitlines()) == 1
    return done.err


def test_a_model_that_is_not_there_or_is_a_network_alone_is_refused(run, tmp_path, table):
    assert "there is no such file" in refused(run, "--model", "none.safetensors", "--data", "table.csv")
    dp.Network([4, 3, 2], seed=0).save(tmp_path / "net.safetensors")
    assert "deltaprop.load(path) in Python" in refused(run, "--model", "net.safetensors", "--data", "table.csv")


def test_data_without_rows_or_of_another_width_are_refused(run, model, rows):
    assert "nowhere.csv" in refused(run, "--model", model.name, "--data", "nowhere.csv")
    write_csv(model.with_name("narrow.csv"), HEADER[1:4], [row[1:4] for row in rows])
    assert "missing: x" in refused(run, "--model", model.name, "--data", "narrow.csv")
    write_csv(model.with_name("empty.csv"), HEADER, [])
    assert "empty.csv" in refused(run, "--model", model.name, "--data", "empty.csv")


def test_a_page_that_cannot_be_written_is_refused_before_the_work(run, model):
    assert "Cannot write" in refused(run, "--html", "no/such/folder.html")
    said = refused(run, "--model", model.name, "--data", "table.csv", "--html", "table.csv")
    assert "it is read from" in said


def test_without_sympy_a_proof_is_refused_and_a_reading_is_not(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    assert "pip install 'deltaprop[symbolic]'" in refused(run, "BP3", "--symbolic")
    assert run("derive", "BP3").code == 0


def test_a_wide_terminal_gets_colours_and_the_whole_width(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    out = run("derive", "BP1").out
    assert "\x1b[" in out
    assert "─" * 80 in out


def test_a_model_without_a_hidden_layer_says_what_does_not_apply(run, table):
    run("train", table.name, "--target", "price", "--hidden", "none", "--epochs", "1", "--save", "m", "--seed", "0")
    done = run("derive", "BP2", "--model", "m", "--data", table.name)
    assert (done.code, done.out.count("not here: this network has no hidden layer")) == (0, 4)
    assert "0 of 4 steps verified, 4 not about it, on" in done.out
