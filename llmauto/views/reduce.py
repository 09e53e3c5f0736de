"""What does a run look like? Its events, taken in one by one, become lanes, rounds and sums.

Where the run stands is not worked out a second time: that is `rules.progress`, which is advanced here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llmauto import events as ev
from llmauto.rules.advance import advance
from llmauto.rules.table import NO_FAILURES
from llmauto.views.margin import Margin
from llmauto.views.values import Attempt, Bar, LinkSum, Pause, Round


class RunView(Margin):
    """The picture of one run. `seen` counts the events that were taken in.

    `changed_bars` and `changed_rounds` name what has changed since they were last cleared.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bars: list[Bar] = []
        self.rounds: dict[int, Round] = {}
        self.links: dict[str, LinkSum] = {}
        self.seen = 0
        self.changed_bars: set[int] = set()
        self.changed_rounds: set[int] = set()
        self._open: dict[str, Bar] = {}
        self._calls: dict[int, tuple[Bar, Attempt]] = {}
        self._commits: dict[str, str] = {}
        self._handoff = ""

    def feed(self, event: ev.Event) -> None:
        """Take in what happened next."""
        self.seen += 1
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        advance(self.progress, event)

    def feed_all(self, events: Iterable[ev.Event]) -> None:
        """Take in what happened next, in order."""
        for event in events:
            self.feed(event)

    def clear_changes(self) -> None:
        """All changes so far were handed on."""
        self.changed_bars.clear()
        self.changed_rounds.clear()

    # --- bars ---------------------------------------------------------------------------------

    def _bar(self, kind: str, round_: int, link: str, at: float) -> Bar:
        bar = Bar(
            index=len(self.bars), round=round_, link=link, kind=kind, started_at=at, handoff_in=self._handoff
        )
        self.bars.append(bar)
        self.changed_bars.add(bar.index)
        if kind != "baseline":
            self._round(round_, at)
            total = self._link(link)
            total.turns += kind != "skipped"
            total.skipped += kind == "skipped"
        return bar

    def _round(self, number: int, at: float) -> Round:
        found = self.rounds.get(number)
        if found is None:
            found = self.rounds[number] = Round(round=number, started_at=at)
        self.changed_rounds.add(number)
        return found

    def _link(self, name: str) -> LinkSum:
        found = self.links.get(name)
        if found is None:
            found = self.links[name] = LinkSum(link=name)
        return found

    def _close(self, bar: Bar, at: float) -> None:
        bar.ended_at = at
        self._open.pop(bar.link, None)
        self.changed_bars.add(bar.index)

    def _close_all(self, at: float, why: str) -> None:
        for bar in list(self._open.values()):
            if not bar.outcome:
                bar.outcome = why
            for attempt in bar.attempts:
                if not attempt.outcome:
                    attempt.outcome, attempt.ended_at = why, at
            self._close(bar, at)

    # --- the run ------------------------------------------------------------------------------

    def _started(self, e: ev.RunStarted) -> None:
        for name in e.links:
            self._link(name)

    def _resumed(self, e: ev.RunResumed) -> None:
        until = self.progress.updated_at
        # A killed runner wrote no end: of what was open then only a call may have gone on.
        open_calls = [bar for bar in self._open.values() if bar.attempts and not bar.attempts[-1].outcome]
        if not open_calls:
            self._close_all(until, "lost")
        if e.at > until:
            self.pauses.append(Pause(kind="stopped", started_at=until, ended_at=e.at, why="nobody ran it"))
        for name in e.links:
            self._link(name)
        for change in e.changes:
            self._say(e, "note", f"changed: {change}")

    def _ended(self, e: ev.RunEnded) -> None:
        self._close_all(e.at, "stopped")
        self._end_pause(e.at)

    def _round_ended(self, e: ev.RoundEnded) -> None:
        self._round(e.round, e.at).ended_at = e.at

    # --- calls --------------------------------------------------------------------------------

    def _call_started(self, e: ev.CallStarted) -> None:
        bar = self._open.get(e.link)
        if bar is None or bar.round != e.round or (bar.kind == "baseline") != e.baseline:
            bar = self._open[e.link] = self._bar("baseline" if e.baseline else "call", e.round, e.link, e.at)
            bar.before = self._commits.pop(e.link, "")
        attempt = Attempt(
            call=e.call, number=e.attempt, started_at=e.at, backend=e.backend, model=e.model,
            session=e.session, resumed=e.resumed, fallback=e.fallback, why=e.why,
        )  # fmt: skip
        bar.attempts.append(attempt)
        bar.outcome = ""
        self._calls[e.call] = (bar, attempt)
        self.changed_bars.add(bar.index)

    def _call_ended(self, e: ev.CallEnded) -> None:
        found = self._calls.pop(e.call, None)
        if found is None:
            return
        bar, attempt = found
        attempt.ended_at, attempt.outcome, attempt.seconds, attempt.message = (
            e.at, e.outcome, e.seconds, e.message,
        )  # fmt: skip
        attempt.model = e.model or attempt.model
        attempt.session = e.session or attempt.session
        attempt.cost_usd, attempt.charged, attempt.turns = e.cost_usd, e.charged, e.turns
        attempt.tokens, attempt.denials, attempt.adopted = (
            e.input_tokens + e.output_tokens,
            e.denials,
            e.adopted,
        )
        bar.outcome, bar.message = e.outcome, e.message
        if bar.ended_at:  # the runner had died, and what it left was found again
            bar.ended_at = e.at
        bad = e.outcome not in NO_FAILURES
        self._count(bar, e, bad)
        if bad or e.outcome in ("denied", "limited"):
            self._failed_call(e, bar.round, attempt.backend)
        self.changed_bars.add(bar.index)

    def _count(self, bar: Bar, e: ev.CallEnded, bad: bool) -> None:
        usd, unknown = (e.cost_usd or 0.0, e.cost_usd is None) if e.charged else (0.0, False)
        tokens = e.input_tokens + e.output_tokens
        sums: list[Bar | Round | LinkSum] = [bar, self._link(e.link)]
        if bar.kind != "baseline":
            sums.append(self._round(bar.round, e.at))
        for total in sums:
            total.cost_usd += usd
            total.unknown_costs += unknown
            total.tokens += tokens
            if not isinstance(total, Bar):
                total.calls += 1
                total.failed_calls += bad
                total.seconds += e.seconds

    def _link_ended(self, e: ev.LinkEnded) -> None:
        bar = self._open.get(e.link)
        if bar is None:
            bar = self._last_of(e.link, e.round) or self._bar("call", e.round, e.link, e.at)
        bar.outcome, bar.failed, bar.verdict = e.outcome, e.failed, e.verdict
        bar.claims, bar.asks, bar.message = e.claims, e.asks, e.message or bar.message
        bar.handoff_out = e.handoff
        self._handoff = e.handoff
        self._close(bar, e.at)
        if e.verdict:
            self._round(e.round, e.at).verdict = e.verdict
        if e.failed:
            self._link(e.link).failed += 1
            self._failed_for_good(e)

    def _last_of(self, link: str, round_: int) -> Bar | None:
        """The link's newest bar of that round, among the last few."""
        return next((b for b in reversed(self.bars[-50:]) if b.link == link and b.round == round_), None)

    def _skipped(self, e: ev.LinkSkipped) -> None:
        bar = self._bar("skipped", e.round, e.link, e.at)
        bar.ended_at, bar.outcome, bar.why = e.at, "skipped", e.why

    def _handoff_kept(self, e: ev.HandoffKept) -> None:
        bar = self._open.get(e.link)
        if bar is not None:
            bar.handoff_out = e.sha
            self.changed_bars.add(bar.index)
        if e.passed_on:
            self._handoff = e.sha

    def _reviewed(self, e: ev.Reviewed) -> None:
        bar = self._open.get(e.link) or self._last_of(e.link, e.round)
        if bar is not None:
            bar.verdict, bar.findings, bar.trend = e.verdict, len(e.findings), e.trend
            self.changed_bars.add(bar.index)

    def _checkpointed(self, e: ev.Checkpointed) -> None:
        bar = self._open.get(e.link) or (self._last_of(e.link, e.round) if e.when == "after" else None)
        if bar is None:
            self._commits[e.link] = e.commit
        elif e.when == "after":
            bar.after = e.commit
        elif not bar.before:
            bar.before = e.commit
        if bar is not None:
            self.changed_bars.add(bar.index)

    # --- gates --------------------------------------------------------------------------------------

    def _gate_opened(self, e: ev.GateOpened) -> None:
        self._open[e.link] = self._bar("gate", e.round, e.link, e.at)

    def _gate_answered(self, e: ev.GateAnswered) -> None:
        self._say(e, "approve" if e.approved else "deny", e.reason)
        bar = self._open.get(e.link)
        if bar is not None:
            bar.why = f"{'approved' if e.approved else 'denied'} by {e.by}"


def view_of(events: Iterable[ev.Event]) -> RunView:
    """The picture that these events, all of one run and in order, make."""
    view = RunView()
    view.feed_all(events)
    return view


_HANDLERS: dict[type[ev.Event], Callable[[RunView, Any], None]] = {
    ev.RunStarted: RunView._started,
    ev.RunResumed: RunView._resumed,
    ev.RunEnded: RunView._ended,
    ev.RoundEnded: RunView._round_ended,
    ev.CallStarted: RunView._call_started,
    ev.CallEnded: RunView._call_ended,
    ev.LinkEnded: RunView._link_ended,
    ev.LinkSkipped: RunView._skipped,
    ev.HandoffKept: RunView._handoff_kept,
    ev.Reviewed: RunView._reviewed,
    ev.Checkpointed: RunView._checkpointed,
    ev.WaitStarted: Margin._wait_started,
    ev.WaitEnded: Margin._wait_ended,
    ev.IdleBegan: Margin._idle_began,
    ev.IdleEnded: Margin._idle_ended,
    ev.GateOpened: RunView._gate_opened,
    ev.GateAnswered: RunView._gate_answered,
    ev.StopAsked: Margin._stop_asked,
    ev.PauseAsked: Margin._pause_asked,
    ev.Steered: Margin._steered,
    ev.Noted: Margin._noted,
    ev.NoticeSent: Margin._notice_sent,
}
