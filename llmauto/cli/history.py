"""`chain runs`, `chain handoff`, `chain open`: what earlier calls left, and going on with them by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.cli.facts import cost_text, local, run_json
from llmauto.cli.log import run_of
from llmauto.errors import LlmautoError, UsageError
from llmauto.rules.names import check_name, did_you_mean
from llmauto.rules.text import human_duration, one_line

if TYPE_CHECKING:
    from llmauto.events import HandoffKept
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.ports import RunSummary

LARGEST_HANDOFF = 256 * 1024
"""Bytes of a `handoff.md` that no run has taken in yet which are shown."""


def runs(ctx: Context) -> int:
    """The runs of a chain, newest first."""
    name = check_name(ctx.args.name)
    with standing.reader(ctx.home) as journal:
        standing.known(ctx.home, journal, name)
        found = journal.runs(name)
        newest = standing.standing(ctx.home, journal, name)
    if ctx.args.json:
        ctx.out.json([_run_json(run, newest) for run in found])
    elif found:
        head = ("RUN", "STARTED", "STATUS", "ROUNDS", "CALLS", "RUNTIME", "COST", "WHY")
        ctx.out.table(head, [_row(run, newest) for run in found])
    else:
        ctx.out.line(f"chain `{name}` has not run yet")
    return 0


def handoff(ctx: Context) -> int:
    """A handoff's text: the one that counts now, or the last one of a round, a link, a run."""
    args, name = ctx.args, check_name(ctx.args.name)
    if args.link is not None:
        check_name(args.link, "link")
    with standing.reader(ctx.home) as journal:
        standing.known(ctx.home, journal, name)
        summary = journal.latest(name) if args.run is None else run_of(journal, name, args.run)
        kept = _kept(journal, summary, args.round, args.link)
        text = (journal.handoff(kept.sha) or "") if kept is not None else None
    if kept is None and (args.round, args.link, args.run) == (None, None, None):
        text = _by_a_person(ctx, name)
    if text is None:
        more = f"`llmauto chain log {name}` says what happened"
        hint = f"`llmauto chain start {name}` begins a run" if summary is None else more
        raise LlmautoError(f"chain `{name}` has no handoff yet", hint=hint)
    if args.json:
        ctx.out.json(_handoff_json(name, summary, kept, text))
    else:
        ctx.out.agent_text(text.rstrip("\n"))
    return 0


def _kept(
    journal: SqliteJournal, summary: RunSummary | None, round_: int | None, link: str | None
) -> HandoffKept | None:
    """The last handoff that fits. Of one that was asked for by round or link it need not count any more.

    Raises `UsageError` where there is none of that round or link.
    """
    everything = journal.kept_handoffs(summary.run) if summary is not None else ()
    fits = [e for e in everything if round_ in (None, e.round) and link in (None, e.link)]
    passed_on = [e for e in fits if e.passed_on]
    if passed_on and link is None:
        return passed_on[-1]
    if fits:
        return fits[-1]
    if round_ is None and link is None:
        return None
    wanted = " and ".join(
        ([f"round {round_}"] if round_ is not None else []) + ([f"link `{link}`"] if link is not None else [])
    )
    raise UsageError(f"there is no handoff of {wanted}", hint=_what_there_is(everything, link))


def _what_there_is(kept: Any, link: str | None) -> str | None:
    links = sorted({e.link for e in kept if e.link})
    rounds = sorted({e.round for e in kept})
    if link is not None and link not in links and (near := did_you_mean(link, links)):
        return near
    if not rounds:
        return "no handoff was kept in this run"
    return f"there are some of rounds {rounds[0]} to {rounds[-1]}, links {', '.join(links) or 'none'}"


def _by_a_person(ctx: Context, name: str) -> str | None:
    """A `handoff.md` that stands in the state folder before any run took it in."""
    from llmauto import files
    from llmauto.rules.text import decode

    data = files.read_small(ctx.home.state / name / "handoff.md", LARGEST_HANDOFF)
    return decode(data) if data else None


def _handoff_json(
    name: str, summary: RunSummary | None, kept: HandoffKept | None, text: str
) -> dict[str, Any]:
    values: dict[str, Any] = {"chain": name, "run": None, "round": None, "link": None, "at": None}
    values |= {"sha": None, "bytes": len(text.encode("utf-8", "replace")), "passed_on": False}
    if kept is not None and summary is not None:
        values |= {
            "run": summary.run, "round": kept.round or None, "link": kept.link or None, "at": kept.at,
            "sha": kept.sha, "bytes": kept.size, "passed_on": kept.passed_on,
        }  # fmt: skip
    return values | {"text": text}


def _run_json(run: RunSummary, newest: standing.Standing) -> dict[str, Any]:
    if newest.died and newest.summary is not None and newest.summary.run == run.run:
        return run_json(run) | {"status": newest.status, "stop_reason": newest.stop_reason}
    return run_json(run)


def _row(run: RunSummary, newest: standing.Standing) -> tuple[str, ...]:
    died = newest.died and newest.summary is not None and newest.summary.run == run.run
    return (
        run.run,
        local(run.started_at),
        newest.status if died else run.status,
        f"{run.rounds_done} of {run.max_rounds}" if run.max_rounds else str(run.rounds_done),
        str(run.calls),
        human_duration(run.runtime_s),
        cost_text(run),
        "interrupted: the runner has died" if died else one_line(run.message or run.stop_reason, 80),
    )


def open_session(ctx: Context) -> int:
    """Talk to a link's session."""
    from llmauto.cli.session import open_session as opened

    return opened(ctx)
