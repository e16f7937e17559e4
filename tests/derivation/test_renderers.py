"""How a derivation shows itself: text, page, LaTeX and data, all of the same steps."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from mutants import past_the_check

import deltaprop as dp
from deltaprop.derivation import notation as n
from deltaprop.derivation.proving import StepProof
from deltaprop.derivation.steps import Side
from deltaprop.derivation.words import found_of

LATEX = shutil.which("pdflatex") or shutil.which("latex")


@pytest.fixture(scope="module")
def whole():
    return dp.derive().verify_examples()


@pytest.fixture
def failed():
    """A derivation with a step that is not proved and a σ' that is wrong."""
    cube = dp.Activation("my_cube<&>", lambda z: z**3, lambda z: z**2)
    right = dp.Network([2, 3, 2], output="identity", cost="quadratic", seed=0)
    net = past_the_check(right, activations=(cube, right.spec.output))
    found = dp.derive("BP2").verify(net, [[1.0, -1.0]], [[0.0, 1.0]])
    proofs = tuple(StepProof(step.key, False, 3, 0, "softmax, C, symbols, [2, 2], layer 1") for step in found.steps)
    return type(found)(found.sections, proofs, found.verification)


TERMS = {
    "layer": (n.sym("z", "l"), "zˡ", "z^{l}"),
    "next layer": (n.sym("W", "l+1"), "Wˡ⁺¹", "W^{l+1}"),
    "unit": (n.sym("w", "l", "jk"), "wⱼₖˡ", "w_{jk}^{l}"),
    "no small letter": (n.sym("n", sub="L"), "n_L", "n_{L}"),
    "derivative": (n.d(n.sym("C"), n.sym("b", "l")), "∂C/∂bˡ", r"\frac{\partial C}{\partial b^{l}}"),
    "transposed": (n.transposed(n.sym("W", "l")), "(Wˡ)ᵀ", r"\left(W^{l}\right)^{\mathsf{T}}"),
    "transposed letter": (n.transposed(n.sym("I")), "Iᵀ", r"I^{\mathsf{T}}"),
    "function": (n.of(n.sym("σ'"), n.sym("z", "l")), "σ'(zˡ)", r"\sigma' \left(z^{l}\right)"),
    "product": (n.infix("⊙", n.sym("a"), n.sym("b")), "a ⊙ b", r"a \odot b"),
    "sum": (n.total("i", n.sym("δ", sub="i")), "Σᵢ δᵢ", r"\sum_{i} \, \delta_{i}"),
    "diagonal": (n.transposed(n.diag(n.sym("a"))), "diag(a)ᵀ", r"\operatorname{diag} \left(a\right)^{\mathsf{T}}"),
    "sentence": (n.prose("{} is {}.", n.sym("x"), n.sym("a", "0")), "x is a⁰.", "$x$ is $a^{0}$."),
}


@pytest.mark.parametrize("case", TERMS)
def test_a_term_is_spelt_in_unicode_and_latex(case):
    term, text, latex = TERMS[case]
    assert (str(term), term.latex) == (text, latex)
    ElementTree.fromstring(f"<p>{term.mathml}</p>")


def test_the_text_has_every_step_and_no_line_wider_than_80(whole):
    text = str(whole)
    for step in whole.steps:
        assert f"{step.key}  {step.heading}" in text
        for side in step.sides:
            assert str(side.term) in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("✓ verified") == len(whole.steps)
    assert "32 of 32 steps verified, on example networks 3 - 4 - 3 - 2" in text
    assert "\x1b" not in text


def test_equalities_stand_one_under_another():
    lines = str(dp.derive("BP2")).splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip() == "δˡ = ∂C/∂zˡ")
    assert [line.index("=") for line in lines[at : at + 3]] == [lines[at].index("=")] * 3


def test_without_results_nothing_is_claimed():
    text = str(dp.derive())
    assert "✓" not in text
    assert "verified" not in text


def test_what_failed_is_said_in_every_form(failed):
    assert not failed.ok
    for text in (str(failed), failed.to_html(), failed.to_latex()):
        flat = " ".join(text.split())
        assert "not proved: the sides differ for softmax, C, symbols, [2, 2], layer 1" in flat
        assert "wrong by" in flat
        assert "0 of 4 steps proved" in flat
    assert [step["proved"] for step in failed.to_dict()["steps"]] == [False] * 4
    assert [step["verified"] for step in failed.to_dict()["steps"]] == [True, False, False, False]


def test_rows_that_do_not_take_part_are_told(rng):
    net = dp.Network([1, 1], output="sigmoid", cost="cross_entropy", dtype="float64", seed=0)
    net.layer(1).W[...] = 1
    text = " ".join(str(dp.derive("BP1").verify(net, [[0.5], [60.0]], [[1.0], [0.0]])).split())
    assert "; 2 rows, 1 of them left out: ∇C is infinite there." in text
    wide = dp.Network([1200, 1000, 2], seed=0)
    text = " ".join(str(dp.derive("input").verify(wide, rng.standard_normal((3, 1200)), [0, 1, 0])).split())
    assert "; the first of 3 rows." in text


def test_marks_tell_right_from_wrong_and_from_absent(failed):
    assert [mark for mark, _ in found_of(failed, "BP2.2")] == ["✗", "✗"]
    soft = dp.derive("BP1").verify(dp.Network([2, 2]), np.ones((1, 2)), [0])
    ((mark, words),) = found_of(soft, "BP1.1")
    assert (mark, words[:34]) == ("–", "not here: the output is softmax, w")


class Page(HTMLParser):
    """What a page consists of: whether its tags close, what it would load, its text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "action", "data")]
        self.loads += [tag] * (tag in ("script", "link", "iframe", "img", "object"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_loads_nothing(whole):
    page = whole.to_html()
    read = Page(page)
    assert (read.open, read.loads) == ([], [])
    assert not re.search(r"url\(|@import|https?:", page)
    for step in whole.steps:
        assert step.heading in "".join(read.text)
    assert page.count("<math") > 200


def test_every_formula_of_the_page_is_well_formed(whole):
    formulas = re.findall(r"<math.*?</math>", whole.to_html(), re.DOTALL)
    for formula in formulas:
        root = ElementTree.fromstring(formula)
        children = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "msubsup": 3}
        for element in root.iter():
            assert len(element) == children.get(element.tag, len(element)), formula


def test_names_from_a_network_cannot_break_the_page_or_the_document(failed):
    page = failed.to_html()
    assert Page(page).open == []
    assert "my_cube&lt;&amp;&gt;" in page
    assert r"my\_cube<\&>" in failed.to_latex()


def test_a_notebook_shows_the_fragment_and_the_formulas(whole):
    fragment, latex = whole._repr_html_(), whole._repr_latex_()
    assert Page(fragment).open == []
    assert "<body" not in fragment
    assert latex.startswith("$$")
    assert latex.endswith("$$")
    assert latex.count(r"\\") == 2 * len(whole.steps) - 1


def test_the_document_is_plain_ascii_with_its_braces_and_environments_closed(whole):
    text = whole.to_latex()
    assert text.isascii()
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    for name in re.findall(r"\\begin\{(.*?)\}", text):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")


@pytest.mark.skipif(LATEX is None, reason="no LaTeX here (Debian: apt-get install texlive-latex-base)")
@pytest.mark.parametrize("which", ["whole", "failed"])
def test_the_document_compiles(which, request, tmp_path):
    (tmp_path / "derivation.tex").write_text(request.getfixturevalue(which).to_latex(), "utf-8")
    command = [LATEX, "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_plain_data_survives_json_and_has_every_step(proved):
    found = proved.verify_examples()
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["ok"] is True
    assert [step["step"] for step in data["steps"]] == [step.key for step in found.steps]
    for step in data["steps"]:
        assert step["proved"] is True
        assert step["verified"] is True
        assert 0 <= step["residual"] <= step["check"]["tolerance"]
        assert step["statement"].keys() == {"unicode", "latex"}
        assert step["shapes"]
        assert step["reason"].endswith(".")


def test_nothing_found_is_null_in_plain_data():
    data = dp.derive("BP4").to_dict()
    assert (data["network"], data["rows"], data["ok"]) == (None, None, True)
    assert {(step["proved"], step["verified"], step["residual"]) for step in data["steps"]} == {(None, None, None)}


def test_a_side_shows_the_formula_that_it_computes():
    """BP2.4's right side, by hand: (Wᵀ δ) ⊙ σ' for the numbers of a network."""
    net = dp.Network([2, 3, 2], activation="tanh", output="identity", cost="quadratic", dtype="float64", seed=3)
    from deltaprop.derivation.floats import float_setting

    setting = float_setting(net.spec, net.theta, np.array([[0.5, -1.0]]), np.zeros((1, 2)), None)
    (section,) = dp.derive("BP2").sections
    last: Side = section.steps[-1].sides[-1]
    delta = net.forward([[0.5, -1.0]])[0]
    z = net.layer(1).W @ [0.5, -1.0] + net.layer(1).b
    by_hand = [sum(net.layer(2).W[j, k] * delta[j] for j in range(2)) / np.cosh(z[k]) ** 2 for k in range(3)]
    np.testing.assert_allclose(last.value(setting, 1)[:, 0], by_hand, rtol=1e-14)
