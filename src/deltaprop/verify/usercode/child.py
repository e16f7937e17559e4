"""The child process in which a user's file runs: `python -m deltaprop.verify.usercode.child FOLDER`.

It sets its own limits, imports the file, calls the function, and leaves reply.json or error.json in the folder. Past
the time limit it writes its current line, and ends itself.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from pathlib import Path

from deltaprop.errors import CodeError, DeltapropError
from deltaprop.verify.usercode.collect import collect
from deltaprop.verify.usercode.theirs import load
from deltaprop.verify.usercode.wire import read_question, write_reply


def main(folder: Path) -> None:
    """Answer the question in this folder."""
    question, manner, facts = read_question(folder)
    _limit_memory(facts["memory_limit"])
    with (folder / "late.txt").open("w") as late:
        faulthandler.dump_traceback_later(facts["time_limit"], exit=True, file=late)
        try:
            target = load(Path(facts["file"]), facts["name"])
            write_reply(folder, collect(target, question, manner))
        except DeltapropError as error:
            text = error.text if isinstance(error, CodeError) else str(error)
            told = {"kind": type(error).__name__, "text": text, "traceback": getattr(error, "traceback", "")}
            (folder / "error.json").write_text(json.dumps(told), "utf-8")
        finally:
            faulthandler.cancel_dump_traceback_later()


def _limit_memory(megabytes: int) -> None:
    """The address space of this process from now on; Windows has no such limit."""
    if sys.platform == "win32":
        return
    import resource

    size = megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
