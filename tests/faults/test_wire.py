"""Question and reply survive their way between two processes."""

from __future__ import annotations

import numpy as np
import pytest
import right_codes as codes
from kinds import KINDS, of_kind

from deltaprop.verify.usercode.collect import Manner, collect
from deltaprop.verify.usercode.judge import described
from deltaprop.verify.usercode.question import ask
from deltaprop.verify.usercode.theirs import UserCode
from deltaprop.verify.usercode.wire import read_question, read_reply, write_question, write_reply


@pytest.mark.parametrize("code", [codes.KeepsItsDeltas, codes.Rows, codes.pairs_and_sum])
def test_there_and_back(code, tmp_path, dtype):
    kind = KINDS["classes"]
    question = ask(described(kind.sizes, dtype=dtype, **kind.options), None, None, None, 0)
    write_question(tmp_path, question, Manner(targets="rows"), more=1)
    asked, manner, facts = read_question(tmp_path)
    assert (asked.spec.architecture(), manner.targets, facts["more"]) == (question.spec.architecture(), "rows", 1)
    np.testing.assert_array_equal(asked.theta, question.theta)

    reply = collect(UserCode(of_kind(code, kind)), asked, manner)
    write_reply(tmp_path, reply)
    back = read_reply(tmp_path)
    assert (back.style, back.layout, back.container) == (reply.style, reply.layout, reply.container)
    assert (back.batch is None) == (reply.batch is None)
    for old, new in zip(reply.singles, back.singles, strict=True):
        for name in ("dW", "db", "deltas"):
            for left, right in zip(getattr(old, name), getattr(new, name), strict=True):
                np.testing.assert_array_equal(left, right)
        assert old.cost == pytest.approx(new.cost, nan_ok=True)
