"""How does the page ask something of a run? As the command line does: a request in the journal."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from llmauto.cli import standing
from llmauto.cli.requests import this_person
from llmauto.home import Home
from llmauto.journal.sqlite import SqliteJournal
from llmauto.rules.advance import fold

LARGEST_TEXT = 64 * 1024
"""Characters of what is said."""

KINDS = {
    "stop": "it stops after its link",
    "stop_now": "its call gets its grace to end, then it is killed",
    "pause": "it pauses after its link",
    "resume": "it goes on",
    "steer": "the next agent is told",
    "approve": "the gate is approved",
    "deny": "the gate is denied",
}
_KEPT_AS = {"steer": "steer_afar"}
"""Words from a page did not come from the person at the keyboard: they reach an agent as a file."""
_GATES = ("approve", "deny")


class Answer(NamedTuple):
    """An HTTP status, and what to say."""

    status: int
    said: str


def ask(home: Home, chain: str, kind: Any, text: Any) -> Answer:
    """Leave the request; what comes of it, or why nothing can."""
    if kind not in KINDS or not isinstance(text, str) or "\0" in text:
        return Answer(400, "there is no such request")
    if len(text) > LARGEST_TEXT:
        return Answer(413, f"at most {LARGEST_TEXT} characters can be said")
    if kind == "steer" and not text.strip():
        return Answer(400, "there is nothing to say: the text is empty")
    with standing.reader(home) as journal:
        summary = journal.latest(chain)
        if summary is None:
            return Answer(404, "there is no such run")
        if kind in _GATES and not _gate_is_open(journal, summary.run):
            return Answer(409, "no gate is open")
    runner = standing.runner_of(home, chain) is not None
    if not runner and kind not in _GATES:
        return Answer(409, "nobody plays this run now")
    with SqliteJournal.open(home.journal) as journal:
        journal.ask(chain, _KEPT_AS.get(kind, kind), text.strip(), time.time(), f"{this_person()} (web page)")
        if kind not in _GATES and standing.runner_of(home, chain) is None:
            _take_back(journal, chain)
            return Answer(409, "the run has just ended by itself")
    if not runner:
        return Answer(200, f"{KINDS[kind]} as soon as somebody starts the chain")
    return Answer(200, KINDS[kind])


def _take_back(journal: SqliteJournal, chain: str) -> None:
    """What nobody will read must not wait for the next run; a gate's answer may."""
    for other in journal.take(chain):
        if other.kind in _GATES:
            journal.ask(chain, other.kind, other.text, other.at, other.by)


def _gate_is_open(journal: SqliteJournal, run: str) -> bool:
    progress = fold(journal.events(run))
    return progress.gate is not None and progress.answer is None
