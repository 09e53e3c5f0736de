"""Did time make a leap between two looks at the clocks: a machine that slept, a clock that was set?

Nothing hangs on the answer but a word to people: limits of time are measured by clocks that do not leap,
and the keeper leaves gaps out of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from llmauto.rules.text import human_duration

GAP_S = 60.0
"""Seconds; a smaller leap is none (fault table, T3). The keeper's `child.clock` has the same."""


class Look(NamedTuple):
    """Both clocks at one moment: UTC epoch seconds, and monotonic seconds."""

    wall: float
    up: float


def leap(before: Look, now: Look, longest_pause_s: float) -> tuple[str, str] | None:
    """(code, sentence) for a person where there was a leap. Looks are due once per `longest_pause_s`."""
    stood = now.up - before.up
    ahead = now.wall - before.wall - stood
    if stood > GAP_S + longest_pause_s:
        return "suspended", f"nothing ran for {human_duration(stood)}: the machine slept, or we were stopped"
    if ahead > GAP_S:
        ahead_for = human_duration(ahead)
        return "suspended", f"the machine slept for {ahead_for}, or its clock was set on by that much"
    if ahead < -GAP_S:
        return "clock", f"the machine's clock was set back by {human_duration(-ahead)}"
    return None
