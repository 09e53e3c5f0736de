"""How does a real run become a script? Each call and each gate's answer becomes a play of its link."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from llmauto import events as ev
from llmauto.model import Chain, Link, Role
from llmauto.rehearsal.told import path_of
from llmauto.rules.advance import advance
from llmauto.rules.progress import Progress
from llmauto.rules.routes import way_on
from llmauto.rules.text import one_line

_SECTION = r"^## Check `{link}`: .*?^`{{3,}}text\n(?P<tail>.*?)\n`{{3,}}$"


def record(chain: Chain, events: Iterable[ev.Event], handoff: Callable[[str], str | None]) -> dict[str, Any]:
    """The script, as the JSON of its file. `handoff` gives the text that was kept under a hash.

    Agents' texts are left out but for verdicts, findings and assignments; of a check its output is kept.
    """
    recorder = _Recorder(chain, handoff)
    events = tuple(events)
    for event in events:
        recorder.take(event)
    return recorder.script(path_of(events))


class _Recorder:
    """Folds the run, and notes plays on the way."""

    def __init__(self, chain: Chain, handoff: Callable[[str], str | None]) -> None:
        self._chain = chain
        self._handoff = handoff
        self._p = Progress()
        self._plays: dict[str, list[dict[str, Any]]] = {}
        self._opened_at = 0.0
        self._starts = 0
        self._played = ""
        self._words: list[tuple[str, str]] = []
        self._review: dict[str, Any] = {}

    def take(self, event: ev.Event) -> None:
        """One more event."""
        advance(self._p, event)
        if isinstance(event, (ev.RunStarted, ev.RunResumed)):
            self._starts += 1
        elif isinstance(event, ev.CallEnded):
            self._call(event)
        elif isinstance(event, ev.Reviewed):
            self._review = {"findings": list(event.findings)} if event.findings else {}
        elif isinstance(event, ev.LinkEnded):
            self._link(event)
        elif isinstance(event, ev.CheckBaseline):
            self._baseline(event)
        elif isinstance(event, ev.GateOpened):
            self._opened_at = event.at
        elif isinstance(event, ev.GateAnswered):
            self._gate(event)
        elif isinstance(event, (ev.StopAsked, ev.Steered)):
            self._said(event)

    def script(self, path: tuple[str, ...]) -> dict[str, Any]:
        """All of it."""
        p = self._p
        expect: dict[str, Any] = {"path": list(path)}
        if p.ended is not None:
            expect = {"stop_reason": p.ended.reason, "rounds": p.rounds_done} | expect
        script: dict[str, Any] = {"description": f"recorded from run {p.run}"}
        if p.started is not None and p.started.task:
            script["task"] = p.started.task
        if p.started is not None and p.started.inputs:
            script["inputs"] = dict(p.started.inputs)
        script |= {"rounds": p.max_rounds} if p.max_rounds else {}
        script |= {"budget_usd": p.budget_usd} if p.budget_usd is not None else {}
        script |= {"starts": self._starts} if self._starts > 1 else {}
        return script | {"plays": self._plays, "expect": expect}

    def _last(self, link: str) -> dict[str, Any]:
        plays = self._plays.setdefault(link, [{}])
        return plays[-1]

    def _call(self, e: ev.CallEnded) -> None:
        play: dict[str, Any] = {"seconds": e.seconds}
        if self._is(e.link, Role.CHECK):
            play |= {"exit_code": e.exit_code} if e.exit_code else {}
        elif e.cost_usd != 0:
            play["cost_usd"] = e.cost_usd
        if e.outcome != "done":
            play["outcome"] = e.outcome
            play |= {"message": one_line(e.message, 200)} if e.message else {}
            play |= {"worked": False} if not e.worked and not self._is(e.link, Role.CHECK) else {}
        if e.denials:
            play["denials"] = list(e.denials)
        if e.reset_at is not None:
            play["resets_after_seconds"] = round(max(0.0, e.reset_at - e.at), 3)
        play |= self._review | dict(self._words)
        self._review, self._words = {}, []
        self._plays.setdefault(e.link, []).append(play)
        self._played = e.link

    def _link(self, e: ev.LinkEnded) -> None:
        link = self._chain.link(e.link)
        if link is None or link.role is Role.GATE:
            return
        if link.role is Role.CHECK:
            self._output(link, e)
            return
        play = self._last(e.link)
        if e.verdict:
            play["verdict"] = e.verdict
        if e.assigned:
            play["assigns"] = list(e.assigned)
        if e.claims in ("ALL_DONE", "STOPPED") and way_on(self._chain, link, e.verdict).claims != e.claims:
            play["status"] = e.claims

    def _output(self, link: Link, e: ev.LinkEnded) -> None:
        """What the check printed stands in the handoff that it left."""
        section = _SECTION.format(link=re.escape(link.name))
        found = re.search(section, self._handoff(e.handoff) or "", re.MULTILINE | re.DOTALL)
        if found is not None and found["tail"].strip():
            self._last(link.name)["output"] = found["tail"]

    def _baseline(self, e: ev.CheckBaseline) -> None:
        """Its output was not kept, its ids were: they are put into the words of a ready-made pattern."""
        link = self._chain.link(e.link)
        form = _LINES.get(link.failures or "") if link is not None else None
        if form is not None and e.failing:
            self._last(e.link)["output"] = "\n".join(form.format(name) for name in e.failing)

    def _gate(self, e: ev.GateAnswered) -> None:
        play: dict[str, Any] = {"seconds": round(max(0.0, e.at - self._opened_at), 3)}
        if e.by != "time-out":
            play["answer"] = "approve" if e.approved else "deny"
            play |= {"reason": e.reason} if e.reason else {}
        self._plays.setdefault(e.link, []).append(play)

    def _said(self, e: ev.StopAsked | ev.Steered) -> None:
        """What a person said while a call was under way is played again in that call."""
        if isinstance(e, ev.Steered):
            said = ("steer", e.text)
            by_a_person = bool(e.by)  # a gate's reason is said by the engine
        else:
            said = ("stop", e.reason)
            by_a_person = e.source in ("command", "file")
        visit = self._p.visit
        if not by_a_person:
            return
        if visit is not None and visit.open is not None:
            self._words.append(said)
        elif self._played:  # heard when the call had just ended
            self._last(self._played).update([said])

    def _is(self, link: str, role: Role) -> bool:
        found = self._chain.link(link)
        return found is not None and found.role is role


_LINES = {
    "pytest": "FAILED {}",
    "unittest": "FAIL: {}",
    "go": "--- FAIL: {}",
    "cargo": "test {} ... FAILED",
    "jest": "  ● {}",
}
