"""Type aliases, and the alphabet of shapes used in every docstring.

m examples; n_l units of layer l, n_0 inputs, n_L outputs. Inside core/ an array of a layer is (n_l, m), one
column per example, as in the book; everything public has one row per example, (m, n_l).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Indices: TypeAlias = NDArray[np.intp]
