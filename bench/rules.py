"""How many links do the rules play in a second, with a journal in memory and nothing else?

The driver does what the engine does between two calls: decide, take the events in, append them with the
run's summary. The measuring stick beside it is the same number of events carried through JSON and back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.stage import Stage, median
from llmauto import events as ev
from llmauto.journal.memory import MemoryJournal
from llmauto.model import Breakers, Chain, Link, Role
from llmauto.outcomes import Outcome
from llmauto.rules import decide as rules
from llmauto.rules.advance import advance
from llmauto.rules.progress import Progress
from llmauto.rules.routes import successor
from llmauto.rules.summary import summary

LEAST_PER_S = 20_000.0
START = 1_760_000_000.0
"""UTC epoch seconds at which the played night begins."""
OFF = Breakers(no_progress=0, failures=0, same_error=0, denials=0)
CHAIN = Chain(name="c", links=(Link(name="worker"), Link(name="reviewer", role=Role.REVIEWER)), breakers=OFF)


def figures(stage: Stage) -> Iterator[Figure]:
    """Links a second."""
    count = stage.pick(20_000, 2_000)
    took = stage.in_turns({"ours": lambda: play(count), "json": lambda: _json(count)}, stage.pick(20, 3))
    yield Figure(
        what="links of a loop by the rules, journal in memory", ours=count / median(took["ours"]), unit="/s",
        beside=count / median(took["json"]), beside_what="as JSON and back", least=LEAST_PER_S,
    )  # fmt: skip


def play(count: int) -> float:
    """Seconds that so many links take."""
    night = _Night()
    begun = time.perf_counter()
    while night.progress.links_over < count:
        step = rules.decide(CHAIN, night.progress, night.now)
        if isinstance(step, rules.PlayLink):
            night.link(step)
        elif isinstance(step, rules.EndRound):
            night.note(ev.RoundEnded(at=night.now, up=night.up, round=step.round, fingerprint=str(night.now)))
        else:
            raise RuntimeError(f"a loop of calls that all end well came to {step}")
    return time.perf_counter() - begun


class _Night:
    def __init__(self) -> None:
        self.progress = Progress()
        self.now, self.up = START, 0.0
        self._journal = MemoryJournal()
        self._events: list[ev.Event] = []
        names = tuple(link.name for link in CHAIN.links)
        self.note(ev.RunStarted(at=self.now, run="r", chain="c", links=names))

    def note(self, event: ev.Event) -> None:
        advance(self.progress, event)
        self._events.append(event)

    def link(self, step: rules.PlayLink) -> None:
        """One call that ends well, and its link; the intent goes to the journal first, as in the engine."""
        p, name = self.progress, step.link.name
        call, round_ = p.calls + 1, p.round
        self.note(_started(self.now, self.up, call, round_, name))
        self._flush()
        self.now += 60.0
        self.up += 60.0
        self.note(_ended(self.now, self.up, call, round_, name))
        self.note(
            ev.LinkEnded(
                at=self.now, up=self.up, round=round_, link=name, outcome=Outcome.DONE.value,
                goto=successor(CHAIN, name),
            )
        )  # fmt: skip

    def _flush(self) -> None:
        self._journal.append(self._events, summary(CHAIN, self.progress))
        self._events = []


def _started(at: float, up: float, call: int, round_: int, link: str) -> ev.CallStarted:
    return ev.CallStarted(at=at, up=up, call=call, round=round_, link=link, session="s")


def _ended(at: float, up: float, call: int, round_: int, link: str) -> ev.CallEnded:
    return ev.CallEnded(
        at=at, up=up, call=call, round=round_, link=link, attempt=1, outcome=Outcome.DONE.value, seconds=60.0,
        session="s", worked=True, cost_usd=0.25, input_tokens=1000, output_tokens=500,
    )  # fmt: skip


def _json(count: int) -> float:
    events: list[ev.Event] = [_started(START, 0.0, 1, 1, "worker"), _ended(START, 60.0, 1, 1, "worker")]
    begun = time.perf_counter()
    for _ in range(count):
        for event in events:
            ev.from_json(event.kind, json.loads(json.dumps(ev.to_json(event))))
    return time.perf_counter() - begun
