"""What several tests of the derivation need: it, proved once."""

from __future__ import annotations

import pytest

import deltaprop as dp


@pytest.fixture(scope="session")
def proved():
    """The whole derivation, every step proved."""
    pytest.importorskip("sympy", reason="the symbolic proofs need SymPy: pip install 'deltaprop[symbolic]'")
    return dp.derive().prove()
