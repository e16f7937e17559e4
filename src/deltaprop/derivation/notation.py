"""Formulas, written once: every term knows itself as plain Unicode, as LaTeX and as MathML.

`d(C, sym("z", "l"))` is ∂C/∂zˡ in all three, so that the terminal, a paper and a page cannot say different things.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_RAISED = dict(zip("0123456789+-lLTik", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡᴸᵀⁱᵏ", strict=True))
_LOWERED = dict(zip("0123456789+-aijklmn", "₀₁₂₃₄₅₆₇₈₉₊₋ₐᵢⱼₖₗₘₙ", strict=True))
_LATEX = {
    "δ": r"\delta", "σ": r"\sigma", "σ'": r"\sigma'", "∇": r"\nabla", "⊙": r"\odot", "·": r"\cdot", "×": r"\times",
    "−": "-", "exp": r"\exp",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """A formula in three spellings; `letter` if it needs no parentheses to be transposed."""

    text: str
    latex: str
    mathml: str
    letter: bool = False

    def __str__(self) -> str:
        return self.text


def sym(name: str, sup: str = "", sub: str = "") -> Term:
    """A letter with its layer above and its unit or example below: sym("w", "l", "jk") is wⱼₖˡ."""
    text = name + _small(sub, _LOWERED, "_") + _small(sup, _RAISED, "^")
    latex = _LATEX.get(name, name) + (f"_{{{sub}}}" if sub else "") + (f"^{{{sup}}}" if sup else "")
    return Term(text, latex, _scripts(_letter(name), _row(sub), _row(sup)), letter=not sup)


def of(function: Term, argument: Term) -> Term:
    """A function of an argument: σ'(zˡ)."""
    return close(function, paren(argument))


def d(top: Term, bottom: Term) -> Term:
    """The derivative ∂top/∂bottom."""
    mathml = f"<mfrac><mrow><mo>∂</mo>{top.mathml}</mrow><mrow><mo>∂</mo>{bottom.mathml}</mrow></mfrac>"
    latex = rf"\frac{{\partial {top.latex}}}{{\partial {bottom.latex}}}"
    return Term(f"∂{top.text}/∂{bottom.text}", latex, mathml)


def paren(term: Term) -> Term:
    """The term in parentheses."""
    fence = "<mo{}>{{}}</mo>".format("" if "<mfrac>" in term.mathml else ' stretchy="false"')
    mathml = f"<mrow>{fence.format('(')}{term.mathml}{fence.format(')')}</mrow>"
    return Term(f"({term.text})", rf"\left({term.latex}\right)", mathml)


def transposed(term: Term) -> Term:
    """The transpose: Iᵀ, (Wˡ⁺¹)ᵀ."""
    base = term if term.letter else paren(term)
    mathml = f'<msup>{base.mathml}<mi mathvariant="normal">T</mi></msup>'
    return Term(f"{base.text}ᵀ", rf"{base.latex}^{{\mathsf{{T}}}}", mathml)


def beside(*terms: Term) -> Term:
    """A product, written side by side: Wˡ aˡ⁻¹."""
    return _join(" ", *terms)


def close(*terms: Term) -> Term:
    """Terms without a space between them: ∇ₐC."""
    return _join("", *terms)


def infix(sign: str, *terms: Term) -> Term:
    """The terms with a sign between them: ∇C ⊙ σ'(z)."""
    around = ' lspace="0.25em" rspace="0.25em"' if sign == "⊙" else ""
    mathml = f"<mo{around}>{sign}</mo>".join(term.mathml for term in terms)
    latex = f" {_LATEX.get(sign, sign)} ".join(term.latex for term in terms)
    return Term(f" {sign} ".join(term.text for term in terms), latex, f"<mrow>{mathml}</mrow>")


def minus(term: Term) -> Term:
    """The term with its sign turned."""
    return close(Term("−", "-", "<mo>−</mo>"), term)


def diag(term: Term) -> Term:
    """The diagonal matrix with this vector on its diagonal."""
    made = of(Term("diag", r"\operatorname{diag}", "<mi>diag</mi>"), term)
    return replace(made, letter=True)


def total(index: str, term: Term) -> Term:
    """The sum of the term over an index: Σᵢ δᵢ."""
    sigma = Term("Σ" + _small(index, _LOWERED, "_"), rf"\sum_{{{index}}}", f"<munder><mo>∑</mo>{_row(index)}</munder>")
    return _join(" ", sigma, term)


def equal(*terms: Term) -> Term:
    """A chain of equalities."""
    return infix("=", *terms)


def prose(text: str, *terms: Term) -> Term:
    """A sentence with formulas in the places of its {}: in LaTeX between dollars, in HTML as MathML."""
    parts = text.split("{}")
    return Term(
        _alternating(parts, [term.text for term in terms]),
        _alternating(parts, [f"${term.latex}$" for term in terms]),
        _alternating(parts, [f"<math>{term.mathml}</math>" for term in terms]),
    )


def _alternating(words: list[str], formulas: list[str]) -> str:
    return "".join(word + formula for word, formula in zip(words, [*formulas, ""], strict=True))


def _join(space: str, *terms: Term) -> Term:
    mathml = "".join(term.mathml for term in terms)
    joined = (r" \, " if space else " ").join(term.latex for term in terms)
    return Term(space.join(term.text for term in terms), joined, f"<mrow>{mathml}</mrow>")


def _small(script: str, letters: dict[str, str], mark: str) -> str:
    """The script in small letters if Unicode has them all, otherwise marked: ˡ⁺¹, but _L."""
    if all(letter in letters for letter in script):
        return "".join(letters[letter] for letter in script)
    return mark + (script if len(script) == 1 else f"({script})")


def _letter(name: str) -> str:
    """One token of MathML: digits are numbers, + and - signs, all else letters."""
    if name.endswith("'"):
        return f'<mrow>{_letter(name[:-1])}<mo lspace="0" rspace="0">′</mo></mrow>'
    tag = "mn" if name.isdigit() else "mo" if name in "+-⊙" else "mi"
    return f"<{tag}>{name.replace('-', '−')}</{tag}>"


def _row(script: str) -> str:
    tokens = "".join(map(_letter, script))
    return f"<mrow>{tokens}</mrow>" if len(script) > 1 else tokens


def _scripts(base: str, below: str, above: str) -> str:
    if below and above:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if below or above:
        tag = "msub" if below else "msup"
        return f"<{tag}>{base}{below or above}</{tag}>"
    return base
