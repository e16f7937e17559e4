"""A small table with every kind of column, and quick settings."""

from __future__ import annotations

import csv

import numpy as np

QUICK = ("--hidden", "8", "--epochs", "3", "--seed", "1")
HEADER = ("x", "colour", "size", "kind", "price")
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def made_rows(m=90):
    """x (a number), colour (text, missing now and then), size (whole), kind (yes or no), price (a number)."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal(m).round(3)
    colour = rng.choice(["red", "green", "blue"], m)
    size = rng.integers(1, 100, m)
    kind = np.where(x + (colour == "red") > 0.3, "yes", "no")
    price = (3 * x + size / 10 + rng.standard_normal(m) / 10).round(4)
    colour = np.where(np.arange(m) % 17 == 3, "", colour)
    return list(zip(x.tolist(), colour.tolist(), size.tolist(), kind.tolist(), price.tolist(), strict=True))


def column(rows, name):
    return [row[HEADER.index(name)] for row in rows]


def write_csv(path, header, rows, separator=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows([header, *rows] if header else rows)
    return path
