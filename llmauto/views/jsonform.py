"""How does a picture of a run travel? As JSON, whole once and then in patches.

The keys are documented in `docs/reference/views.md`. What is at its default is left out of bars and
attempts: a run of thousands of them is to open at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from llmauto.outcomes import Outcome
from llmauto.rules.hints import hint_for
from llmauto.views.headline import Headline
from llmauto.views.reduce import RunView
from llmauto.views.values import Attempt, Bar, Round, Said, Trouble

ROUNDS_AT_ONCE = 200
"""Rounds that come with the whole; earlier ones are asked for when somebody looks at them."""
NEWEST = 200
"""Remarks and errors that come with the whole."""

_BAR = {f.name: f.default for f in fields(Bar) if f.name != "attempts"}
_ATTEMPT = {f.name: f.default for f in fields(Attempt)}
_ROUND = tuple(f.name for f in fields(Round))


def whole(view: RunView, head: Headline) -> dict[str, Any]:
    """All of it; of a long run only its newest rounds, from `bars_from` on, with their bars."""
    newest = max(view.rounds, default=0)
    first = max(newest - ROUNDS_AT_ONCE + 1, 0) if newest > ROUNDS_AT_ONCE else 0
    p = view.progress
    return {
        "seen": view.seen,
        "head": head_json(head),
        "links": [*dict.fromkeys([*p.links, *view.links])],
        "link_sums": [asdict(total) for total in view.links.values()],
        "rounds": [round_json(one) for one in view.rounds.values() if one.round >= first],
        "bars_from": first,
        "bars": bars_json(bar for bar in view.bars if bar.round >= first),
        "pauses": [asdict(pause) for pause in view.pauses[-NEWEST:]],
        "said": [said_json(one) for one in view.said[-NEWEST:]],
        "errors": [error_json(one) for one in view.troubles[-NEWEST:]],
        "error_count": len(view.troubles),
        "windows": [asdict_event(window) for window in p.windows.values()],
        "settings": dict(p.settings),
    }


def patch(view: RunView, head: Headline, *, said_from: int, errors_from: int) -> dict[str, Any]:
    """What has changed since `RunView.clear_changes`; both counts are what was known then."""
    return {
        "seen": view.seen,
        "head": head_json(head),
        "links": [*dict.fromkeys([*view.progress.links, *view.links])],
        "rounds": [round_json(view.rounds[n]) for n in sorted(view.changed_rounds) if n in view.rounds],
        "bars": bars_json(view.bars[i] for i in sorted(view.changed_bars)),
        "pauses": [asdict(pause) for pause in view.pauses[-NEWEST:]],
        "said": [said_json(one) for one in view.said[said_from:]],
        "errors": [error_json(one) for one in view.troubles[errors_from:]],
        "error_count": len(view.troubles),
    }


def head_json(head: Headline) -> dict[str, Any]:
    """The headline; what is not there is null, never 0 or ""."""
    values = {f.name: getattr(head, f.name) for f in fields(head)}
    values["needs"] = [asdict(need) for need in head.needs]
    for name in ("since", "wait_until", "ended_at", "ends_at", "deadline", "runtime_limit_s", "max_rounds"):
        values[name] = values[name] or None
    for name in ("link", "model", "wait_why", "ends_by", "stop_reason", "message", "task"):
        values[name] = values[name] or None
    if head.unknown_costs and not head.cost_usd:
        values["cost_usd"] = None
    return values


def bars_json(bars: Iterable[Bar]) -> list[dict[str, Any]]:
    """Bars without what is at its default."""
    found = []
    for bar in bars:
        one = {k: v for k, default in _BAR.items() if (v := getattr(bar, k)) != default or k == "index"}
        one["attempts"] = [
            {k: v for k, default in _ATTEMPT.items() if (v := getattr(a, k)) != default} for a in bar.attempts
        ]
        found.append(one)
    return found


def round_json(one: Round) -> dict[str, Any]:
    """A round's sums. `cost_usd` is null where every cost is unknown."""
    values = {name: getattr(one, name) for name in _ROUND}  # `asdict` takes ten times as long
    if one.unknown_costs and not one.cost_usd:
        values["cost_usd"] = None
    return values


def said_json(one: Said) -> dict[str, Any]:
    """A remark, or what a person asked for."""
    return one._asdict()


def error_json(one: Trouble) -> dict[str, Any]:
    """An error, with what mends it."""
    hint = hint_for(Outcome(one.outcome), one.message, backend=one.backend or "claude") if one.call else None
    return {**one._asdict(), "hint": hint}


def asdict_event(event: Any) -> dict[str, Any]:
    """An event's own fields."""
    return {f.name: getattr(event, f.name) for f in fields(event) if f.name not in ("up",)}
