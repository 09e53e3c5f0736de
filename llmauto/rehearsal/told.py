"""How did it go? The path of a run, step by step, with the reason of each decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from llmauto import events as ev
from llmauto.model import Chain, Mode
from llmauto.rules.routes import ANY_OTHER
from llmauto.rules.text import dollars, human_duration
from llmauto.sayings import saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened. `at_s` is virtual seconds since the first start.

    `kind`: start, call, end, over, skip, wait, round, gate, person, note, finish. `text` says what happened,
    `why` for what reason the rules chose it ("" where there was nothing to choose).
    """

    at_s: float
    kind: str
    round: int = 0
    link: str = ""
    text: str = ""
    why: str = ""


def path_of(events: Iterable[ev.Event]) -> tuple[str, ...]:
    """The links that were visited, in order; further attempts and calls before round 1 are no visits."""
    path = []
    for event in events:
        visit = isinstance(event, ev.CallStarted) and event.attempt == 1 and not event.baseline
        if visit or isinstance(event, ev.GateOpened):
            path.append(getattr(event, "link", ""))
    return tuple(path)


def steps_of(chain: Chain, events: Iterable[ev.Event]) -> tuple[Step, ...]:
    """Everything worth telling."""
    teller = _Teller(chain)
    return tuple(step for event in events if (step := teller.tell(event)) is not None)


def as_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The steps for programs."""
    return [asdict(step) for step in steps]


class _Teller:
    """Reads events in order, and remembers where the marble came from."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._began: float | None = None
        self._came = "where the chain begins"
        self._tell: dict[type[ev.Event], Callable[[Any], tuple[str, str, str]]] = {
            ev.RunStarted: lambda e: ("start", "the chain is started", ""),
            ev.RunResumed: self._resumed,
            ev.CallStarted: self._call,
            ev.CallEnded: self._ended,
            ev.LinkEnded: self._over,
            ev.LinkSkipped: self._skipped,
            ev.WaitStarted: lambda e: ("wait", saying(e), "no call may be made before"),
            ev.RoundEnded: self._round,
            ev.GateOpened: self._gate,
            ev.GateAnswered: lambda e: ("person", saying(e), ""),
            ev.StopAsked: lambda e: ("person", saying(e), ""),
            ev.Steered: lambda e: ("person", saying(e), ""),
            ev.CheckBaseline: lambda e: ("note", saying(e), ""),
            ev.Reviewed: self._reviewed,
            ev.Noted: lambda e: ("note", saying(e), ""),
            ev.RunEnded: lambda e: ("finish", f"ended, {e.reason} · exit code {e.exit_code}", e.message),
        }

    def tell(self, event: ev.Event) -> Step | None:
        """The event as a step; None where it says nothing new."""
        if self._began is None:
            self._began = event.at
        say = self._tell.get(type(event))
        if say is None:
            return None
        kind, text, why = say(event)
        if not text:
            return None
        return Step(
            at_s=round(event.at - self._began, 3), kind=kind, round=getattr(event, "round", 0),
            link=getattr(event, "link", ""), text=text, why=why,
        )  # fmt: skip

    def _resumed(self, e: ev.RunResumed) -> tuple[str, str, str]:
        self._came = "where the run stopped"
        return "start", "the chain is started again, and its run goes on", ""

    def _call(self, e: ev.CallStarted) -> tuple[str, str, str]:
        if e.baseline:
            return "call", "is run before round 1", "its `baseline`"
        if e.attempt > 1:
            how = " in its session" if e.resumed else ""
            return "call", f"is called again{how}, attempt {e.attempt}", e.why
        return "call", "is called" + (" in its session" if e.resumed else ""), e.why or self._came

    def _gate(self, e: ev.GateOpened) -> tuple[str, str, str]:
        return "gate", "waits for a person", self._came

    def _ended(self, e: ev.CallEnded) -> tuple[str, str, str]:
        took = f"{e.outcome} after {human_duration(e.seconds)}"
        code = f", exit code {e.exit_code}" if e.exit_code is not None else ""
        cost = ", cost unknown" if e.cost_usd is None else f", {dollars(e.cost_usd)}" if e.cost_usd else ""
        said = f": {e.message}" if e.message and (code or e.outcome != "done") else ""
        return "end", f"{took}{code}{cost}{said}", ""

    def _over(self, e: ev.LinkEnded) -> tuple[str, str, str]:
        self._came = f"behind `{e.link}` in the file"
        to = f"on to `{e.goto}`" if e.goto else "the round is over"
        if e.asks:
            return "over", "a person is asked", e.asks
        if e.claims:
            return "over", f"the run is to end: {e.claims}", self._route(e) or "its `status.txt`"
        failed = "failed for good; " if e.failed else ""
        return "over", failed + to, self._route(e)

    def _route(self, e: ev.LinkEnded) -> str:
        """Which route was taken, if one was."""
        link = self._chain.link(e.link)
        if link is None or self._chain.mode is not Mode.CONDITIONAL or not link.on:
            return f"verdict {e.verdict}" if e.verdict else ""
        word = e.verdict if e.verdict in link.on else ANY_OTHER if ANY_OTHER in link.on else ""
        if not word:
            return f"verdict {e.verdict}, which has no route" if e.verdict else "no verdict, so no route"
        return f'verdict {e.verdict or "none"}, `"on": {{"{word}": "{link.on[word]}"}}`'

    def _skipped(self, e: ev.LinkSkipped) -> tuple[str, str, str]:
        self._came = f"behind `{e.link}` in the file"
        return "skip", "is passed over", e.why

    def _round(self, e: ev.RoundEnded) -> tuple[str, str, str]:
        self._came = "a new round begins"
        return "round", f"round {e.round} is over", ""

    def _reviewed(self, e: ev.Reviewed) -> tuple[str, str, str]:
        found = f"{len(e.findings)} open: {', '.join(e.findings)}" if e.findings else "nothing open"
        return "note", f"{found} ({e.trend})", ""
