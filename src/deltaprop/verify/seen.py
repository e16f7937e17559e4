"""What another code gave, turned into the book's columns: for every example alone, and for the batch together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from deltaprop._types import Array


@dataclass(frozen=True, eq=False)
class Seen:
    """Another code's numbers by layer, l = 1..L.

    `db[l]` (n_l, m) and `dW[l]` (m, n_l, n_(l-1)) are of every example alone; `delta[l]` (n_l, m) too, if the code
    returns it. `batch_db[l]`, `batch_dW[l]` are of the m examples together, {} if it takes one at a time. `costs`
    (m,) and `batch_cost` are its own costs, `outputs` (n_L, m) its own a^L; None if it does not return them.
    """

    db: dict[int, Array]
    dW: dict[int, Array]
    delta: dict[int, Array] = field(default_factory=dict)
    batch_db: dict[int, Array] = field(default_factory=dict)
    batch_dW: dict[int, Array] = field(default_factory=dict)
    costs: Array | None = None
    batch_cost: float | None = None
    outputs: Array | None = None

    def without_penalty(self, l2: float, W: list[Array]) -> Seen:
        """The same less l2 W^l in every ∂C/∂W^l: what BP4 alone gives."""
        if not l2:
            return self
        dW = {l: array - l2 * W[l] for l, array in self.dW.items()}
        return replace(self, dW=dW, batch_dW={l: array - l2 * W[l] for l, array in self.batch_dW.items()})
