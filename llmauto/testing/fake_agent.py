#!/usr/bin/env python3
"""A coding agent that plays a script of steps as a real process: as any program, or as `claude -p`.

It is run as a file and needs nothing installed. Its steps come, first that applies, from

    --steps STEPS           as its first argument: JSON text, or the path of a JSON file
    FAKE_STEPS              the same, in the environment
    FAKE_SCENARIO           the path of a JSON file that holds steps for each call:
                            {"links": {"worker": [[step, …], [step, …]]}, "calls": [[…]], "default": […]}

In a scenario the n-th call of a link (named by LLMAUTO_LINK) plays the n-th list of that link, the last
one ever again; where the link has none, `calls` goes by the number of the call as a whole, then `default`.
The steps themselves stand in `fake_steps`, those that only `claude` has in `fake_claude`.

Each call appends a START line, and after its last output a DONE line, to the file that FAKE_LEDGER names,
synced: that ledger is the money. The numbers of calls are counted in it. A call whose session cannot be
had costs nothing and is REFUSED instead.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from llmauto.testing.fake_claude import Claude, is_claude
from llmauto.testing.fake_steps import Stage, play

Steps = list[dict[str, Any]]


class Ledger:
    """The record of what was really begun and really finished, outside of everything that is tested."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.run = f"{os.getpid()}-{time.monotonic_ns()}"

    def add(self, event: str, **facts: object) -> None:
        """Append one line, durably."""
        if not self._path:
            return
        line = {"event": event, "run": self.run, "pid": os.getpid(), "at": time.time(), **facts}
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(fd, json.dumps(line).encode() + b"\n")
        os.fsync(fd)
        os.close(fd)

    def lines(self) -> Steps:
        """All that was recorded, oldest first."""
        if not self._path or not Path(self._path).exists():
            return []
        return [json.loads(line) for line in Path(self._path).read_text("utf-8").splitlines()]

    def numbers(self, link: str) -> tuple[int, int]:
        """Which call of its link, and which of all, this one is; from 1."""
        starts = [line for line in self.lines() if line["event"] == "START"]
        mine = next((n for n, line in enumerate(starts, 1) if line["run"] == self.run), 1)
        return sum(line["link"] == link for line in starts[:mine]) or 1, mine


def choose(scenario: dict[str, Any], link: str, of_link: int, of_all: int) -> Steps:
    """The steps of one call."""
    plays = scenario.get("links", {}).get(link)
    if plays:
        return list(plays[min(of_link, len(plays)) - 1])
    calls = scenario.get("calls", [])
    if of_all <= len(calls):
        return list(calls[of_all - 1])
    return list(scenario.get("default", [{"say": "done"}]))


def load(source: str) -> Any:
    """JSON text as it is, or that of the file it names."""
    return json.loads(source if source.lstrip()[:1] in ("[", "{") else Path(source).read_text("utf-8"))


def main(argv: list[str]) -> int:
    """Play this call; the exit code."""
    if argv[:1] == ["--version"]:
        print("2.1.331 (Claude Code)")  # noqa: T201
        return 0
    given = ""
    if argv[:1] == ["--steps"]:
        given, argv = argv[1], argv[2:]
    link = os.environ.get("LLMAUTO_LINK", "")
    ledger = Ledger(os.environ.get("FAKE_LEDGER", ""))
    claude = Claude(argv, ledger.lines()) if is_claude(argv) else None
    session = claude.session if claude else ""
    if claude and (code := claude.refuse()):
        ledger.add("REFUSED", link=link, argv=argv, session=session)
        return code
    ledger.add("START", link=link, argv=argv, cwd=str(Path.cwd()), session=session)
    given = given or os.environ.get("FAKE_STEPS", "")
    if given:
        steps = load(given)
    else:
        scenario = load(os.environ.get("FAKE_SCENARIO") or "{}")
        steps = choose(scenario, link, *ledger.numbers(link))
    stage = Stage(ledger.add)
    code = play(steps, stage, claude.step if claude else None)
    cost = claude.cost if claude else 0.0
    ledger.add("DONE", link=link, session=session, code=code, cost=cost)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
