"""Which engine runs, and what is said where one cannot."""

from __future__ import annotations

import pytest

import deltaprop as dp
from deltaprop.engines.select import NAMES, engines, select


def test_the_reference_engine_is_always_here():
    assert {info.name: info.available for info in engines()}["reference"]


def test_auto_takes_the_first_that_is_available():
    assert select("auto").name == next(info.name for info in engines() if info.available)


def test_every_name_is_listed_with_a_reason():
    assert {"auto", *(info.name for info in engines())} == set(NAMES)
    assert all(info.why for info in engines())


def test_show_engines_prints_what_it_returns(capsys):
    text = dp.show_engines()
    assert capsys.readouterr().out == text + "\n"
    assert text.splitlines()[-1] == f'"auto" picks {select("auto").name}'


def test_an_unavailable_engine_is_refused_with_its_reason():
    for info in engines():
        if not info.available:
            with pytest.raises(dp.EngineError, match=f"{info.name!r} is not available: {info.why}"):
                select(info.name)
