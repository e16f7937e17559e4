"""The command line in this process, in a folder of its own, with a small table in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
from small_tables import HEADER, QUICK, made_rows, write_csv

from deltaprop.cli.main import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run `deltaprop` with these arguments; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)

    def run(*args):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["deltaprop", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Result(int(stop.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def rows():
    return made_rows()


@pytest.fixture
def table(tmp_path, rows):
    """table.csv, in the folder where `run` runs."""
    return write_csv(tmp_path / "table.csv", HEADER, rows)


@pytest.fixture
def model(run, table):
    """model.safetensors of the class `kind`, trained on the table without its price."""
    done = run("train", "table.csv", "--target", "kind", "--drop", "price", "--save", "model.safetensors", *QUICK)
    assert done.code == 0, done.err
    return table.with_name("model.safetensors")


@pytest.fixture
def number_model(run, table):
    """number.safetensors, of the number `price`."""
    done = run("train", "table.csv", "--target", "price", "--save", "number.safetensors", *QUICK)
    assert done.code == 0, done.err
    return table.with_name("number.safetensors")
