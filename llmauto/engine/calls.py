"""Plays one call: its order, its intent, following it to its end, finding it again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmauto.errors import DiskError
from llmauto.events import CallEnded, CallStarted
from llmauto.model import WITHOUT_SESSIONS, Link, OnRunnerDeath, Role
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, EndHow, OpenCall, Reply
from llmauto.rules import bounds, prompts
from llmauto.rules.bounds import Spent
from llmauto.rules.decide import PlayLink
from llmauto.rules.review import SCHEMA

if TYPE_CHECKING:
    from llmauto.engine.ears import Ears
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder

WORDS_FILE = "words.md"
"""What a person said from afar, in the call's folder."""

STRUCTURED = frozenset({"claude", "demo"})
"""Backends that can be held to a schema."""

FOLLOW_SLICE_S = 0.1
"""How often a live view gets news of a call; its end is seen at once in any case."""


def setting(parts: Parts, recorder: Recorder, link: Link) -> prompts.Setting:
    """Where and when a call of this link takes place, for its prompt."""
    p, places = recorder.progress, parts.places
    folder = parts.desk.folder
    return prompts.Setting(
        chain=p.chain,
        run=p.run,
        round=p.round,
        max_rounds=parts.chain.max_rounds,
        home=places.user_home,
        bash_home=places.bash_home,
        workdir=str(places.link_workdir(link.workdir) if link.workdir else places.workdir),
        state=str(folder),
        handoff=str(folder / "handoff.md"),
        status=str(folder / "status.txt"),
        task=p.started.task if p.started else "",
        inputs={**parts.chain.inputs, **(p.started.inputs if p.started else {})},
        aliases_state=places.aliases_state,
        assignable=tuple(other.name for other in parts.chain.links if other.skip_unless_assigned),
    )


def begin(
    parts: Parts, recorder: Recorder, step: PlayLink, spent: Spent | None
) -> tuple[CallOrder, OpenCall]:
    """Write the intent, then start the call. Raises `DiskError`, with nothing started."""
    link, p = step.link, recorder.progress
    session = "" if link.player in WITHOUT_SESSIONS else step.session or parts.new_session()
    prompt = _prompt(parts, recorder, step)
    words = tuple(p.words)
    intent = CallStarted(
        at=recorder.at(), up=recorder.up(), call=p.calls + 1, round=p.round, link=link.name,
        attempt=step.attempt, backend=link.player, session=session, resumed=step.resume,
        model=(link.fallback_model if step.fallback else link.model) or "",
        fallback=step.fallback, baseline=step.baseline, why=step.why,
    )  # fmt: skip
    recorder.note(intent)
    try:
        recorder.flush()
    except DiskError:
        recorder.note(_never_began(intent))
        raise
    order = order_for(parts, recorder, link, prompt, spent)
    if words and not step.baseline and link.role is not Role.CHECK:
        said = "\n\n".join(word.text.strip() for word in words if word.afar)
        prompt = prompts.with_words(prompt, words, str(order.folder / WORDS_FILE))
        order = replace(order, prompt=prompt, files={WORDS_FILE: said} if said else {})
    return order, parts.agents.begin(order)


def _never_began(intent: CallStarted) -> CallEnded:
    """The end of a call whose intent could not be written: should there be room for both, it is not open."""
    return CallEnded(
        at=intent.at, up=intent.up, call=intent.call, round=intent.round, link=intent.link,
        attempt=intent.attempt, outcome=NEVER_BEGAN.outcome.value, message=NEVER_BEGAN.message,
        session=intent.session, model=intent.model, charged=NEVER_BEGAN.charged,
    )  # fmt: skip


def _prompt(parts: Parts, recorder: Recorder, step: PlayLink) -> str:
    if step.link.role is Role.CHECK:
        return ""
    where = setting(parts, recorder, step.link)
    if step.baseline:
        return prompts.canary(step.link, where)
    if not step.interrupted:
        return prompts.compose(step.link, where)
    last = recorder.progress.visit.last if recorder.progress.visit else None
    if step.link.returns and last is not None and last.outcome == Outcome.BAD_OUTPUT.value:
        return prompts.repair(last.message)
    return prompts.go_on(step.link, where, step.why)


def order_for(parts: Parts, recorder: Recorder, link: Link, prompt: str, spent: Spent | None) -> CallOrder:
    """The order of the visit's open call."""
    p, chain, places = recorder.progress, parts.chain, parts.places
    visit = p.visit
    assert visit is not None
    started = visit.open
    assert started is not None
    return CallOrder(
        run=p.run,
        chain=p.chain,
        round=started.round,
        call=started.call,
        link=_as_played(parts, recorder, link),
        prompt=prompt,
        folder=places.calls / p.run / f"{started.call:04d}-{link.name}",
        workdir=places.link_workdir(link.workdir) if link.workdir else places.workdir,
        state=parts.desk.folder,
        handoff=parts.desk.folder / "handoff.md",
        session=started.session,
        resume=started.resumed,
        model=started.model or None,
        budget_usd=bounds.left_usd(chain, p, spent, link.max_cost_usd),
        max_tokens=bounds.left_tokens(chain, p, link.max_tokens),
        grace_s=chain.grace_s,
        # A test run may say nothing until it is over.
        start_silence_s=0.0 if link.role is Role.CHECK else chain.start_silence_s,
        stall_s=chain.stall_s,
        finish_alone=chain.on_runner_death is OnRunnerDeath.FINISH,
        schema=SCHEMA if link.returns == "review" and link.backend in STRUCTURED else "",
    )


def _as_played(parts: Parts, recorder: Recorder, link: Link) -> Link:
    """A check is played by a backend of its own, its arguments filled in as a prompt is."""
    if link.role is not Role.CHECK:
        return link
    program, *arguments = link.run or ("",)
    where = setting(parts, recorder, link)
    filled = tuple(prompts.fill(argument, link, where) for argument in arguments)
    return replace(link, backend=link.player, run=(program, *filled))


def follow(parts: Parts, ears: Ears, call: OpenCall) -> Reply:
    """The call's reply; what is seen on the way is emitted, and a stop that is due now ends it."""
    asked: EndHow | None = None
    while (reply := call.poll(FOLLOW_SLICE_S)) is None:
        _show(parts, call)
        want = ears.ends_call()
        if want is not None and want is not asked:
            call.end(want)
            asked = want
    _show(parts, call)
    return reply


def _show(parts: Parts, call: OpenCall) -> None:
    for activity in call.activities():
        parts.emit(activity)


LOST = Reply(
    outcome=Outcome.LOST,
    message="the call and its keeper were ended from outside",
    worked=True,
    cost_usd=None,
)
NEVER_BEGAN = Reply(outcome=Outcome.LOST, message="the call had not begun", charged=False)
