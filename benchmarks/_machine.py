"""The heading of every table: command, date, commit, machine and versions."""

import platform
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")
PACKAGES = ("deltaprop", "numpy", "scipy", "scikit-learn", "torch", "jax", "jaxlib")


def lscpu() -> dict[str, str]:
    """The output of lscpu by heading; empty if there is no lscpu."""
    if shutil.which("lscpu") is None:
        return {}
    text = subprocess.run(
        ["lscpu"], capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    )
    return {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.stdout.splitlines())
    }


def machine() -> str:
    """Model, cores, caches, instruction sets."""
    found = lscpu()
    if not found:
        return platform.processor() or platform.machine()
    family = f"family {found.get('CPU family')}, model {found.get('Model')}"
    caches = ", ".join(
        f"{c} {re.sub(r' *[(].*', '', found[f'{c} cache'])}" for c in ("L1d", "L2", "L3") if f"{c} cache" in found
    )
    has = " ".join(name for name in INSTRUCTIONS if name in found.get("Flags", "").split())
    return f"{found.get('Model name')} ({family}), {found.get('CPU(s)')} cores, in all {caches}; {has}"


def versions() -> str:
    """The versions of Python and of each library; "absent" if it is not installed."""
    parts = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} absent")
    return ", ".join(parts)


def revision() -> str:
    """The measured commit; empty outside of a checkout."""
    root = Path(__file__).parents[1]
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f", commit {done.stdout.strip()}"


def heading(module: str) -> str:
    """The lines above the tables of a module."""
    command = shlex.join(["python", "-m", module, *sys.argv[1:]])
    now = datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC")
    return f"`{command}`, {now}{revision()}.\nMachine: {machine()}.\nVersions: {versions()}.\n"


def table(headings: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; all columns but the first are numbers."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
