"""What does a person's answer to a gate mean: where does the marble roll, and who is told what?"""

from __future__ import annotations

from llmauto.events import GateAnswered
from llmauto.model import Chain, Link
from llmauto.rules.routes import ANY_OTHER, Way, way_on

APPROVED, DENIED = "APPROVED", "DENIED"


def verdict_of(answer: GateAnswered) -> str:
    """APPROVED or DENIED."""
    return APPROVED if answer.approved else DENIED


def way_after(chain: Chain, link: Link, answer: GateAnswered) -> Way:
    """By the gate's routes; a denial that has none ends the run, and the next start asks again."""
    verdict = verdict_of(answer)
    way = way_on(chain, link, verdict)
    if not answer.approved and verdict not in link.on and ANY_OTHER not in link.on:
        return Way(link.name, "BLOCKED")
    return way


def said(answer: GateAnswered) -> str:
    """`approved by ann@box: looks right`."""
    return f"{verdict_of(answer).lower()} by {answer.by}" + (f": {answer.reason}" if answer.reason else "")
