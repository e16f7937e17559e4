"""Trainings keep the bits that were recorded before: a change of structure must not change a number."""

from __future__ import annotations

import json

import pytest
import trainings

from deltaprop.engines.registry import probes

RECORD = json.loads(trainings.RECORD.read_text("utf-8"))


@pytest.mark.parametrize("engine", ["reference", *(f"native-{name}" for name in trainings.SETS)])
def test_trainings_keep_their_bits(engine):
    name, _, instruction_set = engine.partition("-")
    if name == "native":
        native = pytest.importorskip("deltaprop._native", exc_type=ImportError)
        if instruction_set not in native.instruction_sets():
            pytest.skip(f"instruction set {instruction_set}: not on this processor")
        if RECORD["compiler"] != native.COMPILER:
            pytest.skip(f"recorded with the compiler {RECORD['compiler']}, built here with {native.COMPILER}")
    found = trainings.run_pinned(name, instruction_set or None)
    if found["probe"] != RECORD["probe"]:
        pytest.skip("NumPy and SciPy compute other bits here than where the record was made")
    expected = RECORD["bits"][engine]
    changed = [training for training in expected if found["bits"].get(training) != expected[training]]
    assert not changed, f"other bits than recorded: {changed}. If that was meant: tests/golden/trainings.py --record"


def test_the_record_covers_every_training():
    for engine, bits in RECORD["bits"].items():
        wanted = {name for name in trainings.trainings() if trainings.fits(name, engine.partition("-")[0])}
        assert set(bits) == wanted


def test_the_record_would_notice():
    """Two trainings that differ in one number differ in their digests."""
    import deltaprop as dp

    one = trainings.trained((4, 3, 2), optimizer=dp.SGD(0.1), engine="reference")
    other = trainings.trained((4, 3, 2), optimizer=dp.SGD(0.1 + 1e-7), engine="reference")
    assert trainings.digest(*one) != trainings.digest(*other)


def test_every_engine_has_a_record():
    recorded = {engine.partition("-")[0] for engine in RECORD["bits"]}
    assert {name for name, probe in probes().items() if probe.available} <= recorded | {"torch"}
