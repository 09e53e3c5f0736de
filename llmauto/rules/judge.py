"""What does a finished call mean for its link and its run?

The backend has judged the call by what its program printed; here the handoff, the status file and the
tree come in. Pure: what was found is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from llmauto.model import HandoffFrom, Link
from llmauto.outcomes import Outcome
from llmauto.ports import Inbox, Reply
from llmauto.rules.checks import CheckVerdict, with_check
from llmauto.rules.review import Review, as_handoff
from llmauto.rules.table import TABLE, Pool
from llmauto.rules.text import one_line
from llmauto.rules.verdict import is_only_skipped, says_blocked, verdict_of

FINISHING_WORDS = ("ALL_DONE", "STOPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One call, judged. `handoff` is the text that counts from now on, None where the old one stays.

    `aside` is a text to keep without passing it on. `claims` is what the link says of the run: "",
    ALL_DONE or STOPPED; `asks` is a question that a person has to answer first, `why` one sentence about
    the outcome. `notes` are (code, message) pairs for people.
    """

    outcome: Outcome
    over: bool
    verdict: str = ""
    claims: str = ""
    asks: str = ""
    why: str = ""
    handoff: str | None = None
    handoff_source: str = "file"
    aside: str | None = None
    notes: tuple[tuple[str, str], ...] = ()


def judge(link: Link, reply: Reply, inbox: Inbox, *, tree_unchanged: bool, handoff_now: str = "") -> Judged:
    """The call's final outcome, and what it leaves behind.

    `handoff_now` is the handoff that counted during the call: an agent may have written just that again.
    """
    again = handoff_now if inbox.handoff_again else None
    outcome = _refined(reply, inbox, tree_unchanged, again)
    over = TABLE[outcome].pool is Pool.NONE
    ended_well = over and not TABLE[outcome].failed
    handoff, source, aside = _handoff(link, reply, inbox, outcome, ended_well)
    claims, notes = _claims(link, inbox, ended_well)
    why = reply.message if not ended_well else ""
    said = handoff if handoff is not None else again or reply.text
    return Judged(
        outcome=outcome,
        over=over,
        verdict=(verdict_of(said) or verdict_of(reply.text) or "") if ended_well else "",
        claims=claims,
        why=why,
        handoff=handoff,
        handoff_source=source,
        aside=aside,
        notes=tuple(notes) + _file_notes(inbox) + _denial_notes(reply, outcome),
    )


def judge_check(link: Link, reply: Reply, inbox: Inbox, found: CheckVerdict, handoff: str) -> Judged:
    """A check's end: its result goes into the handoff, under what stands there."""
    if reply.outcome is not Outcome.DONE:
        over = TABLE[reply.outcome].pool is Pool.NONE
        return Judged(outcome=reply.outcome, over=over, why=reply.message, notes=_file_notes(inbox))
    base = inbox.handoff if inbox.handoff is not None else handoff
    return Judged(
        outcome=Outcome.DONE,
        over=True,
        verdict=found.verdict,
        why=f"{found.verdict}: {found.why}",
        handoff=with_check(base, link.name, found, reply.text),
        handoff_source="check",
        notes=_file_notes(inbox),
    )


def reviewed(link: Link, judged: Judged, review: Review, asks: str) -> Judged:
    """The same with a structured review: its verdict counts, and it is the handoff where none was written."""
    blocked = review.verdict == "BLOCKED" and judged.outcome is Outcome.DONE
    return replace(
        judged,
        outcome=Outcome.BLOCKED if blocked else judged.outcome,
        verdict=review.verdict,
        asks=asks,
        why=one_line(review.summary, 300),
        handoff=as_handoff(review, link.name) if judged.handoff is None else judged.handoff,
        handoff_source="review" if judged.handoff is None else judged.handoff_source,
        aside=None,
    )


def _refined(reply: Reply, inbox: Inbox, tree_unchanged: bool, again: str | None) -> Outcome:
    if reply.outcome is not Outcome.DONE:
        return reply.outcome
    written = inbox.handoff if inbox.handoff is not None else again
    if inbox.status_word == "BLOCKED" or (written is not None and says_blocked(written)):
        return Outcome.BLOCKED
    if is_only_skipped(reply.text) or (written is not None and is_only_skipped(written)):
        return Outcome.SKIPPED
    if reply.denials and tree_unchanged and inbox.handoff is None:
        return Outcome.DENIED
    return Outcome.DONE


def _handoff(
    link: Link, reply: Reply, inbox: Inbox, outcome: Outcome, ended_well: bool
) -> tuple[str | None, str, str | None]:
    """(what counts from now on, where it came from, what is kept aside)."""
    written = inbox.handoff
    if outcome is Outcome.SKIPPED:
        return None, "", None
    if written is not None:
        return (written, "file", None) if ended_well else (None, "", written)
    if ended_well and reply.text.strip() and not inbox.handoff_again:
        if link.handoff is HandoffFrom.OUTPUT:
            return reply.text, "output", None
        return None, "", reply.text
    return None, "", None


def _claims(link: Link, inbox: Inbox, ended_well: bool) -> tuple[str, list[tuple[str, str]]]:
    word = inbox.status_word
    if word not in FINISHING_WORDS:
        return "", []
    if not link.may_finish:
        return "", [("tamper", f"link `{link.name}` wrote {word} to status.txt, but has `may_finish` false")]
    if word == "ALL_DONE" and not ended_well:
        return "", [("warning", f"link `{link.name}` wrote ALL_DONE, but its call failed: not believed")]
    return word, []


def handoff_note(inbox: Inbox) -> str:
    """What is said of a handoff.md that cannot be one, and of what becomes of it."""
    done = "it is moved aside" if inbox.handoff_aside else "the last good one is put back"
    return f"handoff.md: {inbox.handoff_problem}; {done}"


def _file_notes(inbox: Inbox) -> tuple[tuple[str, str], ...]:
    notes = [("tamper", f"{name}: changed by somebody else, put right") for name in inbox.tampered]
    if inbox.handoff_problem:
        notes.append(("handoff", handoff_note(inbox)))
    if inbox.oversize:
        notes.append(("handoff", f"handoff.md is too large: cut, the whole is kept in {inbox.oversize}"))
    return tuple(notes)


def _denial_notes(reply: Reply, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    notes = [("warning", text) for text in reply.warnings]
    if reply.denials:
        tools = ", ".join(dict.fromkeys(reply.denials))
        what = "could do nothing without" if outcome is Outcome.DENIED else "was refused"
        notes.append(
            ("denied", f"the agent {what}: {tools}; allow it with `allowed_tools` or `permission_mode`")
        )
    return tuple(notes)
