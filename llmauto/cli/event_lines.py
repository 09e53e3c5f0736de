"""How is an event one line: for people in `chain log`, for programs with `--json`?"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmauto.cli.output import Output
from llmauto.events import CallEnded, Event, LinkEnded, Noted, RunEnded, RunStarted, to_json
from llmauto.localtime import time_of_day
from llmauto.sayings import saying, subject

if TYPE_CHECKING:
    from llmauto.ports import Activity

NARROWEST = 12
"""Characters of the column that names round and link."""


def event_json(item: Event | Activity, run: str) -> dict[str, Any]:
    """The event as JSON values: `run`, `event` (its kind), `at`, and its fields, but for defaults.

    What an agent was seen doing is the event `activity`.
    """
    if isinstance(item, Event):
        return {"run": run, "event": item.kind, "at": item.at} | to_json(item)
    seen = {"kind": item.kind, "text": item.text, "tool": item.tool, "detail": item.detail}
    return {"run": run, "event": "activity", "at": time.time()} | seen


def print_json(out: Output, events: Sequence[Event], run: str) -> None:
    """Each event as one line of JSON."""
    for event in events:
        print(json.dumps(event_json(event, run), ensure_ascii=False), file=out.stdout)
    out.stdout.flush()


class People:
    """Prints events for people: time, round and link, what happened. Columns grow as they need to."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._width = NARROWEST

    def show(self, events: Sequence[Event], now: float) -> None:
        """One line for each event that has something to say. `now` is UTC epoch seconds."""
        said = [(event, subject(event), saying(event)) for event in events]
        said = [row for row in said if row[2]]
        self._width = max([self._width, *(len(about) for _, about, _ in said)])
        style = self._out.style
        for event, about, what in said:
            at = style(time_of_day(event.at, seen_from=now, seconds=True), "dim")
            self._out.line(f"{at}  {about.ljust(self._width)}  {_coloured(self._out, event, what)}")
        self._out.stdout.flush()


def _coloured(out: Output, event: Event, text: str) -> str:
    if isinstance(event, Noted):
        return out.style(text, "yellow")
    if isinstance(event, (RunStarted, RunEnded)):
        return out.style(text, "bold")
    if isinstance(event, CallEnded):
        return out.style(text, "green" if event.outcome in ("done", "skipped") else "red")
    return out.style(text, "red") if isinstance(event, LinkEnded) and event.failed else text
