"""The C++ core against loops: built for the baseline instructions, and where the machine has them for all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "native" / "tests" / "build.sh"


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_plan_in_cpp_does_what_loops_do(tmp_path, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not here")
    strict = "-Werror", "-Wno-error=maybe-uninitialized"
    built = run(BUILD, tmp_path, "-O1", *strict, BASE_ALONE="1", CXX=compiler)
    assert built.returncode == 0, built.stderr
    ran = run(tmp_path / "test_plan")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].endswith(" checks, 0 failed")


def test_the_cpp_is_formatted():
    pytest.importorskip("clang_format")  # of the version that pyproject.toml names: others format differently
    files = sorted((ROOT / "native").rglob("*.?pp"))
    assert len(files) > 20
    script = "import clang_format; clang_format.clang_format()"
    checked = run(sys.executable, "-c", script, "--dry-run", "-Werror", *files)
    assert checked.returncode == 0, checked.stderr
