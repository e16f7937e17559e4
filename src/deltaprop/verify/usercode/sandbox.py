"""Runs a user's file in a child process, with a time and a memory limit, and reads what it answered.

It guards against loops, leaks and prints, not against malice: the child may do whatever the user may.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from deltaprop import errors
from deltaprop.errors import ArgumentError, CodeError, sentence
from deltaprop.verify.usercode.collect import Manner, Reply
from deltaprop.verify.usercode.question import Question
from deltaprop.verify.usercode.theirs import is_theirs
from deltaprop.verify.usercode.wire import read_reply, write_question

TIME_LIMIT, MEMORY_LIMIT = 20.0, 2048  # seconds, MB
LEAST_MEMORY = 256
START = 30.0  # seconds more for the process to start and end, before it is ended from outside
KEPT = 2000  # characters of what it printed


@dataclass(frozen=True)
class Limits:
    """How long and with how many MB the child may run."""

    seconds: float = TIME_LIMIT
    megabytes: int = MEMORY_LIMIT

    def checked(self) -> Limits:
        """Itself, or an ArgumentError."""
        if not 0 < self.seconds < 1e6:
            raise ArgumentError(sentence("time_limit", "a positive number of seconds", repr(self.seconds)))
        if self.megabytes < LEAST_MEMORY:
            raise ArgumentError(sentence("memory_limit", f"{LEAST_MEMORY} MB or more", repr(self.megabytes)))
        return self


@dataclass(frozen=True)
class SandboxRun:
    """The reply, and what the code printed: its beginning, and how many lines in all."""

    reply: Reply
    printed: str
    lines: int


def run_file(file: Path, name: str, question: Question, manner: Manner, limits: Limits) -> SandboxRun:
    """The answers of `name` in this file. CodeError or ArgumentError where there are none."""
    with TemporaryDirectory(prefix="deltaprop-") as temporary:
        folder = Path(temporary)
        more = {"file": str(file), "name": name, "time_limit": limits.seconds, "memory_limit": limits.megabytes}
        write_question(folder, question, manner, **more)
        code, output = _run(folder, limits.seconds + START)
        if (folder / "error.json").exists():
            told = json.loads((folder / "error.json").read_text("utf-8"))
            raise _error(told["kind"], told["text"], told["traceback"])
        if not (folder / "reply.json").exists():
            raise CodeError(_ended(name, code, folder / "late.txt", limits))
        return SandboxRun(read_reply(folder), output.kept, output.lines)


class _Output(threading.Thread):
    """Reads a pipe to its end and keeps the beginning, so that a code that prints without end fills no memory."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.pipe, self.kept, self.lines = pipe, "", 0
        self.start()

    def run(self) -> None:
        with self.pipe:
            while part := self.pipe.read1(1 << 16):  # type: ignore[attr-defined]
                self.lines += part.count(b"\n")
                if len(self.kept) < KEPT:
                    self.kept += part[: KEPT - len(self.kept)].decode(errors="replace")


def _run(folder: Path, seconds: float) -> tuple[int, _Output]:
    command = [sys.executable, "-P", "-m", "deltaprop.verify.usercode.child", str(folder)]
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **quiet},
        start_new_session=True,
    )
    assert process.stdout is not None
    output = _Output(process.stdout)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        code = -int(signal.SIGTERM)
    finally:
        _end(process)
        output.join(5)
    return code, output


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _ended(name: str, code: int, late: Path, limits: Limits) -> str:
    """Why there is no answer."""
    stack = late.read_text("utf-8") if late.exists() else ""
    if stack.startswith("Timeout"):
        frames = re.findall(r'File "(.+)", line (\d+) in (\S+)', stack)
        file, line, function = next((frame for frame in frames if is_theirs(frame[0])), ("", "", ""))
        where = f", in {Path(file).name}, line {line}, in {function}" if file else ""
        got, remedy = f"a call that was still running{where}", "Raise the time limit if it is slow."
        return sentence(name, f"a function that ends within {limits.seconds:g} s", got, remedy)
    if code < 0:
        got = f"a process that was ended by {signal.Signals(-code).name}"
        return sentence(name, f"a function that returns, within {limits.megabytes} MB", got)
    return sentence(name, "a function that returns", f"a process that ended by itself with exit code {code}")


def _error(kind: str, text: str, traceback: str) -> errors.DeltapropError:
    if kind == "CodeError":
        return CodeError(text, traceback)
    found = getattr(errors, kind)
    return found(text)
