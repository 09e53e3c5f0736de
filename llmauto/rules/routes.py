"""Where does the marble roll after a link: on, back, or out?"""

from __future__ import annotations

from typing import NamedTuple

from llmauto.model import Chain, Link, Mode
from llmauto.rules.progress import Progress

ANY_OTHER = "*"


class Way(NamedTuple):
    """`goto` is the next link, "" where the round is over. `claims` is what the route says of the run."""

    goto: str
    claims: str = ""


def successor(chain: Chain, link: str) -> str:
    """The name of the link that follows in the file, "" where the round is then over."""
    place = chain.index(link) + 1
    return chain.links[place].name if 0 < place < len(chain.links) else ""


def way_on(chain: Chain, link: Link, verdict: str) -> Way:
    """The way that the link's routes give this verdict; without one, just the next link."""
    following = successor(chain, link.name)
    if chain.mode is not Mode.CONDITIONAL:
        return Way(following)
    target = link.on.get(verdict) or link.on.get(ANY_OTHER) or "next"
    if target == "next":
        return Way(following)
    if target == "done":
        return Way(following, "ALL_DONE")
    if target == "stop":
        return Way(following, "BLOCKED" if verdict == "BLOCKED" else "STOPPED")
    return Way(target)


def visited_too_often(chain: Chain, link: Link, p: Progress) -> str | None:
    """A sentence where the link has been visited as often in this round as its bound allows."""
    most = chain.max_visits if link.max_visits is None else link.max_visits
    visits = p.visits.get(link.name, 0)
    if chain.mode is not Mode.CONDITIONAL or not most or visits < most:
        return None
    return f"link `{link.name}` was visited {visits} times in round {p.round} (`max_visits`): what now?"
