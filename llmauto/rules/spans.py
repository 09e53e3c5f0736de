"""Which checkpoints bound what a run, a round or a link has changed, and which one does a rewind go to?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmauto.events import Checkpointed
from llmauto.rules.names import did_you_mean

UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one checkpoint to another. `last` is None where no later one was made: then it is up to now."""

    first: Checkpointed
    last: Checkpointed | None


def span(marks: Sequence[Checkpointed], round_: int | None, link: str | None) -> Span | None:
    """The span of a round, of a link, or of the whole run; None where there is no checkpoint of it.

    Of a link without a round it is that of the last round in which the link has played.
    """
    fits = [m for m in marks if round_ in (None, m.round) and link in (None, m.link)]
    if link is not None and round_ is None:
        fits = [m for m in fits if m.round == fits[-1].round]
    if not fits:
        return None
    first = next((m for m in fits if m.when == "before"), fits[0])
    last = fits[-1]
    return Span(first=first, last=last if last.when == "after" and last is not first else None)


def before(marks: Sequence[Checkpointed], round_: int, link: str | None) -> Checkpointed | None:
    """The checkpoint from before that round, or before a link's first call in it; None if there is none."""
    fits = [m for m in marks if m.when == "before" and m.round == round_ and link in (None, m.link)]
    return fits[0] if fits else None


def what_there_is(marks: Sequence[Checkpointed], link: str | None) -> str:
    """A hint for who asked for a checkpoint that is not there."""
    if not marks:
        return "no checkpoint was made in this run"
    links = list(dict.fromkeys(m.link for m in marks))
    if link is not None and link not in links and (near := did_you_mean(link, links)):
        return near
    rounds = sorted({m.round for m in marks})
    of = f"round {rounds[0]}" if len(rounds) == 1 else f"rounds {rounds[0]} to {rounds[-1]}"
    return f"there are checkpoints of {of}, links {', '.join(links)}"


def target(text: str) -> tuple[int, str | None] | None:
    """`ROUND` or `ROUND:LINK`; None where it is neither."""
    number, colon, link = text.partition(":")
    if not number.isdecimal() or len(number) > 9 or int(number) < 1 or (colon and not link):
        return None
    return int(number), link or None
