"""What the default settings reach on real data, in one command each."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

import pytest

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"
ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,capital_gain,"
    "capital_loss,hours_per_week,native_country,income"
)
SECONDS = 60


def needs(*names):
    missing = [name for name in names if not (TABLES / name).is_file()]
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} in {TABLES}")


def outcome(run, *args):
    """The metrics on the test rows, and how long the command took."""
    begun = perf_counter()
    done = run("train", *args, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)["facts"]["test"]["numbers"], perf_counter() - begun


def test_digits(run):
    numbers, _ = outcome(run, "digits", "--test", "0.2", "--seed", "0")
    assert numbers["accuracy"] >= 0.97


@needs("adult-train.csv", "adult-test.csv")
def test_adult(run):
    args = (TABLES / "adult-train.csv", "--names", ADULT, "--target", "income", "--test", TABLES / "adult-test.csv")
    numbers, seconds = outcome(run, *args, "--seed", "0")
    assert numbers["accuracy"] >= 0.85
    assert seconds < SECONDS


@needs("california-housing.csv")
def test_california_housing(run):
    args = (TABLES / "california-housing.csv", "--target", "median_house_value", "--test", "0.2", "--seed", "0")
    numbers, seconds = outcome(run, *args)
    assert numbers["r2"] >= 0.75
    assert seconds < SECONDS
