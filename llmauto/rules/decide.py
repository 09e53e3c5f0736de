"""What comes next in a run? One pure function from where it stands to one step."""

from __future__ import annotations

from dataclasses import dataclass

from llmauto.events import LinkEnded
from llmauto.model import WITHOUT_SESSIONS, Chain, Link, Mode, OnFailure, Role
from llmauto.outcomes import Outcome, StopReason
from llmauto.rules import bounds, breakers
from llmauto.rules.bounds import Spent
from llmauto.rules.checks import FAILED
from llmauto.rules.hints import with_hint
from llmauto.rules.progress import Progress, Visit
from llmauto.rules.quota import held_back
from llmauto.rules.retry import Again, GiveUp, Over, next_move
from llmauto.rules.routes import ANY_OTHER, successor, visited_too_often, way_on
from llmauto.rules.text import utc


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayLink:
    """Make a call for this link: attempt `attempt` of its visit.

    `resume` goes on in the existing `session`; with `session` "" the engine chooses a new one.
    `interrupted` says that the prompt is not sent again: the agent is told to go on.
    """

    link: Link
    attempt: int = 1
    session: str = ""
    resume: bool = False
    interrupted: bool = False
    fallback: bool = False
    baseline: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    """A call was begun and its end is not known: find it before anything else."""

    link: Link
    visit: Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipLink:
    """Pass over this link, at no cost."""

    link: Link
    goto: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailLink:
    """No attempt is left: the link has failed for good. A check that cannot be run counts as FAILED."""

    link: Link
    visit: Visit
    goto: str
    verdict: str = ""
    claims: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRound:
    """All links of the round are over."""

    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Play nothing before `until`, UTC epoch seconds."""

    link: Link
    until: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The run ends."""

    reason: StopReason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A person asked for a pause: stand still until they say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskGate:
    """A gate waits for a person's answer."""

    link: Link


Step = PlayLink | Recover | SkipLink | FailLink | EndRound | Wait | Pause | AskGate | Finish


def decide(chain: Chain, progress: Progress, now: float, spent: Spent | None = None) -> Step:
    """The next step. `now` is UTC epoch seconds; all else is in the events that led to `progress`."""
    visit = progress.visit
    link = chain.link(visit.link) if visit else None
    if visit is not None and link is not None:
        if visit.open is not None:
            return Recover(link=link, visit=visit)
        return _within_visit(chain, link, visit, progress, now, spent)
    if progress.round_open and not progress.next_link:
        return EndRound(round=progress.round)
    return _why_finish(chain, progress, now, spent) or _next_link(chain, progress, now)


def _within_visit(
    chain: Chain, link: Link, visit: Visit, p: Progress, now: float, spent: Spent | None
) -> Step:
    move = Again() if visit.renewed else next_move(chain, link, visit, p.run, now)
    if isinstance(move, GiveUp) and _steered_now(p, visit):
        move = Again()
    if isinstance(move, GiveUp):
        if visit.last is not None and visit.last.outcome == Outcome.STOPPED.value:
            return _stopped(p) or Finish(reason=move.reason, message=move.message)
        return Finish(reason=move.reason, message=move.message)
    if isinstance(move, Over):
        return _out_of_money(chain, visit, p, now, spent) or _failed(chain, link, visit)
    finish = _stopped(p) or _bound(chain, p, now, spent)
    if finish is not None:
        return finish
    if p.paused:
        return Pause()
    if move.not_before > now and not visit.waited:
        until = bounds.latest_wait(chain, p, move.not_before, now)
        return Wait(link=link, until=until, why=move.waits_for)
    return _attempt_again(link, visit, move)


def _out_of_money(chain: Chain, visit: Visit, p: Progress, now: float, spent: Spent | None) -> Finish | None:
    """The call was ended by what was left of the run's or the day's money: with more of it, it goes on."""
    capped = visit.last is not None and visit.last.outcome == Outcome.BUDGET.value
    bound = bounds.reached(chain, p, now, spent) if capped else None
    return Finish(reason=bound[0], message=bound[1]) if bound and bound[0] is StopReason.BUDGET else None


def _failed(chain: Chain, link: Link, visit: Visit) -> FailLink:
    """The run ends here, or goes on behind the link; behind a check by the route for what has failed."""
    if chain.on_link_failure is OnFailure.STOP:
        return FailLink(link=link, visit=visit, goto=link.name)
    if link.role is Role.CHECK and not visit.baseline:
        way = way_on(chain, link, FAILED)
        return FailLink(link=link, visit=visit, goto=way.goto, claims=way.claims, verdict=FAILED)
    return FailLink(link=link, visit=visit, goto=successor(chain, link.name))


def _steered_now(p: Progress, visit: Visit) -> bool:
    """Whether the call was ended so that its agent hears a person's words."""
    ended = visit.last is not None and visit.last.outcome == Outcome.STOPPED.value
    return ended and p.stop is None and len(p.words) > p.words_given


def _attempt_again(link: Link, visit: Visit, move: Again) -> PlayLink:
    """In the agent's own session where it had begun to work, else with the whole prompt once more."""
    last = visit.last
    why = f"after {last.outcome}" if last is not None else ""
    keep = bool(visit.session) and not move.fresh and (visit.worked or visit.resumed)
    keep = keep and link.player not in WITHOUT_SESSIONS
    return PlayLink(
        link=link,
        attempt=visit.attempts + 1,
        session=visit.session if keep else "",
        resume=keep,
        interrupted=keep and visit.worked,
        fallback=move.fallback or visit.fallback,
        baseline=visit.baseline,
        why=f"{why}, in a fresh session" if move.fresh else why,
    )


def _why_finish(chain: Chain, p: Progress, now: float, spent: Spent | None) -> Finish | None:
    """Whether the run ends between two links. The first reason counts."""
    over = p.last_over
    if over is not None and over.claims == "ALL_DONE":
        return Finish(reason=StopReason.ALL_DONE, message=f"link `{over.link}` says that all is done")
    if (stopped := _stopped(p)) is not None:
        return stopped
    if (judged := _judged(over)) is not None:
        return judged
    if p.canary is not None and not p.canary.passed:
        return Finish(reason=StopReason.NEEDS_HUMAN, message=f"the canary failed: {p.canary.message}")
    if over is not None and over.failed and chain.on_link_failure is OnFailure.STOP:
        return Finish(reason=StopReason.LINK_FAILED, message=_why_failed(chain, over))
    if chain.max_consecutive_blocks and p.blocks >= chain.max_consecutive_blocks:
        return Finish(reason=StopReason.BLOCKED, message=f"{p.blocks} links in a row were blocked")
    if not p.round_open and (done := bounds.rounds_reached(chain, p)) is not None:
        return Finish(reason=done[0], message=done[1])
    if (spins := breakers.opened(chain.breakers, p)) is not None:
        return Finish(reason=StopReason.STALLED, message=spins)
    return _bound(chain, p, now, spent)


def _why_failed(chain: Chain, over: LinkEnded) -> str:
    link, said = chain.link(over.link), f"link `{over.link}` failed: {over.message or over.outcome}"
    backend = link.player if link is not None else ""
    return with_hint(said, Outcome(over.outcome), over.message, backend=backend)


def _judged(over: LinkEnded | None) -> Finish | None:
    """What the verdict of the link that has just ended means for the run."""
    if over is None:
        return None
    if over.asks:
        return Finish(reason=StopReason.NEEDS_HUMAN, message=over.asks)
    if over.claims == "BLOCKED":
        return Finish(
            reason=StopReason.BLOCKED, message=f"link `{over.link}`: {over.message or over.verdict}"
        )
    if over.claims == "STOPPED":
        message = f"link `{over.link}` says {over.verdict or 'stop'}, and its route is `stop`"
        return Finish(reason=StopReason.STOP_REQUESTED, message=message)
    return None


def _bound(chain: Chain, p: Progress, now: float, spent: Spent | None) -> Finish | None:
    bound = bounds.reached(chain, p, now, spent)
    return None if bound is None else Finish(reason=bound[0], message=bound[1])


def _stopped(p: Progress) -> Finish | None:
    if p.stop is None:
        return None
    reason = StopReason.INTERRUPTED if p.stop.source == "signal" else StopReason.STOP_REQUESTED
    return Finish(reason=reason, message=p.stop.reason or "a stop was asked for")


def _next_link(chain: Chain, p: Progress, now: float) -> Step:
    if p.paused:
        return Pause()
    if (first := _before_round_1(chain, p)) is not None:
        return PlayLink(link=first, baseline=True, why="baseline" if first.baseline else "canary")
    link = chain.link(p.next_link) or chain.links[0]
    if link.skip_unless_assigned and p.assigned and link.name not in p.assigned:
        why = f"assigned: {', '.join(p.assigned)}"
        return SkipLink(link=link, goto=successor(chain, link.name), why=why)
    open_gate = p.gate is not None and p.gate.link == link.name
    if not open_gate and (too_often := visited_too_often(chain, link, p)) is not None:
        return Finish(reason=StopReason.NEEDS_HUMAN, message=too_often)
    if link.role is Role.GATE:
        return AskGate(link=link)
    if (held := held_back(chain.quota, p, now)) is not None and link.role is not Role.CHECK:
        return _hold(chain, p, link, held, now)
    session = p.sessions.get(link.name, "") if link.keeps_session else ""
    return PlayLink(link=link, session=session, resume=bool(session), why=_routed(chain, p.last_over))


def _routed(chain: Chain, over: LinkEnded | None) -> str:
    """The verdict whose route leads here; "" where it is just the next link's turn."""
    before = chain.link(over.link) if over is not None else None
    if over is None or before is None or chain.mode is not Mode.CONDITIONAL:
        return ""
    taken = over.verdict if over.verdict in before.on else ANY_OTHER if ANY_OTHER in before.on else ""
    return f"{over.verdict or 'no verdict'} of `{over.link}`" if taken else ""


def _hold(chain: Chain, p: Progress, link: Link, held: tuple[float, str], now: float) -> Step:
    """Wait for a usage window's reset, if that lies within the run's patience."""
    until, why = held
    if until - now > chain.max_limit_wait_s:
        message = f"{why}; its reset at {utc(until)} is too far off"
        return Finish(reason=StopReason.LIMIT_WAIT, message=message)
    return Wait(link=link, until=bounds.latest_wait(chain, p, until, now), why=why)


def _before_round_1(chain: Chain, p: Progress) -> Link | None:
    """Whose call is to find something out first: the canary's link, or a check with a baseline."""
    if p.rounds_done or p.round_open:
        return None
    if chain.canary and p.canary is None:
        return next((link for link in chain.links if link.role not in (Role.CHECK, Role.GATE)), None)
    return next((link for link in chain.links if link.baseline and link.name not in p.baselines), None)
