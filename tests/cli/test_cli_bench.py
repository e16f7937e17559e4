"""`deltaprop bench`, with a net so small that it takes no time."""

from __future__ import annotations

import json

import pytest

from deltaprop.bench import cases, measure
from deltaprop.cli import bench
from deltaprop.engines.machine import usable_cores
from deltaprop.engines.registry import probes

HERE = [name for name, here in probes().items() if here.available]
THREADS = sorted({1, usable_cores()})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    nets = {name: cases.Case(name, sizes, 2, 2) for name, sizes in (("tiny", (4, 3, 3)), ("other", (5, 4, 3)))}
    monkeypatch.setattr(cases, "CASES", nets)
    monkeypatch.setattr(measure, "LEAST", 0.0)
    monkeypatch.setattr(measure, "ROUNDS", 2)


def test_the_table_has_every_net_engine_and_number_of_threads(run):
    done = run("bench")
    assert (done.code, done.err) == (0, "")
    headings, _, *lines = done.out.splitlines()
    assert headings.split() == ["net", "batch", "by", "threads", "µs/step", "GFLOP/s", "rows/s"]
    each = [(name, str(n)) for n in THREADS for name in (*HERE, "scikit-learn")]
    assert [tuple(line.split()[-5:-3]) for line in lines[: 2 * len(each)]] == 2 * each
    assert [line.split()[:2] for line in lines if line[0] in "45"] == [["4-3-3", "2"], ["5-4-3", "2"]]


def test_what_the_columns_mean_is_said(run):
    out = run("bench", "--quick").out
    for part in ("µs/step  one step of training", "GFLOP/s  billions of", "rows/s   rows predicted"):
        assert part in out


def test_quick_leaves_nets_out(run):
    assert "5-4-3" not in run("bench", "--quick").out


def test_json_is_one_object(run):
    done = run("bench", "--quick", "--json")
    found = json.loads(done.out)
    assert list(found) == ["seconds", "results"]
    assert found["seconds"] > 0
    keys = ["net", "batch", "by", "threads", "us_per_step", "gflops", "rows_per_second"]
    assert [list(result) for result in found["results"]] == [keys] * len(THREADS) * (len(HERE) + 1)


def test_when_the_time_is_up_the_rest_is_left_out_and_named(run, monkeypatch):
    monkeypatch.setattr(bench, "SECONDS", {False: 0.0})
    done = run("bench", "--json")
    assert len(json.loads(done.out)["results"]) == len(HERE) + 1
    missing = "4-3-3, 5-4-3" if len(THREADS) > 1 else "5-4-3"
    assert done.err == f"The time is up: {missing} left out or not finished. Is this machine busy?\n"


def test_contenders_that_do_not_agree_are_an_error(run, monkeypatch):
    monkeypatch.setattr(measure, "SAME", -1.0)
    done = run("bench", "--quick")
    assert (done.code, done.out) == (1, "")
    assert "do not compute the same on 4-3-3" in done.err
