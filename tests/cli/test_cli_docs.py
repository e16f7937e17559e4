"""docs/cli.md is what the commands say of themselves, and the keys it promises are those that --json prints."""

from __future__ import annotations

import importlib.util
import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from small_tables import QUICK
from user_codes import RIGHT

from deltaprop.bench.cases import Case
from deltaprop.cli.main import app

TOOL = Path(__file__).parents[2] / "tools" / "cli_docs.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("cli_docs", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def written(tool):
    return tool.DOCUMENT.read_text("utf-8")


def test_the_document_is_up_to_date(tool, written, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    by = re.search(r"\(typer ([\d.]+)\)", written)[1]
    if by != version("typer"):
        pytest.skip(f"written with typer {by}, which lays out help in its own way; here is {version('typer')}")
    assert written == tool.document(), "run: python tools/cli_docs.py"


def test_every_command_and_every_option_is_in_it(tool, written):
    import typer

    group = typer.main.get_command(app)
    assert list(group.commands) == tool.commands()
    for name, command in group.commands.items():
        section = written.split(f"## deltaprop {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            for option in parameter.opts:
                assert re.search(rf"(?<![\w-]){option if option[0] == '-' else option.upper()}(?![\w-])", section)


def test_no_line_of_help_is_wider_than_80_columns_or_cut(tool):
    for name in ("", *tool.commands()):
        text = tool.help_of(*name.split())
        assert max(map(len, text.splitlines())) <= 80
        assert "..." not in text.split("Commands:")[-1] if not name else True


def test_the_exit_codes_of_the_help_are_documented(tool, written):
    for code in tool.EXIT_CODES:
        assert f"| {code} |" in written
        assert re.search(rf"\b{code}\b", tool.help_of().split("Exit codes:")[1])


@pytest.mark.parametrize("command", ["train", "evaluate", "check", "check-code", "derive", "info", "bench"])
def test_the_keys_of_json_are_the_documented_ones(run, tool, model, command, monkeypatch):
    monkeypatch.setattr("deltaprop.bench.cases.CASES", {"tiny": Case("tiny", (4, 3, 3), 2, 2)})
    model.with_name("code.py").write_text(RIGHT, "utf-8")
    args = {"train": ("table.csv", "--target", "kind", *QUICK), "info": (model.name,), "bench": ()}
    args |= {"derive": ("input",), "check-code": ("code.py:Network", "--sizes", "4,5,3")}
    done = run(command, *args.get(command, (model.name, "table.csv")), "--json")
    assert list(json.loads(done.out)) == list(tool.JSON[command])
