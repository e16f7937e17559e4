"""The compiled core, built from native/src/bindings.cpp."""

from collections.abc import Sequence
from typing import TypeAlias

from deltaprop._types import Array, Indices

Rows: TypeAlias = Array | tuple[Array, Array, Array]  # dense, or data, indices and indptr of CSR

ACTIVATIONS: dict[str, int]
COSTS: dict[str, int]
RULES: dict[str, int]
KINDS: dict[str, int]
COMPILER: str

def instruction_sets() -> list[str]: ...
def allocations() -> int: ...
def activate(instruction_set: str, activation: int, z: Array, a: Array, dsigma: Array | None) -> None: ...

class Rules:
    def __init__(
        self,
        *,
        rule: int,
        momentum: float,
        nesterov: bool,
        beta1: float,
        beta2: float,
        epsilon: float,
        decay: float,
        l1: float,
        l2: float,
        clip_norm: float,
        dropout: Sequence[float],
        seed: int,
        by_weight: bool,
    ) -> None: ...

class Plan:
    def __init__(
        self,
        *,
        instruction_set: str,
        sizes: Sequence[int],
        activations: Sequence[int],
        kinds: Sequence[int],
        rates: Sequence[float],
        cost: int,
        threshold: float,
        canonical: bool,
        batch: int,
        is_double: bool,
        threads: int,
    ) -> None: ...
    def forward(self, theta: Array, X: Rows, out: Array) -> None: ...
    def evaluate(self, theta: Array, X: Rows, Y: Array, weight: Array | None, out: Array) -> float: ...
    def gradient_norms(self, theta: Array, X: Rows, Y: Array, norms: Array) -> None: ...
    def gradients(
        self, theta: Array, X: Rows, Y: Array, weight: Array | None, grad: Array | None, dX: Array | None
    ) -> float: ...
    def train(
        self,
        theta: Array,
        slots: Sequence[Array],
        rules: Rules,
        X: Rows,
        Y: Array,
        weight: Array | None,
        order: Indices,
        bounds: Indices,
        rates: Array,
        shares: Array | None,
        first: int,
        costs: Array,
        penalties: Array | None,
    ) -> int: ...
    def gradient(
        self,
        theta: Array,
        rules: Rules,
        X: Rows,
        Y: Array,
        weight: Array | None,
        rows: Indices,
        shares: Array | None,
        step: int,
        grad: Array,
    ) -> float: ...
    def apply(
        self,
        theta: Array,
        slots: Sequence[Array],
        rules: Rules,
        gradient: Array,
        weight: float,
        rate: float,
        step: int,
    ) -> bool: ...
