"""What does a scripted agent do in its turn? A play of the script becomes a reply and some files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from llmauto.authoring.rehearsal import ScriptedPlay
from llmauto.model import Link, Role
from llmauto.outcomes import Outcome
from llmauto.ports import Reply

DONE = ScriptedPlay()
"""What a link does of which the script says nothing."""

_JUDGED = (Outcome.SKIPPED, Outcome.BLOCKED, Outcome.DENIED)
"""By the engine, from what the agent wrote or left as it was: its call itself ends as done."""

_BEFORE_WORK = (Outcome.AUTH, Outcome.BAD_REQUEST, Outcome.NO_MODEL, Outcome.MISSING)
_FREE = (*_BEFORE_WORK, Outcome.LIMITED, Outcome.OVERLOADED, Outcome.OFFLINE)
"""Nothing is charged for these, unless the play names a cost."""


def reply_of(play: ScriptedPlay, link: Link, ended_at: float) -> Reply:
    """What comes back from the call. `ended_at` is UTC epoch seconds."""
    if link.role is Role.CHECK:
        return _of_check(play)
    outcome = Outcome.DONE if play.outcome in _JUDGED else play.outcome
    reset = ended_at + play.resets_after_s if play.resets_after_s is not None else None
    return Reply(
        outcome=outcome,
        text="SKIPPED" if play.outcome is Outcome.SKIPPED else play.text,
        message=play.message,
        worked=play.worked and outcome not in _BEFORE_WORK,
        charged=bool(play.cost_usd) or play.cost_usd is None or outcome not in _FREE,
        cost_usd=play.cost_usd,
        seconds=play.seconds,
        denials=play.denials or (("Bash",) if play.outcome is Outcome.DENIED else ()),
        reset_at=reset,
        structured=_review(play) if link.returns == "review" and outcome is Outcome.DONE else None,
    )


def _of_check(play: ScriptedPlay) -> Reply:
    return Reply(
        outcome=play.outcome,
        text=play.output,
        message=play.message,
        charged=False,
        cost_usd=0.0,
        seconds=play.seconds,
        exit_code=play.exit_code if play.outcome is Outcome.DONE else None,
    )


def _review(play: ScriptedPlay) -> str:
    verdict = play.verdict or ("BLOCKED" if play.outcome is Outcome.BLOCKED else "APPROVED")
    findings = [asdict(finding) for finding in play.findings]
    return json.dumps({"verdict": verdict, "findings": findings, "summary": play.message or play.text})


def files_of(play: ScriptedPlay, link: Link, turn: int) -> dict[str, str]:
    """What the agent writes into the state folder in its turn, from 1."""
    files = {"status.txt": play.status} if play.status else {}
    handoff = _handoff(play, link, f"Turn {turn} of `{link.name}`.")
    return files if handoff is None else files | {"handoff.md": handoff}


def _handoff(play: ScriptedPlay, link: Link, mark: str) -> str | None:
    """`mark` makes it another text than that of the turn before: the same again would count as untouched."""
    if link.role is Role.CHECK or play.outcome is Outcome.SKIPPED:
        return None
    if play.handoff is not None:
        return play.handoff
    if play.outcome is Outcome.BLOCKED:
        return f"BLOCKED: {play.message or 'a person is needed'}\n\n{mark}\n"
    if play.outcome is not Outcome.DONE or link.returns == "review":
        return None
    lines = [f"Verdict: {play.verdict}"] if play.verdict else []
    lines += [f"ASSIGNED: {', '.join(play.assigns)}"] if play.assigns else []
    return "\n".join((*lines, "", mark)) + "\n" if lines else None


def with_default(plays: tuple[ScriptedPlay, ...], turn: int) -> ScriptedPlay:
    """The play of that turn, from 0; the last one is played again for ever."""
    return plays[min(turn, len(plays) - 1)] if plays else replace(DONE)
