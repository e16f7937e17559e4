"""The arrows of the design: who may import whom, read from the syntax trees, function-level imports too."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import deltaprop

SOURCE = Path(deltaprop.__file__).parent

# A member may import the members of the groups before its own, and nothing else. Add a new part here, in its group.
ORDER: list[set[str]] = [
    {"errors", "_types", "_native", "_native_absent"},
    {"core"},
    {"optim"},
    {"engines"},
    {"trace"},
    {"files"},
    {"network"},
    {"verify", "training", "bench", "derivation", "factors", "distributed"},
    {"estimators", "tables"},
    {"interop", "explorer"},
    {"cli"},
]
# Apart from the order: data knows of tables and nothing of networks.
DATA_MAY_IMPORT = {"errors", "_types"}
MAY_IMPORT_DATA = {"tables", "interop", "cli"}
TOP = {"__init__", "__main__"}

CORE_MAY_IMPORT = {"numpy", "scipy", "deltaprop", *sys.stdlib_module_names}
LAZY = ("sklearn", "scipy", "polars", "narwhals", "pandas", "typer", "rich", "matplotlib", "safetensors", "pyarrow")
LAZY += ("sympy", "mpmath", "torch", "jax")
PROBES = {"cpu_count", "process_cpu_count", "sched_getaffinity", "cpuinfo", "is_available", "device_count", "processor"}
IMPORT_SECONDS = 0.150


def member_of(module):
    """The part of the package to which a dotted module name belongs; "__init__" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path, root):
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path, root):
    """(line, module) of every import in a file, wherever it stands; relative ones made absolute."""
    package = module_name(path, root).split(".")
    package = package if path.stem == "__init__" else package[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            whole = base == root.name
            yield from ((node.lineno, f"{base}.{alias.name}" if whole else base) for alias in node.names)


def level(member):
    return next((i for i, group in enumerate(ORDER) if member in group), None)


def allowed(importer, imported):
    """Whether one part may import another."""
    if importer == imported or importer in TOP:
        return True
    if importer == "data":
        return imported in DATA_MAY_IMPORT
    if imported == "data":
        return importer in MAY_IMPORT_DATA
    if imported.startswith("__"):
        return importer == "cli"
    here, there = level(importer), level(imported)
    return here is not None and there is not None and there < here


def wrong_arrows(root):
    found = []
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        importer = relative.parts[0].removesuffix(".py")
        for line, module in imports_of(path, root):
            if module.split(".")[0] == root.name and not allowed(importer, member_of(module)):
                found.append(f"{relative}:{line} imports {module}")
    return found


def test_imports_go_one_way():
    found = wrong_arrows(SOURCE)
    assert not found, "against the arrows of the design:\n" + "\n".join(found)


def circles(root):
    """Modules that import each other in a ring, by imports in functions and for type checkers too."""
    files = {
        module_name(path, root): path for path in root.rglob("*.py") if path.parent != root or path.stem not in TOP
    }
    sorter = TopologicalSorter({name: set(modules_of(path, root, files)) for name, path in files.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        return error.args[1]
    return []


def modules_of(path, root, files):
    """The modules among `files` that one imports; `from package import module` is that module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in files else node.module for name in names if {name, node.module} & {*files})
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)


def test_no_modules_import_each_other_in_a_circle():
    assert circles(SOURCE) == []


def test_a_planted_circle_is_found(tmp_path):
    folder = tmp_path / "deltaprop" / "derivation"
    folder.mkdir(parents=True)
    (folder / "proof.py").write_text("from deltaprop.derivation import page", "utf-8")
    (folder / "page.py").write_text("def f():\n    from deltaprop.derivation.words import g", "utf-8")
    (folder / "words.py").write_text("import deltaprop.derivation.terms", "utf-8")
    (folder / "terms.py").write_text("", "utf-8")
    assert circles(tmp_path / "deltaprop") == []
    (folder / "words.py").write_text("if TYPE_CHECKING:\n    from deltaprop.derivation.proof import h", "utf-8")
    assert sorted(set(circles(tmp_path / "deltaprop"))) == [
        f"deltaprop.derivation.{n}" for n in ("page", "proof", "words")
    ]


def test_a_class_name_names_one_class():
    classes = Counter(
        node.name
        for path in SOURCE.rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


def test_every_part_has_its_place_in_the_order():
    parts = {path.stem for path in SOURCE.glob("*.py")} | {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    placed = set().union(*ORDER) | TOP | {"data"}
    assert parts <= placed, f"not in the table of the order: {sorted(parts - placed)}"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/spec.py", "from deltaprop.engines import reference"),
        ("core/spec.py", "def f():\n    import deltaprop.network"),
        ("core/spec.py", "from ..optim.optimizers import SGD"),
        ("core/spec.py", "from deltaprop import network"),
        ("core/spec.py", "import deltaprop as dp"),
        ("verify/check.py", "from deltaprop.training import loop"),
        ("training/loop.py", "from ..verify import check"),
        ("network.py", "from deltaprop.verify.check import check"),
        ("network.py", "from deltaprop.derivation.proof import derive"),
        ("derivation/proof.py", "from deltaprop.verify.check import check"),
        ("derivation/proof.py", "from deltaprop.cli import show"),
        ("data/tables.py", "from deltaprop.core.spec import Spec"),
        ("training/loop.py", "from deltaprop.data import sources"),
        ("errors.py", "from deltaprop._types import Array"),
        ("estimators/classifier.py", "from deltaprop.cli import main"),
        ("estimators/classifier.py", "from deltaprop.tables.model import TableModel"),
        ("estimators/classifier.py", "from deltaprop.data.sources import read"),
        ("tables/model.py", "from deltaprop.estimators.parameters import Parameters"),
        ("new_part/thing.py", "from deltaprop.core.spec import Spec"),
    ],
)
def test_a_planted_wrong_arrow_is_found(tmp_path, file, line):
    planted = tmp_path / "deltaprop" / file
    planted.parent.mkdir(parents=True)
    planted.write_text(line, "utf-8")
    assert len(wrong_arrows(tmp_path / "deltaprop")) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("cli/main.py", "from deltaprop.data.sources import read"),
        ("core/spec.py", "from .activations import OUTPUTS"),
        ("training/loop.py", "from deltaprop.network import Network"),
        ("tables/model.py", "from deltaprop.data.encoder import TableEncoder"),
        ("derivation/verifying.py", "from deltaprop.network import Network"),
        ("__init__.py", "from deltaprop.verify.check import check"),
    ],
)
def test_a_right_arrow_is_not_accused(tmp_path, file, line):
    planted = tmp_path / "deltaprop" / file
    planted.parent.mkdir(parents=True)
    planted.write_text(line, "utf-8")
    assert wrong_arrows(tmp_path / "deltaprop") == []


def test_the_core_stands_on_numpy_alone_and_takes_scipy_lazily():
    for path in sorted((SOURCE / "core").glob("*.py")):
        tops = {module.split(".")[0] for _, module in imports_of(path, SOURCE)}
        assert tops <= CORE_MAY_IMPORT, f"{path.name} imports {sorted(tops - CORE_MAY_IMPORT)}"
        at_once = [
            node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        assert not any("scipy" in ast.unparse(node) for node in at_once), f"{path.name} imports scipy at once"


def probes_in(path):
    tree = ast.parse(path.read_text("utf-8"))
    names = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return PROBES & {*names, *(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))}


def test_one_module_looks_at_the_machine():
    for path in sorted(SOURCE.rglob("*.py")):
        if path != SOURCE / "engines" / "machine.py":
            assert not probes_in(path), f"{path.relative_to(SOURCE)} asks for {sorted(probes_in(path))}"


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_brings_no_extra():
    loaded = json.loads(python("import json, sys, deltaprop; print(json.dumps(sorted(sys.modules)))"))
    assert [name for name in LAZY if name in loaded] == []


def test_reading_and_verifying_a_derivation_brings_no_extra():
    code = (
        "import json, sys, deltaprop as dp; dp.derive('BP2').verify_examples(); print(json.dumps(sorted(sys.modules)))"
    )
    assert [name for name in ("sympy", "rich", "typer", "sklearn") if name in json.loads(python(code))] == []


def test_import_is_quick():
    """In CPU time, for the machine may be busy with other things."""
    clock = "import time, numpy; t = time.process_time(); import deltaprop; print(time.process_time() - t)"
    fastest = min(float(python(clock)) for _ in range(4))
    assert fastest <= IMPORT_SECONDS, f"import deltaprop takes {fastest * 1e3:.0f} ms more than import numpy"
