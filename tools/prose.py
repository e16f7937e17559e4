"""Plain English in docstrings, comments, messages and documents; `make lint` checks all of them.

It reports archaic and puzzling phrases, each with a suggestion, and "where" used for "if". To check some files only:
`python tools/prose.py FILE...`.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tokenize import COMMENT, generate_tokens

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".md", ".hpp", ".cpp")
SCOPE = ["src", "native", "docs", "examples", "tools", "benchmarks", *ROOT.glob("*.md")]
SKIPPED = ["tools/prose.py", "docs/cli.md"]  # the list of phrases itself; a generated file
PHRASES = {
    r"(come|comes|came|coming) to(?! (rest|an end))": "equals, is, gives",
    r"what (it|they|these|those) (came|come|gave|give|found|saw|took)": "the value of, the sum of, the result of",
    r"whatever|wherever|whoever": "any, if, regardless of",
    r"(some|any|every|no)body('s)?": "name who: the user, the caller, another thread",
    r"one's( own)?": "a user's, your",
    r"(is|are|was|were|as|unless) said": "is given, is set",
    r"(?<!not\s)so many(?! that)": "name the number: n rows, at most n",
    r"(be|is|are) told(?! apart)|hears? of": "is known, is reported, is called with",
    r"wants(?= (it|them|to|an?) )": "needs, expects, requires",
    r"on from where|held against": "continues from; compared with",
    r"else(?=[.;,:)])": "otherwise",
    r"in the place of": "instead of, in place of",
    r"anew|upon|thereof|whereby|amidst|lest|naught": "use the modern word: again, on, of it, by which",
    r"honest(ly)?|accus(e|es|ed|ing)": "correct, exact; report as wrong",
    r"giv(e|es|en|ing) away": "show, reveal",
    r"wish(es)? to stop": "a request to stop",
    r"mend(s|ed|ing)?": "fix",
    r"(turn|turned|turns) round|(be|is|are|was|were) passed over": "transposed, reversed; skipped",
    r"as (it|they) lies?": "as stored",
    r"runs away": "diverges",
    r"looks? into(?! the)": "is a view of",
    r"all the same(?=[.,;:]| and)": "nevertheless, still",
    r"nothing but|but for": "only; except for",
    r"that which|of theirs|of whose": "name the thing",
    r"(one|two|three) at least": "at least one",
    r"(?<!there\s)is no (?!longer|more|less|better|faster|slower|larger|smaller|worse)\w+": "is not a ...",
    r"where (there (is|are|was|were)|none|nothing|given|needed|necessary|possible|absent)": "if",
    r"(None|\w*Error`?|NaN|raises?|refused?|empty|unless|left out) where": "if",
}
PATTERNS = [(re.compile(rf"(?<![\w'])(?:{p})(?!\w)".replace(" ", r"\s+"), re.I), hint) for p, hint in PHRASES.items()]
WHERE = re.compile(r"\bwhere\b", re.I)
DEFINITION = re.compile(r"[,:;]\s+where\s+(?!it\b|there\b|that\b|one\b|they\b)\S+\s+(is|are|has|=)(?!\w)", re.I)
MOST_WHERE = 2.0  # per 1,000 words


def python_blocks(text: str) -> Iterator[tuple[int, str]]:
    """(first line, text) of each docstring, each message of several words and each run of comments."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 2:
            yield node.lineno, node.value
    tokens = generate_tokens(io.StringIO(text).readline)
    run: list[str] = []
    first = 0
    for number, comment in ((t.start[0], t.string[1:]) for t in tokens if t.type == COMMENT):
        if run and number != first + len(run):
            yield first, "\n".join(run)
            run = []
        first = first if run else number
        run.append(comment)
    yield first, "\n".join(run)


def blank(found: re.Match[str]) -> str:
    """Only the line breaks of what was found, so that later lines keep their numbers."""
    return "\n" * found[0].count("\n")


def blocks(path: Path) -> Iterator[tuple[int, str]]:
    """(first line, text) of the prose in a file, without its code."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from python_blocks(text)
    elif path.suffix == ".md":
        yield 1, re.sub(r"^ *```.*?^ *```$", blank, text, flags=re.MULTILINE | re.DOTALL)
    else:
        yield 1, "\n".join(line.partition("//")[2] for line in text.splitlines())


class Prose:
    """A file's findings (line, phrase, suggestion), its lines with "where" for "if", how often "if", how many words."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        self.findings: list[tuple[int, str, str]] = []
        self.wheres: list[int] = []
        self.ifs = self.words = 0
        for first, raw in blocks(path):
            text = re.sub(r"`[^`]*`", lambda code: "`" + blank(code) + "`", raw)
            for pattern, hint in PATTERNS:
                found = ((m.start(), " ".join(m[0].split())) for m in pattern.finditer(text))
                self.findings += [(first + text.count("\n", 0, at), phrase, hint) for at, phrase in found]
            text = DEFINITION.sub(blank, text)
            self.wheres += [first + text.count("\n", 0, m.start()) for m in WHERE.finditer(text)]
            self.ifs += len(re.findall(r"\bif\b", text, re.IGNORECASE))
            self.words += len(re.findall(r"[^\W\d_]{2,}", text))


def files(places: Iterable[str | Path], skipped: Iterable[str] = ()) -> Iterator[Path]:
    """The files of prose in these files and folders, without those that are skipped."""
    out = [ROOT / place for place in skipped]
    for path in (Path(ROOT, place).resolve() for place in places):
        every = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (f for f in every if f.suffix in SUFFIXES and not any(f.is_relative_to(place) for place in out))


def report(checked: list[Prose]) -> list[str]:
    """One line for each finding; those of "where" only if there are too many."""
    lines = [
        f"{p.name}:{line}: {phrase!r}; suggestion: {hint}" for p in checked for line, phrase, hint in sorted(p.findings)
    ]
    wheres, ifs, words = (
        sum(numbers) for numbers in zip(*((len(p.wheres), p.ifs, p.words) for p in checked), strict=True)
    )
    if wheres > max(1, MOST_WHERE * words / 1000) or wheres > ifs + 1:
        most = sorted(checked, key=lambda p: -len(p.wheres))[:10]
        lines += [f"{p.name}:{line}: 'where'; suggestion: if" for p in most for line in p.wheres]
        lines.append(f"'where' {wheres} times, 'if' {ifs} times, in {words} words: at most {MOST_WHERE} in 1,000")
    return lines


def main(arguments: list[str]) -> int:
    """Check the named files, or all in scope; the exit code is 1 if anything was found."""
    paths = files(arguments) if arguments else files(SCOPE, SKIPPED)
    lines = report([Prose(path) for path in paths])
    print("\n".join(lines) or "prose: no findings")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
