"""A whole table with many categories through TableModel: kept sparse from the encoder to the weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from deltaprop.data import one_hot
from deltaprop.tables.model import TableModel

WIDE = """
import resource
import numpy as np
import pandas as pd
import deltaprop as dp
rng = np.random.default_rng(0)
codes = np.r_[0:5000, rng.integers(0, 5000, 15_000)]
names = np.array([f"shop {i:04d}" for i in range(5000)])
table = pd.DataFrame({"shop": names[codes], "y": rng.standard_normal(20_000)})
model = dp.TableModel(hidden=[4], epochs=1, categorical=["shop"], seed=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(table, "y")
model.evaluate(table)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.fixture
def shops(rng):
    """A frame of 80 shops, each with a level of its own, and a number that says nothing."""
    import pandas as pd

    shop = np.r_[0:80, rng.integers(0, 80, 520)]
    level = rng.standard_normal(80)[shop]
    names = np.array([f"shop {i:02d}" for i in range(80)])
    return pd.DataFrame({"shop": names[shop], "noise": rng.standard_normal(600), "sales": level})


def quick(**given):
    return TableModel(**{"hidden": [16], "epochs": 40, "learning_rate": 0.01, "seed": 0} | given)


def test_sparse_and_dense_tables_are_learnt_alike(shops, monkeypatch):
    fitted = quick().fit(shops, "sales", test=0.2)
    assert fitted.encoder.sparse_output_
    assert fitted.facts["test"]["numbers"]["r2"] > 0.8
    monkeypatch.setattr(one_hot, "LEAST_OUTPUTS", 10**9)
    full = quick().fit(shops, "sales", test=0.2)
    assert not full.encoder.sparse_output_
    np.testing.assert_allclose(fitted.predict(shops), full.predict(shops), rtol=1e-3, atol=1e-3)
    assert fitted.facts["test"]["numbers"] == pytest.approx(full.facts["test"]["numbers"], rel=1e-3)


def test_a_sparse_model_is_saved_evaluated_and_checked(shops, tmp_path):
    fitted = quick(epochs=3).fit(shops, "sales")
    fitted.save(tmp_path / "shops.safetensors")
    again = TableModel.load(tmp_path / "shops.safetensors")
    np.testing.assert_array_equal(again.predict(shops), fitted.predict(shops))
    assert again.evaluate(shops).rows == 600
    assert again.check(shops).ok


def test_five_thousand_categories_are_not_made_dense():
    run = subprocess.run([sys.executable, "-c", WIDE], capture_output=True, text=True, check=True)
    dense = 20_000 * 5_000 * 4 / 2**20
    assert float(run.stdout) < dense / 4, f"{run.stdout.strip()} MiB more; written out it would be {dense:.0f}"
