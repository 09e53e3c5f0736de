"""How is one prompt asked and its answer brought back? By one call, written down before and after it."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from llmauto import events as ev
from llmauto.engine.opening import new_run_id
from llmauto.errors import DiskError, JournalError
from llmauto.outcomes import Outcome
from llmauto.piping.book import Notebook
from llmauto.piping.values import LINK, Means, Question
from llmauto.ports import CallOrder, EndHow, OpenCall, Reply
from llmauto.rules.progress import Progress
from llmauto.rules.single import Attempt, next_attempt, refined, total
from llmauto.rules.text import dollars, one_line

FOLLOW_SLICE_S = 0.05
"""How often a person sees news of the call; its end is seen at once in any case."""

_TASK_LENGTH = 120
_END_SLACK_S = 2.0


def ask(question: Question, means: Means, run: str = "") -> Reply:
    """The answer, or what went wrong, as a reply; costs and tokens are those of all calls it took.

    `run` is the name of the run in the journal, chosen here where it is "". Nothing is started once the
    day's budget is used up. A `KeyboardInterrupt` ends the call, is written down, and goes on.

    Raises:
        JournalError: what is about to happen cannot be written down; nothing was started then.
    """
    refused = _over_the_cap(means)
    if refused is not None:
        return refused
    run = run or new_run_id(means.clock.now())
    with means.hold(run):
        return _Asking(question, means, run).ask()


def order_for(question: Question, means: Means, started: ev.CallStarted, run: str, prompt: str) -> CallOrder:
    """The order of a call that was begun."""
    folder = means.calls / run / f"{started.call:04d}-{LINK}"
    rests = [question.link.max_cost_usd]
    if means.daily_cap_usd is not None:
        rests.append(max(0.0, means.daily_cap_usd - _spent_today(means)))
    known = [rest for rest in rests if rest is not None]
    return CallOrder(
        run=run, chain="", round=1, call=started.call, link=question.link, prompt=prompt, folder=folder,
        workdir=question.workdir, state=folder, handoff=folder / "handoff.md", session=started.session,
        resume=started.resumed, model=started.model or None, budget_usd=min(known) if known else None,
        max_tokens=question.link.max_tokens, schema=question.schema,
        # Nobody would hear the answer.
        finish_alone=False,
    )  # fmt: skip


class _Asking:
    def __init__(self, question: Question, means: Means, run: str) -> None:
        self._question = question
        self._means = means
        self._run = run
        self._book = Notebook(means, Progress())
        self._replies: list[Reply] = []

    def ask(self) -> Reply:
        self._open()
        attempt: Attempt | None
        attempt = Attempt(prompt=self._question.prompt, session=self._question.session)
        try:
            while attempt is not None:
                reply = self._call(attempt)
                attempt = self._next(attempt, reply)
            self._book.finish(total(self._replies))
        except JournalError as error:
            if not self._replies:
                raise
            return _unwritten(total(self._replies), error)
        return total(self._replies)

    def _next(self, attempt: Attempt, reply: Reply) -> Attempt | None:
        structured = bool(self._question.schema)
        following = next_attempt(self._question.link, attempt, reply, structured=structured)
        if following is None or self._means.interrupts.level() > 0:
            return None
        self._book.flush()  # the journal sums what it has: the last call has to be in it
        return following if _over_the_cap(self._means) is None else None

    def _open(self) -> None:
        means, question = self._means, self._question
        self._book.note(
            ev.RunStarted(
                at=self._book.at, up=0.0, run=self._run, chain="", links=(LINK,), program=means.program,
                workdir=str(question.workdir), task=one_line(question.prompt, _TASK_LENGTH),
                pid=means.pid, host=means.host,
            )
        )  # fmt: skip

    def _call(self, attempt: Attempt) -> Reply:
        """Write the intent, make the call, take in its end."""
        link, book = self._question.link, self._book
        number = book.progress.calls + 1
        started = ev.CallStarted(
            at=book.at, up=book.up, call=number, round=1, link=LINK, attempt=number, backend=link.backend,
            model=(link.fallback_model if attempt.fallback else link.model) or "",
            session=attempt.session or self._means.new_session(), resumed=bool(attempt.session),
            fallback=attempt.fallback, why=attempt.why,
        )  # fmt: skip
        book.note(started)
        book.flush()
        order = order_for(self._question, self._means, started, self._run, attempt.prompt)
        tree = self._means.watcher.fingerprint()
        try:
            reply = self._follow(self._means.agents.begin(order), order.grace_s)
        except DiskError as error:
            reply = _no_room(error)
        same = bool(reply.denials) and bool(tree) and tree == self._means.watcher.fingerprint()
        reply = refined(reply, structured=bool(self._question.schema), tree_unchanged=same)
        if reply.outcome is Outcome.BUDGET and order.budget_usd not in (None, link.max_cost_usd):
            reply = replace(reply, hint=_MORE_MONEY)
        self._take(reply)
        if reply.outcome is Outcome.DONE:
            book.keep(reply.structured or reply.text)
        return reply

    def _take(self, reply: Reply) -> None:
        self._replies.append(reply)
        self._book.ended(reply)

    def _follow(self, call: OpenCall, grace_s: float) -> Reply:
        """The call's reply; what is seen on the way is emitted, and a signal ends it."""
        asked: EndHow | None = None
        try:
            while (reply := call.poll(FOLLOW_SLICE_S)) is None:
                self._show(call)
                want = _wish(self._means.interrupts.level())
                if want is not None and want is not asked:
                    call.end(want)
                    asked = want
        except KeyboardInterrupt:
            # Signals are the caller's, and this one says stop.
            call.end(EndHow.STOP)
            self._take(call.poll(grace_s + _END_SLACK_S) or _NOT_SEEN)
            with contextlib.suppress(JournalError):
                self._book.finish(total(self._replies))
            raise
        self._show(call)
        return reply

    def _show(self, call: OpenCall) -> None:
        for activity in call.activities():
            self._means.emit(activity)


_MORE_MONEY = "raise `daily_budget_usd` in config.json, or ask again tomorrow"
_NOT_SEEN = Reply(outcome=Outcome.STOPPED, message="its end was not waited for", cost_usd=None)


def _wish(level: int) -> EndHow | None:
    if level >= 3:
        return EndHow.KILL
    return EndHow.STOP if level == 2 else None


def _spent_today(means: Means) -> float:
    return means.journal.spent_since(means.day_start())[0]


def _over_the_cap(means: Means) -> Reply | None:
    cap = means.daily_cap_usd
    if cap is None or (spent := _spent_today(means)) < cap:
        return None
    return Reply(
        outcome=Outcome.BUDGET,
        message=f"{dollars(spent)} of `daily_budget_usd` {dollars(cap)} spent today: nothing was asked",
        hint=_MORE_MONEY,
        charged=False,
        cost_usd=0.0,
    )


def _no_room(error: DiskError) -> Reply:
    return Reply(outcome=Outcome.DISK, message=str(error), hint=error.hint or "", charged=False, cost_usd=0.0)


def _unwritten(reply: Reply, error: JournalError) -> Reply:
    """The answer is there, and paid for; but that it was cannot be written down."""
    outcome = Outcome.DISK if isinstance(error, DiskError) else Outcome.UNKNOWN
    return replace(reply, outcome=outcome, message=str(error), hint=error.hint or "")
