"""The command line as a process of its own: start, streams, terminals, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from small_tables import QUICK as SETTINGS

import deltaprop as dp
from deltaprop.engines.registry import select

ENGINE = ("--engine", select("auto").name)  # named: then nothing is said of one that is not here
QUICK = (*SETTINGS, *ENGINE)
BIN = Path(sys.executable).with_name("deltaprop")
ENTRY = [str(BIN)] if BIN.exists() else [sys.executable, "-m", "deltaprop"]
POSIX = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals, and no SIGINT for one process"
)
SECONDS = 60  # that a process may take on a busy machine


def clean_environment(**extra):
    dropped = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TERM", "CI")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"COLUMNS": "80"} | extra


def start(*args, **given):
    return subprocess.run(
        args, capture_output="stdout" not in given, text=True, timeout=SECONDS, env=clean_environment(), **given
    )


def test_the_version():
    done = start(*ENTRY, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"deltaprop {dp.__version__}\n", "")


def test_python_m_is_the_same_command():
    assert start(sys.executable, "-m", "deltaprop", "--version").stdout == f"deltaprop {dp.__version__}\n"


def test_without_a_command_the_help_is_shown_as_wrong_usage():
    done = start(*ENTRY)
    assert (done.returncode, done.stdout) == (2, "")
    for command in ("train", "predict", "evaluate", "check", "check-code", "info"):
        assert re.search(rf"^  {command}  ", done.stderr, re.MULTILINE)


def test_help_and_version_do_not_wait_for_scikit_learn():
    code = "import sys, deltaprop.cli.main; print([n for n in ('sklearn', 'pyarrow', 'pandas') if n in sys.modules])"
    assert start(sys.executable, "-c", code).stdout == "[]\n"


def test_results_through_a_pipe_are_clean(tmp_path):
    done = start(*ENTRY, "train", "iris", "--json", *QUICK, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["facts"]["epochs"] == 3


def test_a_reader_that_goes_away_ends_it_without_a_word(tmp_path, rng):
    start(*ENTRY, "train", "digits", "--save", "m.safetensors", *QUICK, cwd=tmp_path)
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([*ENTRY, "predict", "m.safetensors", "digits", *ENGINE], stdout=write, cwd=tmp_path,
                              stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_stdout_is_one_sentence(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*ENTRY, "train", "iris", "--json", *QUICK], stdout=full, stderr=subprocess.PIPE,
                              cwd=tmp_path, text=True, timeout=SECONDS, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Error: the results could not be written: no space left on device.\n"


class Terminal:
    """A process whose stdout and stderr are a terminal of 80 columns."""

    def __init__(self, *args, cwd, **environment):
        import pty

        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([*ENTRY, *args], stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
                                        env=clean_environment(**environment), start_new_session=True)  # fmt: skip
        os.close(slave)
        self.shown = b""

    def read_until(self, pattern):
        """Read what it shows until the pattern is in it, or it has ended."""
        import select

        limit = monotonic() + SECONDS
        while re.search(pattern, self.shown) is None:
            assert monotonic() < limit, f"{pattern!r} did not come: {self.shown!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    part = os.read(self.master, 1 << 16)
                except OSError:  # Linux says so where the other end is closed
                    part = b""
                if not part:
                    return
                self.shown += part

    def end(self):
        self.read_until(rb"(?!)")
        code = self.process.wait(SECONDS)
        os.close(self.master)
        return code


LONG = ("train", "digits", "--epochs", "100000", "--patience", "100000", "--hidden", "16", "--seed", "0", *ENGINE)


@POSIX
def test_a_terminal_shows_a_bar_with_epoch_cost_and_score(tmp_path):
    terminal = Terminal("train", "digits", "--epochs", "4", "--hidden", "64", cwd=tmp_path, TERM="xterm")
    assert terminal.end() == 0
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", terminal.shown).decode()
    assert re.search(r"epoch \d/4 \S+ cost \d\.\d{4}  validation accuracy \d\.\d{4}  rate 0\.001", text)
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", text))


@POSIX
@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}], ids=["dumb", "no colour"]
)
def test_a_plain_terminal_gets_plain_lines(tmp_path, environment):
    terminal = Terminal("train", "iris", "--epochs", "4", "--hidden", "8", cwd=tmp_path, **environment)
    assert terminal.end() == 0
    assert b"\x1b" not in terminal.shown
    assert re.search(rb"epoch 1/4  cost \d\.\d{4}", terminal.shown)


@POSIX
def test_ctrl_c_saves_what_was_trained_and_says_so(tmp_path):
    terminal = Terminal(*LONG, "--save", "m.safetensors", cwd=tmp_path, TERM="xterm")
    terminal.read_until(rb"cost \d")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert b"(interrupted" in terminal.shown
    assert b"Stopped by Ctrl-C; the model as trained so far was saved in m.safetensors." in terminal.shown
    model = dp.TableModel.load(tmp_path / "m.safetensors")
    assert model.facts["stopped"] == "interrupted"
    assert model.evaluate("digits").numbers["accuracy"] > 0.2


@POSIX
def test_ctrl_c_without_save_says_that_nothing_was_saved(tmp_path):
    terminal = Terminal(*LONG, cwd=tmp_path, TERM="xterm")
    terminal.read_until(rb"cost \d")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert b"was not saved" in terminal.shown
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_outside_of_training_is_one_word(run, model, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("deltaprop.tables.model.TableModel.predict_with_probability", interrupted)
    done = run("predict", model.name, "table.csv")
    assert (done.code, done.out, done.err) == (130, "", "Interrupted.\n")
