"""Every step proved: with symbols on a family of shapes, with fractions on random ones; or the case that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from deltaprop.derivation.exact import OUTPUTS, ExactSetting
from deltaprop.derivation.rational import rational_setting
from deltaprop.derivation.steps import Step
from deltaprop.derivation.symbolic import symbolic_setting

Shapes = tuple[tuple[tuple[int, ...], tuple[str, ...]], ...]
SHAPES: tuple[tuple[int, ...], ...] = ((2, 2), (2, 3, 2), (2, 2, 2, 1), (3, 4, 3, 2))
SCALED: Shapes = (((2, 2), ("scale",)), ((2, 2, 2, 2), ("dense", "scale", "dense")), ((3, 3, 3), ("scale", "scale")))
SEEDS = range(6)
Settings = Iterator[tuple[str, ExactSetting]]


@dataclass(frozen=True)
class StepProof:
    """Whether a step holds exactly: how many cases were shown equal, and the first that was not ("" for none).

    A case is one layer of one network with one kind of output: `symbolic` ones with every number a symbol, `rational`
    ones with fractions on random shapes.
    """

    key: str
    proved: bool
    symbolic: int
    rational: int
    failed: str = ""


def prove(steps: Sequence[Step], *, on_step: Callable[[StepProof], object] | None = None) -> tuple[StepProof, ...]:
    """Prove each step; `on_step` hears of each as it is done. MissingExtraError where SymPy is not installed."""
    symbolic, rational = cache(symbolic_setting), cache(rational_setting)
    proofs = []
    for step in steps:
        outputs = [output for output in OUTPUTS if step.output in output.kinds]
        m, scales = 2 if step.batch else 1, "scale" in step.layers
        by_symbols = (
            (f"{output.name}, symbols, {list(sizes)}", symbolic(sizes, output, m, kinds))
            for output in outputs
            for sizes, kinds in networks(step)
        )
        by_fractions = (
            (f"{output.name}, fractions, seed {seed}", rational(seed, output, 3, scales))
            for output in outputs
            for seed in SEEDS
        )
        proofs.append(_proof(step, by_symbols, by_fractions))
        if on_step is not None:
            on_step(proofs[-1])
    return tuple(proofs)


def networks(step: Step) -> Shapes:
    """The (sizes, kinds) with which a step is proved by symbols."""
    return SCALED if "scale" in step.layers else tuple((sizes, ("dense",) * (len(sizes) - 1)) for sizes in SHAPES)


def _proof(step: Step, by_symbols: Settings, by_fractions: Settings) -> StepProof:
    symbolic, failed = _count(step, by_symbols)
    rational, failed_too = _count(step, by_fractions)
    failed = failed or failed_too
    return StepProof(step.key, bool(symbolic and rational and not failed), symbolic, rational, failed)


def _count(step: Step, settings: Settings) -> tuple[int, str]:
    """How many cases hold, and the first that does not."""
    cases = 0
    for name, setting in settings:
        for l in step.at(setting.kinds):
            if not holds(step, setting, l):
                return cases, f"{name}, layer {l}"
            cases += 1
    return cases, ""


def holds(step: Step, setting: ExactSetting, l: int) -> bool:
    """Whether all sides of the step are exactly equal at layer l."""
    first, *others = (side.value(setting, l) for side in step.sides)
    return all(setting.equal(first, other) for other in others)
