"""The C++ core against loops: built for the baseline instructions, and where the machine has them for all."""

from __future__ import annotations

import os
import shutil
import subprocess
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
