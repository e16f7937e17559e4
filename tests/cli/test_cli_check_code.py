"""`deltaprop check-code`: what is shown, exit codes, and one sentence for each way in which a code can be bad."""

from __future__ import annotations

import json
import sys

import pytest
from user_codes import BAD, RIGHT

SIZES = ("--sizes", "4,5,3")


@pytest.fixture
def codes(tmp_path):
    (tmp_path / "code.py").write_text(RIGHT, "utf-8")
    (tmp_path / "bad.py").write_text(BAD, "utf-8")


@pytest.fixture
def check(run, codes):
    def check(code, *args):
        return run("check-code", code, *SIZES, *args)

    return check


def test_a_right_one(check):
    done = check("code.py:Network")
    assert (done.code, done.err) == (0, "")
    assert "right: BP1 to BP4 hold in every layer." in done.out
    assert "4 - 5 sigmoid - 3 sigmoid, quadratic, float64" in done.out
    assert done.out.count("✓") == 6


def test_a_wrong_one_is_told_with_equation_layer_and_mistake(check):
    done = check("code.py:NotTransposed", "--sizes", "4,5,5,3")
    assert done.code == 1
    assert "layer 2, BP2: your δ^2 equals W^3 δ^3 ⊙ σ'(z^2): the transpose of W^3 is missing." in done.out
    assert "the book  δ^2 = ((W^3)ᵀ δ^3) ⊙ σ'(z^2)" in done.out
    assert "WRONG in 2 places: begin with layer 2, BP2." in done.out
    assert "in back" in done.out  # the traceback of its failure with layers of different widths
    assert "verify/usercode" not in done.out


def test_a_convention_is_asked_for_and_can_be_said(check):
    done = check("code.py:Doubled")
    assert done.code == 1
    assert "--cost-factor 2" in done.out
    assert "right up to a convention" in done.out
    assert check("code.py:Doubled", "--cost-factor", "2").code == 0
    wrong = check("code.py:Doubled", "--cost-factor", "1")
    assert (wrong.code, "layer 2, BP1" in wrong.out) == (1, True)


def test_what_it_prints_stays_out_of_the_results(check):
    done = check("code.py:Talks", "--json")
    assert (done.code, json.loads(done.out)["ok"]) == (0, True)
    assert done.err == "Your code printed 7 lines, beginning with: here (4, 1)\n"


def test_json(check):
    done = check("code.py:NotTransposed", "--json", "--sizes", "4,4,4")
    (finding,) = json.loads(done.out)["findings"]
    assert (done.code, finding["layer"], finding["equation"]) == (1, 1, "BP2")
    assert finding["mistake"] == "transpose_missing"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("raises", ["`raises` must be a function of x, y, weights and biases", "KeyError: 'no such layer'",
                    "Traceback of your code:", 'in helper', 'raise KeyError("no such layer")']),
        ("exits", ["Got sys.exit(3).", "in exits"]),
        ("leaves", ["`leaves` must be a function that returns. Got a process that ended by itself with exit code 4."]),
        ("reads", ["EOFError"]),
        ("none", ["that returns (nabla_b, nabla_w). Got None."]),
        ("number", ["Got a float, for a network of 2 layers."]),
        ("lists", ["must be an array of numbers of shape (5, 4). Got a list. Turn it into one with np.array."]),
        ("one_none", ["`your ∂C/∂b^2` must be an array of numbers of shape (3, 1). Got None."]),
        ("text", ["Got a str."]),
        ("too_few", ["Got a tuple of 2, for a network of 2 layers."]),
        ("two", ["must be a function of x, y, weights and biases, or of x and y in a class or a file"]),
        ("nothing", ["Got the arguments none."]),
        ("value", ["must be a function or a class. Got 'value', of type int."]),
        ("NoBackprop", ["must be a class with a method backprop(x, y) or backward(...)"]),
        ("WantsMore", ["must be a class that can be made as WantsMore([4, 5, 3])", "rate"]),
        ("NoWeights", ["the attributes `weights` and `biases`", "Got the attributes theta."]),
        ("raise", ["Did you mean 'raises'? It has helper, raises,"]),
    ],
)  # fmt: skip
def test_bad_code_gets_one_sentence(check, name, says):
    done = check(f"bad.py:{name}")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    for part in says:
        assert part in done.err
    assert "deltaprop/verify" not in done.err
    assert "runpy" not in done.err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nan", ["layer 2, BP1", "must be finite. Got nan"]),
        ("shapes", ["layer 2, BP3: your ∂C/∂b^2 must have the shape (3, 1) for one example. Got (1, 3)",
                    "layer 2, BP4: your ∂C/∂W^2 must have the shape (3, 5) for one example. Got (5, 3)"]),
        ("mutates", ["layer 2, BP1: your δ^2 equals 0", "inputs: W^1, x must come back as given."]),
    ],
)  # fmt: skip
def test_bad_values_are_findings(check, name, says):
    done = check(f"bad.py:{name}")
    assert done.code == 1
    for part in says:
        assert part in done.out


@pytest.mark.parametrize("name", ["loops", "floods"])
def test_a_loop_is_ended_and_its_place_told(check, name):
    done = check(f"bad.py:{name}", "--time-limit", "0.5")
    assert (done.code, done.out) == (1, "")
    assert (
        f"`{name}` must be a function that ends within 0.5 s. Got a call that was still running, in bad.py" in done.err
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is kept by the system, and only here surely")
def test_memory_is_limited(check):
    done = check("bad.py:greedy", "--memory-limit", "1000")
    assert done.code == 1
    assert "MemoryError: it needs more memory than it may have" in done.err
    assert "in greedy" in done.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:\n    pass\n", ["a syntax error in new.py, line 1"]),
        ("import no_such_module\n", ["No module named 'no_such_module'", 'new.py", line 1']),
        ("raise ValueError('at once')\n", ["ValueError: at once"]),
        ("", ["It has no function and no class."]),
    ],
)
def test_a_file_that_cannot_be_imported(check, tmp_path, text, says):
    (tmp_path / "new.py").write_text(text, "utf-8")
    done = check("new.py:f")
    assert (done.code, done.out) == (1, "")
    for part in says:
        assert part in done.err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("code.py",), ["`FILE.py:NAME` must be a Python file and a name in it. Got 'code.py'"]),
        (("code.py:Network", "--sizes", "4,x"), ["--sizes", "must be whole numbers separated by commas"]),
        (("code.py:Network", "--sizes", "4"), ["--sizes", "at least two widths"]),
        (("code.py:Network", "--activation", "sigmod"), ["--activation", "Did you mean 'sigmoid'?"]),
        (("code.py:Network", "--activation", ","), ["--activation"]),
        (("code.py:Network", "--activation", "tanh,relu"), ["--activation", "2 for 1 hidden layers"]),
        (("code.py:Network", "--cost", "cubic"), ["--cost"]),
        (("code.py:Network", "--cost", "cross_entropy", "--activation", "relu"), ["--output", "softmax"]),
        (("code.py:Network", "--seed", "-1"), ["--seed"]),
        (("code.py:Network", "--style", "nielson"), ["--style", "Did you mean 'nielsen'?"]),
        (("code.py:Network", "--layout", "x"), ["--layout", "rows-book"]),
        (("code.py:Network", "--params", "x"), ["--params", "pairs"]),
        (("code.py:Network", "--batch", "x"), ["--batch", "mean"]),
        (("code.py:Network", "--cost-factor", "-1"), ["--cost-factor", "positive"]),
        (("code.py:Network", "--l2", "-1"), ["--l2"]),
        (("code.py:Network", "--time-limit", "0"), ["--time-limit"]),
        (("code.py:Network", "--memory-limit", "3"), ["--memory-limit", "256 MB or more"]),
        (("code.py:Network", "--dtype", "float16"), ["--dtype"]),
    ],
)
def test_wrong_usage_names_the_option(check, args, says):
    done = check(*args)
    assert (done.code, done.out) == (2, "")
    for part in says:
        assert part in " ".join(done.err.split())


def test_a_missing_file(check):
    done = check("gone.py:f")
    assert (done.code, done.out) == (1, "")
    assert "'gone.py': no such file" in done.err


def test_the_file_may_import_its_neighbours(check, tmp_path):
    (tmp_path / "mine.py").write_text(RIGHT + "\nimport beside\n", "utf-8")
    (tmp_path / "beside.py").write_text("", "utf-8")
    assert check("mine.py:Network").code == 0
