"""A question and its reply as files between two processes: JSON and plain arrays, nothing that can be executed."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from deltaprop.core.spec import make_spec
from deltaprop.verify.usercode.collect import Answer, Manner, Reply
from deltaprop.verify.usercode.layouts import LAYOUTS
from deltaprop.verify.usercode.question import Question


def write_question(folder: Path, question: Question, manner: Manner, **more: Any) -> None:
    """question.json and question.npz in this folder; only networks of built-in activations and costs can travel."""
    spec = question.spec
    facts = {
        "sizes": spec.sizes,
        "activations": [activation.name for activation in spec.activations],
        "cost": spec.cost.name,
        "dtype": spec.dtype.name,
        "manner": asdict(manner),
        **more,
    }
    (folder / "question.json").write_text(json.dumps(facts), "utf-8")
    np.savez(folder / "question.npz", theta=question.theta, X=question.X, Y=question.Y)


def read_question(folder: Path) -> tuple[Question, Manner, dict[str, Any]]:
    """What `write_question` wrote."""
    facts = json.loads((folder / "question.json").read_text("utf-8"))
    *hidden, output = facts["activations"]
    spec = make_spec(facts["sizes"], hidden, output, facts["cost"], facts["dtype"])
    with np.load(folder / "question.npz", allow_pickle=False) as arrays:
        question = Question(spec, arrays["theta"], arrays["X"], arrays["Y"])
    return question, Manner(**facts["manner"]), facts


def write_reply(folder: Path, reply: Reply) -> None:
    """reply.npz, then reply.json: the latter is there only if the former is."""
    answers = reply.singles + ([reply.batch] if reply.batch else [])
    arrays = {}
    for i, answer in enumerate(answers):
        for name in ("dW", "db", "deltas"):
            arrays.update({f"{i}.{name}.{l}": array for l, array in enumerate(getattr(answer, name))})
        if answer.outputs is not None:
            arrays[f"{i}.outputs"] = answer.outputs
    np.savez(folder / "reply.npz", **arrays)
    plain = {f.name: getattr(reply, f.name) for f in fields(reply) if f.name not in ("layout", "singles", "batch")}
    rest = [{"cost": answer.cost, "changed": answer.changed} for answer in answers]
    facts = {**plain, "layout": reply.layout.name, "batch": reply.batch is not None, "answers": rest}
    (folder / "reply.json").write_text(json.dumps(facts), "utf-8")


def read_reply(folder: Path) -> Reply:
    """What `write_reply` wrote."""
    facts = json.loads((folder / "reply.json").read_text("utf-8"))
    rest, batched = facts.pop("answers"), facts.pop("batch")
    with np.load(folder / "reply.npz", allow_pickle=False) as arrays:
        answers = [
            Answer(
                **{name: _listed(arrays, f"{i}.{name}.") for name in ("dW", "db", "deltas")},
                cost=more["cost"],
                outputs=arrays.get(f"{i}.outputs"),
                changed=tuple(more["changed"]),
            )
            for i, more in enumerate(rest)
        ]
    batch = answers.pop() if batched else None
    return Reply(layout=LAYOUTS[facts.pop("layout")], singles=answers, batch=batch, **facts)


def _listed(arrays: Any, start: str) -> list[Any]:
    return [arrays[f"{start}{l}"] for l in range(sum(name.startswith(start) for name in arrays.files))]
