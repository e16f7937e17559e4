"""An engine that is registered is held to the contract, by tests that nobody has edited for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONTRACT = Path(__file__).with_name("test_contract.py")
CODE = """
import sys
import pytest
from deltaprop.engines import registry
from deltaprop.engines.protocol import Probe
from deltaprop.engines.reference import ReferenceEngine, ReferencePlan

class ToyPlan(ReferencePlan):
    def gradients(self, theta, data):
        cost = super().gradients(theta, data)
        self.grad *= {factor}
        return cost

class ToyEngine(ReferenceEngine):
    name = "toy"

    def plan(self, spec, batch):
        return ToyPlan(spec, batch)

registry.ENGINES["toy"] = lambda: Probe(True, "a toy", lambda n_threads: ToyEngine())
some = "toy and (one_activation_per_hidden_layer or keeps_nothing or training_without_hidden_layers)"
sys.exit(pytest.main([sys.argv[1], "-q", "-k", some, "-p", "no:cacheprovider"]))
"""


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "6 passed"), (1.001, "2 failed, 4 passed")])
def test_a_toy_engine_is_held_to_the_contract(factor, verdict):
    command = [sys.executable, "-c", CODE.format(factor=factor), str(CONTRACT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verdict in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("FAILED") == 2 * verdict.startswith("2 failed")
