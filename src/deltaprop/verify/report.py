"""What a check found: the worst element of every array, and how the truth was computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Worst:
    """The element of one array, W^l or b^l (layer 0: x itself), whose gradient is furthest from the truth.

    `ulp` is the array's largest error in units in the last place, if requested. `error` is
    |gradient - truth| / max(|gradient|, |truth|), the denominator at least the rounding of this
    element divided by the tolerance.
    """

    layer: int
    equation: str
    element: str
    gradient: float
    truth: float
    error: float
    ulp: float | None = None

    def __str__(self) -> str:
        ulp = "" if self.ulp is None else f", {self.ulp:.3g} ulp at worst"
        place = f"layer {self.layer}, {self.equation}, " if self.equation else ""
        return (
            f"{place}{self.element}: gradient {self.gradient:.9g}, "
            f"truth {self.truth:.9g}, relative error {self.error:.2g}{ulp}"
        )


@dataclass(frozen=True)
class CheckReport:
    """The outcome: `ok`, the worst element of each array (`rows`) and of all (`worst`), and how it was found.

    `checked` elements were compared one by one, `kinks` of those chosen were left out because a unit lies at a kink,
    `directions` random directions compared all elements of an array at once. `example` is the row of X at which the
    worst element is furthest off, if something is wrong for an example alone.
    """

    ok: bool
    tolerance: float
    checked: int
    kinks: int
    directions: int
    rows: tuple[Worst, ...]
    how: str
    example: int | None = None

    @property
    def worst(self) -> Worst:
        """The worst element of all."""
        return max(self.rows, key=lambda row: row.error)

    @property
    def summary(self) -> str:
        """What was compared with what: one line."""
        seen = f" and {self.directions} random directions" if self.directions else ""
        kinks = f", {self.kinks} at kinks left out" if self.kinks else ""
        return f"{self.checked:,} elements{seen} against {self.how}, tolerance {self.tolerance:g}{kinks}"

    @property
    def culprit(self) -> str:
        """The worst element, and the example that makes it so: one line."""
        alone = "right for each example alone: look at how examples are added up"
        whence = alone if self.example is None else f"most of it from row {self.example} of X"
        return f"{self.worst}; {whence}" if self.worst.equation else str(self.worst)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"gradients {'ok' if self.ok else 'WRONG'}: {self.summary}", *map(str, self.rows)]
        return "\n".join(lines if self.ok else [*lines, f"worst: {self.culprit}"])
