"""Says what a notice tells: after a link that asks for one, and at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.events import LinkEnded, RunEnded, WaitStarted
from llmauto.localtime import time_of_day
from llmauto.model import Link
from llmauto.outcomes import ENDINGS, StopReason
from llmauto.rules.progress import Progress
from llmauto.rules.text import cost_words, human_duration

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts


def announce_link(parts: Parts, p: Progress, link: Link, over: LinkEnded) -> None:
    """Send a notice where the link, or the chain's every n-th link, asks for one."""
    every = parts.chain.telegram_every_n_links
    if not link.telegram_update and not (every and p.links_over % every == 0):
        return
    facts = {"link": over.link, "outcome": over.outcome}
    if over.verdict:
        facts["verdict"] = over.verdict
    parts.notifier.send(
        f"{p.chain}: link {over.link} {over.outcome}", facts | _facts(p, over.round, "RUNNING")
    )


def announce_end(parts: Parts, p: Progress, ended: RunEnded) -> None:
    """Send the notice at the end of a run."""
    facts = {"stop reason": ended.reason, "why": ended.message}
    facts |= _facts(p, max(1, p.rounds_done), ENDINGS[StopReason(ended.reason)].status.value)
    facts["next"] = f"llmauto chain status {p.chain}"
    parts.notifier.send(f"{p.chain}: {ended.reason}", facts)


def _facts(p: Progress, round_: int, status: str) -> dict[str, str]:
    cost = cost_words(p.cost_usd, p.unknown_costs)
    return {
        "chain": p.chain,
        "round": str(round_),
        "runtime": human_duration(p.runtime_s),
        "status": status,
        "cost": cost,
    }


def announce_wait(parts: Parts, p: Progress, wait: WaitStarted) -> None:
    """Tell a person that the run waits, and until when."""
    until = time_of_day(wait.until, seen_from=wait.at)
    facts = {"link": wait.link, "waits for": wait.why, "until": until} | _facts(p, p.round, "WAITING")
    if wait.ends_by:
        facts["ends at the latest"] = f"{time_of_day(wait.ends_at, seen_from=wait.at)}, `{wait.ends_by}`"
    facts["next"] = f"llmauto chain status {p.chain}"
    parts.notifier.send(f"{p.chain}: waits until {until} for {wait.why}", facts)


def announce_gate(parts: Parts, p: Progress, link: Link) -> None:
    """Tell a person that a gate waits for them."""
    facts = {"gate": link.name, "asks": link.description or "approve or deny"} | _facts(p, p.round, "WAITING")
    facts["next"] = f"llmauto chain approve {p.chain}    or: chain deny {p.chain} REASON"
    parts.notifier.send(f"{p.chain}: gate {link.name} waits for you", facts)
