"""Is a part of the subscription to be left for the person? By the usage windows that the CLI streams."""

from __future__ import annotations

from llmauto.model import Quota
from llmauto.rules.progress import Progress
from llmauto.rules.table import LIMIT_SLACK_S, LIMIT_STEPS_S

WINDOWS = {"five_hour": "reserve_5h", "seven_day": "reserve_7d"}
"""The CLI's names of its windows, and the key that keeps a part of each."""


def held_back(quota: Quota | None, p: Progress, now: float) -> tuple[float, str] | None:
    """(until when in UTC epoch seconds, why) no call is to be made; None where one may be.

    A window whose reset has passed holds nothing back: what it says is old.
    """
    if quota is None:
        return None
    for name, window in sorted(p.windows.items()):
        resets = window.resets_at or window.at + LIMIT_STEPS_S[-1]
        if resets <= now:
            continue
        if window.overage and not quota.overage_allowed:
            return resets + LIMIT_SLACK_S, f"quota: `{name}` is in overage, which `overage` does not allow"
        key = WINDOWS.get(name)
        reserve = getattr(quota, key) if key else 0.0
        if key and reserve and window.used >= 1 - reserve:
            used = f"{window.used:.0%} of `{name}` used"
            return resets + LIMIT_SLACK_S, f"quota: {used}, `{key}` keeps {reserve:.0%}"
    return None
