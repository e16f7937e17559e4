"""One test per engine by its name: where it cannot run, the whole contract is skipped for it, and this says why."""

from __future__ import annotations

import pytest

import deltaprop as dp
from deltaprop.engines.registry import probes, select


@pytest.mark.parametrize(("name", "here"), probes().items())
def test_the_contract_runs_on_this_engine(name, here):
    if not here.available:
        pytest.skip(f"engine {name}: {here.why}")
    assert select(name).name == name
    assert dp.Network([2, 2], engine=name).forward([[0.0, 1.0]]).shape == (1, 2)


def test_a_misspelt_engine_gets_a_suggestion():
    with pytest.raises(dp.ArgumentError, match="Did you mean 'reference'"):
        select("refrence")


def test_show_engines_says_what_auto_picks(capsys):
    text = dp.show_engines()
    assert capsys.readouterr().out == text + "\n"
    assert f'"auto" picks {select("auto").name}' in text
    assert all(name in text and here.why in text for name, here in probes().items())
