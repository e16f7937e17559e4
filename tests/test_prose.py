"""tools/prose.py: planted phrases are found at their lines, plain sentences are not, and the repository is clean."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROSE = ROOT / "tools" / "prose.py"
if not PROSE.exists():
    pytest.skip("only a checkout has tools/", allow_module_level=True)

spec = importlib.util.spec_from_file_location("prose", PROSE)
prose = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prose)


def findings(tmp_path, text, suffix=".md"):
    file = tmp_path / f"planted{suffix}"
    file.write_text(text)
    return prose.Prose(file)


@pytest.mark.parametrize(
    "planted",
    [
        "The penalties are what they came to before the step.",
        "It is refused wherever that can be told.",
        "It refuses pairs of somebody's own.",
        "At most so many at once.",
        "It tells everybody.",
        "None where there is none.",
        "A pair of one's own is tried.",
        "The optimiser goes on from where it is.",
        "An array for the digits, a table else.",
        "Whoever is accused has been looked at twice.",
        "A different layout is no mistake.",
        "Their sum comes\nto 1.",
    ],
)
def test_planted_phrases_are_found(tmp_path, planted):
    assert findings(tmp_path, planted).findings


@pytest.mark.parametrize(
    "plain",
    [
        "The gradient is computed if `somebody` is given; otherwise it is 0.",
        "z if z > 0, else -z.",
        "There is no compiler, and it is no longer needed.",
        "The error says which equation is wrong, and tells W from b.",
        "The training took 3 s on data that it never saw.",
        "What the option means is shown below.",
        "```python\nnobody = wherever\n```",
    ],
)
def test_plain_sentences_are_not(tmp_path, plain):
    assert not findings(tmp_path, plain).findings


def test_a_finding_names_its_line_in_docstrings_comments_messages_and_cpp(tmp_path):
    code = '"""Fine."""\n\n# fine\n# whoever\nx = 1\nerror = "there is nobody at home"\n'
    code += 'def f():\n    """Fine.\n\n    So be it, anew.\n    """\n'
    assert [line for line, _, _ in sorted(findings(tmp_path, code, ".py").findings)] == [4, 6, 10]
    assert [line for line, _, _ in findings(tmp_path, "int whoever;\nint x;  // whoever\n", ".hpp").findings] == [2]


def test_where_is_for_places_and_definitions(tmp_path):
    one = findings(tmp_path, "z = W a, where W is a matrix.\nIt says where the file is.\nIt is 0 where z is 0.")
    assert one.wheres == [2, 3]
    many = findings(tmp_path, "It is 0 where z is 0, and 1 where z is 1. " * 5)
    assert prose.report([many])[-1].startswith("'where' 10 times, 'if' 0 times")
    assert not prose.report([findings(tmp_path, "It is 0 if z is 0, and 1 if z is 1. " * 5)])


def test_the_repository_is_clean():
    checked = [prose.Prose(path) for path in prose.files(prose.SCOPE, prose.SKIPPED)]
    assert checked
    assert not prose.report(checked)
