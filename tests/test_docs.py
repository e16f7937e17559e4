"""Every Python example in the documents runs, in an empty folder, and every file that a document links to exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def with_examples():
    return [document for document in DOCUMENTS if EXAMPLE.search(document.read_text())]


@pytest.mark.parametrize("document", with_examples(), ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_of_a_document_run_in_order(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "example"}
    for code in EXAMPLE.findall(document.read_text()):
        exec(compile(code, str(document), "exec"), namespace)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(document):
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]
    assert not broken


def test_readme_has_examples():
    assert len(EXAMPLE.findall((ROOT / "README.md").read_text())) >= 2
