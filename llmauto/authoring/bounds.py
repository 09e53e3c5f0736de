"""When does a chain's run end for certain: what do its deadline and its other bounds say?"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

from llmauto.authoring.draft import Draft
from llmauto.model import Chain
from llmauto.rules.text import quoted

_FORM = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*(?P<zone>Z|z|[+-]\d{2}:?\d{2})?)?"
)
_HINT = "expected a date `2030-12-31` or a date and time `2030-12-31T18:00`"


def parse_deadline(text: str) -> datetime | None:
    """The aware UTC time that an ISO date or date and time means; None if it means none.

    A date means the end of that day here, a time without a zone is this machine's.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return None
    try:
        day = date.fromisoformat(match["date"])
        if match["clock"] is None:
            # The last day that there is has no next one.
            moment = datetime.combine(day if day == date.max else day + timedelta(days=1), time())
        else:
            moment = datetime.combine(day, time.fromisoformat(match["clock"]))
        return _in_zone(moment, match["zone"])
    except (ValueError, OverflowError, OSError):
        return None


def _in_zone(moment: datetime, zone: str | None) -> datetime:
    if zone is None:
        return moment.astimezone(timezone.utc)
    if zone in ("Z", "z"):
        return moment.replace(tzinfo=timezone.utc)
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    return moment.replace(tzinfo=timezone(offset)).astimezone(timezone.utc)


def read_deadline(draft: Draft) -> datetime | None:
    """The chain's deadline; a wrong one is an error, one that is past a warning."""
    text = draft.values.get("deadline")
    if not text:
        return None
    deadline = parse_deadline(text)
    if deadline is None:
        draft.problems.error(("deadline",), f"{_HINT}, found {quoted(text)}")
    elif deadline <= draft.now:
        draft.problems.warn(("deadline",), f"the deadline {quoted(text)} is past: a run would end at once")
    return deadline


def check_bounded(draft: Draft, chain: Chain) -> None:
    """A loop that nothing ends is worth a warning; without breakers too, it is refused."""
    bounds = (
        chain.max_rounds,
        chain.runtime_s,
        chain.deadline,
        chain.budget_usd is not None,
        chain.budget_tokens,
    )
    keys = {"max_rounds", "runtime_hours", "deadline", "budget_usd", "budget_tokens", "mode", "breakers"}
    if chain.mode.single_pass or any(bounds) or keys & draft.broken:
        return
    ways = "`max_rounds`, `runtime_hours`, `deadline` or `budget_usd`"
    if chain.breakers.all_off:
        message = f"nothing would ever end this loop: give it {ways}, or leave a breaker on"
        draft.problems.error(("breakers",), message)
    else:
        message = f"this loop has no bound but its breakers: give it {ways}"
        draft.problems.warn(("mode",) if "mode" in draft.values else (), message)
