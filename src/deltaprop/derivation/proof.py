"""What `derive` gives: the steps, to read, to prove and to verify; it shows itself in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deltaprop.derivation import beyond, book
from deltaprop.derivation.proving import StepProof, prove
from deltaprop.derivation.steps import Section, Step
from deltaprop.derivation.verifying import StepCheck, Verification, verify
from deltaprop.errors import ArgumentTypeError, one_of, sentence
from deltaprop.network import Network

SECTIONS = {
    section.key: section
    for section in (book.BP1, book.BP2, book.BP3, book.BP4, beyond.SOFTMAX, beyond.BATCH, beyond.INPUT)
}


@dataclass(frozen=True)
class Derivation:
    """The derivation of an equation, or of all: `sections`, each with its `steps`; `prove()` and `verify(net, X, Y)`.

    `str` is plain text, `to_html` a page that needs no network, `to_latex` a document that compiles, `to_dict` plain
    data. `proofs` and `checks` are what `proved()` and `verified(...)` have found, by the steps' keys.
    """

    sections: tuple[Section, ...]
    proofs: dict[str, StepProof] = field(default_factory=dict, repr=False)
    verification: Verification | None = field(default=None, repr=False)
