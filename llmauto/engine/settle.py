"""Settles a call that has ended: judges it, keeps its handoff, moves the run on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmauto import events as ev
from llmauto.engine.calls import STRUCTURED
from llmauto.model import Link, OnFailure, Role
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, Inbox, Reply
from llmauto.rules import checks, gates
from llmauto.rules.convergence import question, trend
from llmauto.rules.decide import FailLink
from llmauto.rules.judge import Judged, judge, judge_check, reviewed
from llmauto.rules.prompts import canary_word
from llmauto.rules.review import Review, read_review
from llmauto.rules.routes import way_on
from llmauto.rules.table import TABLE
from llmauto.rules.text import one_line
from llmauto.rules.verdict import assigned, match_assignment

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder

MESSAGE_LENGTH = 300


class Settler:
    """Turns replies into events."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder

    def settle(
        self, order: CallOrder, attempt: int, reply: Reply, *, adopted: bool, tree_before: str
    ) -> None:
        """Note the call's end and, where no attempt follows, its link's."""
        inbox = self._parts.desk.collect()
        judged = self._judged(order, reply, inbox, tree_before)
        at, up = self._recorder.at(), self._recorder.up()
        visit = self._recorder.progress.visit
        baseline = visit is not None and visit.baseline
        self._recorder.note(_call_ended(order, attempt, reply, judged, at, up, adopted=adopted))
        self._note_windows(reply, at, up)
        for code, message in judged.notes:
            self.remark(code, message, link=order.link.name)
        if inbox.stop is not None or judged.claims == "STOPPED":
            self._stop(inbox.stop, order.link)
        if baseline and judged.over:
            self._end_baseline(order.link, reply, inbox.handoff or "", judged)
            return
        self._keep_handoff(order, judged)
        if judged.over:
            said = judged.why or one_line(reply.message or reply.text, MESSAGE_LENGTH)
            self._end_link(self._own(order.link), judged, said)
        self._show_handoff(order.link.name, judged)

    def fail_link(self, step: FailLink) -> None:
        """No attempt is left."""
        last = step.visit.last
        p = self._recorder.progress
        if step.visit.baseline and step.link.role is not Role.CHECK:
            self._end_canary(step.link, f"{last.outcome}: {last.message}" if last else "no reply")
            return
        if step.visit.baseline:
            message = "the check could not be run before round 1: every failure counts"
            self.remark("warning", message, link=step.link.name)
            self._note_baseline(step.link, frozenset(), None)
            return
        self._recorder.note(
            ev.LinkEnded(
                at=self._recorder.at(), up=self._recorder.up(), round=p.round, link=step.link.name,
                outcome=last.outcome if last else Outcome.UNKNOWN.value, failed=True, goto=step.goto,
                verdict=step.verdict, claims=step.claims, handoff=p.handoff,
                message=last.message if last else "",
            )
        )  # fmt: skip

    def end_gate(self, link: Link, answer: ev.GateAnswered) -> None:
        """The gate was answered: on, or a stop that asks again at the next start."""
        r, p = self._recorder, self._recorder.progress
        way, said = gates.way_after(self._parts.chain, link, answer), gates.said(answer)
        r.note(
            ev.LinkEnded(
                at=r.at(), up=r.up(), round=p.round, link=link.name, outcome=Outcome.DONE.value,
                goto=way.goto, claims=way.claims, verdict=gates.verdict_of(answer), handoff=p.handoff,
                message=said,
            )
        )  # fmt: skip
        if answer.reason:
            r.note(ev.Steered(at=r.at(), up=r.up(), text=f"Gate `{link.name}` was {said}"))

    def remark(self, code: str, message: str, *, link: str = "") -> None:
        """Note something that a person should know."""
        r = self._recorder
        r.note(ev.Noted(at=r.at(), up=r.up(), code=code, message=message, round=r.progress.round, link=link))

    def _judged(self, order: CallOrder, reply: Reply, inbox: Inbox, tree_before: str) -> Judged:
        link, p = order.link, self._recorder.progress
        if link.role is Role.CHECK:
            ids = checks.failing_ids(link.failures, reply.text)
            found = checks.judge_check(reply.exit_code, ids, p.baselines.get(link.name))
            return judge_check(link, reply, inbox, found, self._recorder.handoff_text() or "")
        review = self._review(link, reply)
        if isinstance(review, str):
            reply = replace(reply, outcome=Outcome.BAD_OUTPUT, message=review)
        tree_unchanged = bool(reply.denials) and tree_before == self._parts.watcher.fingerprint()
        judged = judge(
            link, reply, inbox, tree_unchanged=tree_unchanged, handoff_now=self._recorder.handoff_text() or ""
        )
        if isinstance(review, Review):
            return self._with_review(link, judged, review)
        return judged

    def _review(self, link: Link, reply: Reply) -> Review | str | None:
        """The structured review that was asked for, what is wrong with it, None where there is none."""
        if link.returns != "review" or reply.outcome is not Outcome.DONE:
            return None
        if reply.structured is None and link.backend not in STRUCTURED:
            return None  # by its verdict line
        return read_review(reply.structured)

    def _with_review(self, link: Link, judged: Judged, review: Review) -> Judged:
        r = self._recorder
        ids = frozenset(finding.id for finding in review.findings)
        known = [*r.progress.reviews.get(link.name, []), ids]
        r.note(
            ev.Reviewed(
                at=r.at(), up=r.up(), round=r.progress.round, link=link.name, verdict=review.verdict,
                findings=tuple(sorted(ids)), trend=trend(known),
            )
        )  # fmt: skip
        asks = question(link.name, known) if review.verdict == "NEEDS_FIX" else ""
        return reviewed(link, judged, review, asks)

    def _note_windows(self, reply: Reply, at: float, up: float) -> None:
        for window in reply.windows:
            self._recorder.note(
                ev.WindowSeen(
                    at=at, up=up, name=window.name, used=window.used, resets_at=window.resets_at or 0.0,
                    overage=reply.overage,
                )
            )  # fmt: skip

    def _end_baseline(self, link: Link, reply: Reply, handoff: str, judged: Judged) -> None:
        """A call before round 1 has found out what it was for."""
        r = self._recorder
        if link.role is not Role.CHECK:
            denied = f"denied: {', '.join(dict.fromkeys(reply.denials))}" if reply.denials else ""
            handed = "" if canary_word(r.progress.run) in handoff else "no handoff was written"
            problem = "; ".join(part for part in (denied, handed, judged.why) if part)
            self._end_canary(link, problem)
            return
        self._note_baseline(link, checks.failing_ids(link.failures, reply.text), reply.exit_code)

    def _note_baseline(self, link: Link, ids: frozenset[str], exit_code: int | None) -> None:
        r, failing = self._recorder, tuple(sorted(ids))
        r.note(ev.CheckBaseline(at=r.at(), up=r.up(), link=link.name, failing=failing, exit_code=exit_code))

    def _end_canary(self, link: Link, problem: str) -> None:
        r = self._recorder
        hint = "; allow it with `allowed_tools` or `permission_mode`" if problem.startswith("denied") else ""
        message = f"link `{link.name}`: {problem}{hint}" if problem else ""
        r.note(ev.CanaryEnded(at=r.at(), up=r.up(), link=link.name, passed=not problem, message=message))
        if not r.progress.handoff:
            # What the canary handed over must not be what round 1 begins from.
            r.keep_handoff("", round_=0, link="", passed_on=True, source="canary")

    def _stop(self, text: str | None, link: Link) -> None:
        if self._recorder.progress.stop is not None:
            return
        reason = text if text is not None else f"link `{link.name}` wrote STOPPED to status.txt"
        source = "file" if text is not None else "status.txt"
        r = self._recorder
        r.note(ev.StopAsked(at=r.at(), up=r.up(), reason=reason, source=source))

    def _keep_handoff(self, order: CallOrder, judged: Judged) -> None:
        link, keep = order.link.name, self._recorder.keep_handoff
        if judged.handoff is not None:
            keep(judged.handoff, round_=order.round, link=link, passed_on=True, source=judged.handoff_source)
        elif judged.aside is not None:
            keep(judged.aside, round_=order.round, link=link, passed_on=False, source="aside")

    def _show_handoff(self, link: str, judged: Judged) -> None:
        """After all is noted: where there is no room for this file, the call has ended all the same."""
        text = judged.aside if judged.handoff is None else judged.handoff
        if text is not None:
            self._parts.desk.keep_link_handoff(link, text)

    def _own(self, link: Link) -> Link:
        """The chain's own link, as which an order's may only pose (a check is played by a backend)."""
        return self._parts.chain.link(link.name) or link

    def _end_link(self, link: Link, judged: Judged, message: str) -> None:
        r = self._recorder
        controls = link.role is Role.CONTROLLER and judged.outcome is not Outcome.SKIPPED
        names = self._assignment(link) if controls else ()
        way = way_on(self._parts.chain, link, judged.verdict)
        failed = TABLE[judged.outcome].failed
        # Where a failed link ends the run, the next start tries that very link again.
        stays = failed and self._parts.chain.on_link_failure is OnFailure.STOP
        r.note(
            ev.LinkEnded(
                at=r.at(), up=r.up(), round=r.progress.round, link=link.name, outcome=judged.outcome.value,
                failed=failed, goto=link.name if stays else way.goto, verdict=judged.verdict,
                claims=judged.claims or way.claims, asks=judged.asks, handoff=r.progress.handoff,
                assigned=names, controls=controls, message=message,
            )
        )  # fmt: skip

    def _assignment(self, link: Link) -> tuple[str, ...]:
        """Who is named in the handoff, as link names; nobody skips nobody."""
        words = assigned(self._recorder.handoff_text() or "")
        workers = [
            (other.name, other.model)
            for other in self._parts.chain.links
            if other.name != link.name and other.role not in (Role.CHECK, Role.GATE)
        ]
        found = match_assignment(words, workers)
        if not found and any(other.skip_unless_assigned for other in self._parts.chain.links):
            said = f"assigns `{', '.join(words)}`, which is no link" if words else "assigns nobody"
            self.remark("warning", f"the handoff {said}: no worker is passed over", link=link.name)
        return tuple(sorted(found))


def _call_ended(
    order: CallOrder, attempt: int, reply: Reply, judged: Judged, at: float, up: float, *, adopted: bool
) -> ev.CallEnded:
    return ev.CallEnded(
        at=at,
        up=up,
        call=order.call,
        round=order.round,
        link=order.link.name,
        attempt=attempt,
        outcome=judged.outcome.value,
        seconds=round(reply.seconds, 3),
        message=one_line(judged.why or reply.message, MESSAGE_LENGTH),
        session=reply.session or order.session,
        model=reply.model or order.model or "",
        worked=reply.worked,
        charged=reply.charged,
        cost_usd=reply.cost_usd,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        cache_tokens=reply.cache_tokens,
        turns=reply.turns,
        cli_retries=reply.cli_retries,
        exit_code=reply.exit_code,
        reset_at=reply.reset_at,
        denials=reply.denials,
        adopted=adopted,
    )
