"""One test per engine by its name: where it cannot run, the whole contract is skipped for it, and this says why."""

from __future__ import annotations

import pytest

import deltaprop as dp
from deltaprop.engines.select import engines, select


@pytest.mark.parametrize("info", engines(), ids=lambda info: info.name)
def test_the_contract_runs_on_this_engine(info):
    if not info.available:
        pytest.skip(f"engine {info.name}: {info.why}")
    assert select(info.name).name == info.name
    assert dp.Network([2, 2], engine=info.name).forward([[0.0, 1.0]]).shape == (1, 2)


@pytest.mark.parametrize("info", [info for info in engines() if not info.available], ids=lambda info: info.name)
def test_an_absent_engine_is_refused_with_its_reason(info):
    with pytest.raises(dp.EngineError, match=rf"The engine '{info.name}' is not available: .*engine='auto'"):
        dp.Network([2, 2], engine=info.name)


def test_a_misspelt_engine_gets_a_suggestion():
    with pytest.raises(dp.ArgumentError, match="Did you mean 'reference'"):
        select("refrence")


def test_show_engines_says_what_auto_picks(capsys):
    text = dp.show_engines()
    assert capsys.readouterr().out == text + "\n"
    assert f'"auto" picks {select("auto").name}' in text
    assert all(info.name in text and info.why in text for info in engines())
