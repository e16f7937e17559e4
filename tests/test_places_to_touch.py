"""The lists "Add something" in CONTRIBUTING.md are complete: their edits, made in a copy of the package, are enough."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deltaprop

ROOT = Path(__file__).parents[1]
LISTS = ROOT / "CONTRIBUTING.md"
if not LISTS.exists():
    pytest.skip("only a checkout has CONTRIBUTING.md", allow_module_level=True)

STEP = re.compile(r"^\d+\. (.*?)(?=^\d+\. |^\S|\Z)", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"In `(.+?)`, (before|after|replace) `(.+?)`(?: by `(.+?)`\.)?|Create `(.+?)`")
CODE = re.compile(r"^   ```diff\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)

NUMBER_OF_EDITS = {  # in Python, and in C++
    "An activation": (2, 2),
    "A cost": (2, 2),
    "An optimiser": (1, 2),
    "An estimator parameter": (2, 0),
    "A command-line option": (2, 0),
    "An engine": (2, 0),
}


def steps(title):
    """(file, what, anchor, text) of each step of a list."""
    section = LISTS.read_text("utf-8").split(f"### {title}\n")[1].split("\n### ")[0]
    for body in STEP.findall(section):
        file, what, anchor, by, created = PLACE.match(body).groups()
        code = CODE.search(body)
        text = by if by else re.sub(r"^   \+", "", code[1], flags=re.MULTILINE)
        yield (created, "create", "", text) if created else (file, what, anchor, text)


def edited(source, what, anchor, text):
    if what == "replace":
        assert source.count(anchor) == 1, anchor
        return source.replace(anchor, text)
    lines = source.splitlines(keepends=True)
    (at,) = [i for i, line in enumerate(lines) if anchor in line]
    lines.insert(at + (what == "after"), text)
    return "".join(lines)


def apply(title, folder, *, native=False):
    """Make the edits of a list in `folder`/deltaprop, or, with `native`, those in `folder`/native."""
    for file, what, anchor, text in steps(title):
        if file.startswith("native/") == native:
            path = folder / (file if native else f"deltaprop/{file}")
            path.write_text(text if what == "create" else edited(path.read_text("utf-8"), what, anchor, text), "utf-8")


@pytest.fixture
def copy(tmp_path):
    """The package in a folder of its own, with the compiled core if there is one."""
    package = tmp_path / "deltaprop"
    shutil.copytree(Path(deltaprop.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        from deltaprop import _native
    except ImportError:
        return tmp_path
    shutil.copy(_native.__file__, package)
    return tmp_path


PREAMBLE = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_editable")]
sys.path.insert(0, {folder!r})
import deltaprop as dp
assert dp.__file__.startswith({folder!r}), dp.__file__
import numpy as np
X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.tanh(X @ [[1.0, 0.5], [-1.0, 0.2], [0.3, 0.8]])
"""


def run(folder, code):
    script = PREAMBLE.format(folder=str(folder)) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder)


def succeeds(folder, code, says=""):
    done = run(folder, code)
    assert done.returncode == 0, done.stderr
    assert says in done.stderr
    return done


def falls_back(what):
    """The sentence of "auto" if the compiled core does not know something; empty without a compiled core."""
    from deltaprop.engines.registry import probes

    return f"does not know {what}. The reference engine runs instead" if probes()["native"].available else ""


@pytest.mark.parametrize("title", NUMBER_OF_EDITS)
def test_the_number_of_edits(title):
    found = [file.startswith("native/") for file, *_ in steps(title)]
    assert (found.count(False), found.count(True)) == NUMBER_OF_EDITS[title]


TRAINED = """
for engine in ("auto", "reference"):
    net = dp.Network([3, 5, 2], engine=engine, seed=0, dtype="float64", **{network})
    first = net.cost(X, Y)
    history = dp.train(net, X, Y, epochs=20, batch_size=10, seed=0, **{training})
    assert net.cost(X, Y) < 0.9 * first, (first, net.cost(X, Y))
    report = dp.check(net, X, Y)
    assert report.ok, report
"""


def test_an_activation(copy):
    apply("An activation", copy)
    network = {"activation": "softsign", "output": "softsign", "cost": "quadratic"}
    succeeds(copy, TRAINED.format(network=network, training={}), falls_back("the activation 'softsign'"))


def test_a_cost(copy):
    apply("A cost", copy)
    network = {"activation": "tanh", "output": "identity", "cost": "log_cosh"}
    succeeds(copy, TRAINED.format(network=network, training={}), falls_back("the cost 'log_cosh'"))


def test_an_optimiser(copy):
    apply("An optimiser", copy)
    network = {"activation": "tanh", "output": "identity", "cost": "quadratic"}
    code = TRAINED.format(network=network, training={"optimizer": "adagrad"})
    succeeds(copy, code, falls_back("the update rule Adagrad"))


def test_an_estimator_parameter(copy):
    apply("An estimator parameter", copy)
    succeeds(
        copy,
        """
free, clipped = (dp.MLPRegressor(solver="sgd", max_iter=1, random_state=0, clip_norm=c).fit(X, Y) for c in (None, 1e-9))
start = dp.MLPRegressor(solver="sgd", max_iter=1, random_state=0, learning_rate_init=1e-300).fit(X, Y).coefs_[0]
assert np.abs(clipped.coefs_[0] - start).max() < 1e-9 < np.abs(free.coefs_[0] - start).max()
assert clipped.get_params()["clip_norm"] == 1e-9
try:
    dp.MLPRegressor(clip_norm=-1.0).fit(X, Y)
except ValueError as error:
    assert str(error) == "`clip_norm` must be 0 or more, or None. Got -1.0.", error
else:
    raise AssertionError("a wrong value was taken")
""",
    )


def test_a_command_line_option(copy):
    apply("A command-line option", copy)
    command = """
from deltaprop.cli.main import main
sys.argv = ["deltaprop", "train", "iris", "--epochs", "1", "--seed", "0", "--optimizer", "sgd", *{options}]
main()
"""
    free, clipped = (
        next(line for line in succeeds(copy, command.format(options=options)).stdout.splitlines() if "cost" in line)
        for options in ([], ["--clip-norm", "1e-9"])
    )
    assert free != clipped
    assert "--clip-norm" in run(copy, command.format(options=["--help"])).stdout
    wrong = run(copy, command.format(options=["--clip-norm", "-1"]))
    assert wrong.returncode == 2
    assert "--clip-norm" in wrong.stderr


def test_an_engine(copy):
    apply("An engine", copy)
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    code = """
net = dp.Network([3, 5, 2], output="identity", cost="quadratic", engine="toy", seed=0)
dp.train(net, X, Y, epochs=3, seed=0)
assert net.engine == "toy"
assert dp.check(net, X, Y).ok
assert "toy        yes  a toy" in dp.show_engines()
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "tests/engines/test_contract.py"]))
"""
    assert "[toy-float32]" in succeeds(copy, code).stdout


COMPILED = r"""
#include <cstdio>
#include <cstring>
#include "update.hpp"
#include "cost.hpp"
bool has(const char* const* names, int count, const char* name) {
    for (int i = 0; i < count; i++)
        if (!std::strcmp(names[i], name)) return true;
    return false;
}
int main() {
    using T = double;
    T z[lanes<T>], a[lanes<T>], ds[lanes<T>];
    for (auto& x : z) x = -3;
    activate<T, Softsign>(z, a, ds, lanes<T>);
    deltaprop::Rules r{};
    r.rule = int(Rule::adagrad);
    r.epsilon = 0;
    T m = 12;
    const T w = Adagrad::step<T, T>(r, Stepped<T>(r, 0.5, 1, 1), T(1), T(2), &m, nullptr);
    const T C = LogCosh::cost<T>(1, 0, 0), slope = LogCosh::gradient<T>(1, 0, 0);
    std::printf("%g %g %.6f %.6f %g %g\n", a[0], ds[0], C, slope, w, m);
    const bool named = has(ACTIVATION_NAMES, int(Act::softmax), "softsign") && has(COST_NAMES, 8, "log_cosh");
    return !(named && has(RULE_NAMES, 4, "adagrad"));
}
"""


@pytest.mark.skipif(shutil.which("g++") is None or not (ROOT / "native").exists(), reason="needs g++ and native/")
def test_the_native_edits_compile_and_compute_the_same(tmp_path):
    shutil.copytree(ROOT / "native", tmp_path / "native")
    for title in NUMBER_OF_EDITS:
        apply(title, tmp_path, native=True)
    source = tmp_path / "toys.cpp"
    source.write_text(COMPILED)
    options = ["-std=gnu++20", "-O0", "-Wno-psabi", f"-I{tmp_path / 'native' / 'src'}"]
    subprocess.run(["g++", *options, str(source), "-o", str(tmp_path / "toys")], check=True)
    done = subprocess.run([str(tmp_path / "toys")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "-0.75 0.0625 0.433781 0.761594 0.75 16\n")
