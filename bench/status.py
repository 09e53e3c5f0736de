"""How long does `status` take over a home with a thousand chains and a long past?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from bench.figures import Figure
from bench.stage import Home, Stage, median, new_home
from llmauto import events as ev
from llmauto.journal.sqlite import SqliteJournal
from llmauto.model import Chain, Link
from llmauto.outcomes import Outcome, StopReason
from llmauto.rules.advance import fold
from llmauto.rules.summary import summary

MOST_MS = 200.0
LINKS_OF_A_RUN = 32
"""Of three events each; with what begins and ends a run that is 100."""


def figures(stage: Stage) -> Iterator[Figure]:
    """Beside a Python that does nothing, and beside an empty home."""
    chains = stage.pick(1000, 100)
    empty, full = new_home(stage.folder / "empty"), new_home(stage.folder / "full")
    events = _fill(full, chains)
    took = stage.in_turns(
        {
            "full": lambda: full.seconds(full.argv("status")),
            "empty": lambda: empty.seconds(empty.argv("status")),
            "bare": lambda: empty.seconds([sys.executable, "-c", "pass"]),
        },
        stage.pick(30, 5),
    )
    ms = {name: median(values) * 1000 for name, values in took.items()}
    what = f"`status` over {chains:,} chains, {events:,} events"
    yield Figure(
        what=what,
        ours=ms["full"],
        unit="ms",
        beside=ms["empty"],
        beside_what="in an empty home",
        most=MOST_MS,
    )
    yield Figure(
        what="the same", ours=ms["full"], unit="ms", beside=ms["bare"], beside_what="`python -c pass`"
    )


def _fill(home: Home, chains: int) -> int:
    """Write chains and a run of each; the number of events."""
    written = 0
    folder = home.folder / "chains"
    with SqliteJournal.open(home.folder / "journal.db") as journal:
        for number in range(chains):
            name = f"chain-{number:04d}"
            text = json.dumps({"max_rounds": 9, "links": [{"name": "w", "prompt": "work"}]})
            (folder / f"{name}.json").write_text(text, encoding="utf-8")
            events = list(_run(name, 1_760_000_000.0 + number))
            journal.append(events, summary(Chain(name=name, links=(Link(name="w"),)), fold(events)))
            written += len(events)
    return written


def _run(chain: str, at: float) -> Iterator[ev.Event]:
    """The events of a run that a person stopped."""
    yield ev.RunStarted(at=at, run=f"run-of-{chain}", chain=chain, links=("w",), task="something to do")
    for call in range(1, LINKS_OF_A_RUN + 1):
        up = call * 60.0
        yield ev.CallStarted(at=at + up, up=up, call=call, round=call, link="w", session="s")
        yield ev.CallEnded(
            at=at + up, up=up, call=call, round=call, link="w", attempt=1, outcome=Outcome.DONE.value,
            seconds=60.0, session="s", worked=True, cost_usd=0.25,
        )  # fmt: skip
        yield ev.LinkEnded(at=at + up, up=up, round=call, link="w", outcome=Outcome.DONE.value)
    up = LINKS_OF_A_RUN * 60.0
    yield ev.StopAsked(at=at + up, up=up, reason="enough for today")
    reason = StopReason.STOP_REQUESTED.value
    yield ev.Noted(at=at + up, up=up, code="warning", message="something to know")
    yield ev.RunEnded(at=at + up, up=up, reason=reason, message="enough for today", exit_code=3)
