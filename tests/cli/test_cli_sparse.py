"""A table with many categories through every command: stored sparse, and reported."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_tables import QUICK, write_csv

HEADER = ("shop", "staff", "sells")
SAID = "81 inputs, about 2 of them not 0 in a row: stored sparse"


@pytest.fixture
def shops(tmp_path, rng):
    """shops.csv: 80 shops, six rows each; whether one sells much depends on the shop alone."""
    shop = np.repeat(np.arange(80), 6)
    rows = [(f"shop {s:02d}", int(rng.integers(1, 50)), "much" if s % 3 else "little") for s in shop]
    return write_csv(tmp_path / "shops.csv", HEADER, rows)


@pytest.fixture
def model(run, shops):
    done = run("train", shops.name, "--target", "sells", "--test", "0.2", "--save", "m.safetensors", *QUICK)
    assert done.code == 0, done.err
    assert SAID in done.err
    assert SAID not in done.out
    return "m.safetensors"


def test_every_command_takes_the_sparse_rows(run, shops, model):
    assert SAID in run("info", model).out
    assert run("evaluate", model, shops.name, "--json").code == 0
    assert len(run("predict", model, shops.name).out.splitlines()) == 481
    assert json.loads(run("check", model, shops.name, "--json").out)["ok"]


def test_a_shop_is_learnt_by_its_name(run, shops):
    settings = ("--hidden", "none", "--epochs", "60", "--lr", "0.05", "--seed", "0", "--no-early-stopping")
    done = run("train", shops.name, "--target", "sells", "--test", "0.2", "--json", *settings)
    assert json.loads(done.out)["facts"]["test"]["numbers"]["accuracy"] > 0.95


def test_a_narrow_table_says_nothing_of_it(run, table):
    assert "sparse" not in run("train", table.name, "--target", "kind", *QUICK).err
