"""A table from a dictionary of columns, in every library that makes one."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


@pytest.fixture(params=FRAMES.values(), ids=FRAMES)
def make(request):
    return request.param
