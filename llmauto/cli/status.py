"""`chain status` and `status`: where a chain stands and why, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.cli.facts import DIED, ago, cost_text, ends_text, local, rounds_text, standing_json
from llmauto.cli.standing import Standing, all_standings, reader, standing
from llmauto.rules import next_steps
from llmauto.rules.names import check_name
from llmauto.rules.text import dollars, human_duration, one_line

if TYPE_CHECKING:
    from llmauto.cli.context import Context
    from llmauto.cli.output import Output
    from llmauto.locks import Holder
    from llmauto.ports import RunSummary

COLOURS = {
    "RUNNING": "green",
    "COMPLETED": "green",
    "ALL_DONE": "green",
    "WAITING": "yellow",
    "PAUSED": "yellow",
    "STOPPED": "yellow",
    "BLOCKED": "red",
    "FAILED": "red",
}
QUIET_S = 30.0
"""A runner that gave no sign of life for so long is shown as such (its heartbeat comes every 5 s)."""
_NOTHING = "no chain of this home has run yet"
_FIRST = "`llmauto chain list` shows what can be started; `llmauto chain start demo` needs no model"


def chain_status(ctx: Context) -> int:
    """One chain, or all of them where none is named."""
    if ctx.args.name is None:
        return status(ctx)
    check_name(ctx.args.name)
    with reader(ctx.home) as journal:
        found = standing(ctx.home, journal, ctx.args.name)
    if ctx.args.json:
        ctx.out.json(standing_json(found))
    else:
        print_standing(ctx.out, found)
    return 0


def status(ctx: Context) -> int:
    """All chains of this home at a glance."""
    with reader(ctx.home) as journal:
        found = all_standings(ctx.home, journal)
    if ctx.args.json:
        ctx.out.json({"home": str(ctx.home.path), "chains": [standing_json(each) for each in found]})
    elif found:
        ctx.out.table(
            ("CHAIN", "STATUS", "ROUND", "LINK", "RUNTIME", "COST", "LAST", "WHY"), [_row(s) for s in found]
        )
    else:
        ctx.out.line(_NOTHING)
        ctx.out.line(_FIRST)
    return 0


def print_standing(out: Output, found: Standing) -> None:
    """One chain, for people."""
    word = out.style(found.status, COLOURS.get(found.status, "bold"), "bold")
    out.line(f"{word}  {found.chain}{_headline(found)}")
    for name, text in _facts(found):
        out.line(f"  {out.style(name.ljust(8), 'dim')}  {one_line(text, 2000)}")
    command, why = _next(found)
    out.line(f"  {out.style('next'.ljust(8), 'dim')}  {out.style(command, 'bold')}    {why}")


def _headline(found: Standing) -> str:
    """What the status word alone does not say."""
    if found.died:
        then = "its agent goes on alone" if found.living_call else f"`{_start(found)}` goes on"
        return f": interrupted: {DIED}; {then}"
    if found.summary is None:
        return ": a runner is starting" if found.runner else ": it has not run yet"
    if found.summary.wait_why and found.runner:
        return f": {_waits_at_a_glance(found, found.summary)}"
    why = found.summary.message or found.stop_reason
    return f": {one_line(why, 300)}" if why else ""


def _waits_at_a_glance(found: Standing, summary: RunSummary) -> str:
    """For what, until when, what it has cost, and what ends the run: in one line."""
    ends = ends_text(summary, found.runtime_s, found.seen_at)
    said = f"{one_line(_wait(summary, found.seen_at), 300)} · {cost_text(summary)} so far"
    return f"{said} · ends {ends}" if ends else said


def _facts(found: Standing) -> list[tuple[str, str]]:
    summary, facts = found.summary, []
    if summary is not None:
        if found.stop_reason:
            facts.append(("why", found.stop_reason))
        if summary.wait_why and not found.died:
            facts.append(("waits", _wait(summary, found.seen_at)))
        if found.stop_text is not None:
            facts.append(("stop", f"after this link: {found.stop_text}".rstrip(": \n")))
        facts += _figures(found, summary)
        if summary.task:
            facts.append(("task", one_line(summary.task, 100)))
        facts.append(("run", f"{summary.run}, begun {local(summary.started_at)}{_last(found, summary)}"))
        if summary.workdir:
            facts.append(("workdir", summary.workdir))
    if found.runner is not None:
        facts.append(("runner", _runner(found.runner, found.seen_at)))
    if found.living_call is not None:
        ends = f"`llmauto chain stop {found.chain} --now` ends it, `{_start(found)}` takes it over"
        facts.append(("call", f"{found.living_call.name} still runs without its runner: {ends}"))
    if not found.path:
        facts.append(("file", "the chain's file is gone from this home"))
    return facts


def _runner(runner: Holder, now: float) -> str:
    who = f"pid {runner.pid} on {runner.host}, since {local(runner.since)}" if runner.pid else "unknown"
    quiet = now - runner.beat_at if runner.beat_at else 0.0
    return who + (f"; no sign of life for {human_duration(quiet)}" if quiet > QUIET_S else "")


def _figures(found: Standing, summary: RunSummary) -> list[tuple[str, str]]:
    failed = f", {summary.failed_calls} of them failed" if summary.failed_calls else ""
    budget = f", budget {dollars(summary.budget_usd)}" if summary.budget_usd is not None else ""
    link = summary.link or "-"
    if summary.call and not found.died:
        link += f" (call {summary.call})"
    ends = ends_text(summary, found.runtime_s, found.seen_at)
    return [
        ("round", f"{rounds_text(summary)}, {summary.rounds_done} finished"),
        ("link", link),
        ("runtime", human_duration(found.runtime_s)),
        ("calls", f"{summary.calls}{failed}"),
        ("cost", cost_text(summary) + budget),
        *([("ends", ends)] if ends and not summary.ended_at else []),
    ]


def _wait(summary: RunSummary, now: float) -> str:
    if not summary.wait_until:
        return f"for {summary.wait_why}"
    left = human_duration(summary.wait_until - now)
    return f"until {local(summary.wait_until)} ({left}) for {summary.wait_why}"


def _last(found: Standing, summary: RunSummary) -> str:
    if found.runner is None and summary.ended_at:
        return f", ended {local(summary.ended_at)}"
    return f", last event {ago(summary.updated_at, found.seen_at)}"


def _next(found: Standing) -> tuple[str, str]:
    name = found.chain
    if found.summary is not None and found.summary.wait_why.startswith(next_steps.AT_GATE):
        return next_steps.filled(next_steps.GATE, name)
    if found.runner is not None:
        paused = found.status == "PAUSED"
        return next_steps.filled(next_steps.PAUSED if paused else next_steps.RUNNING, name)
    if found.summary is None:
        return next_steps.filled(next_steps.NEVER_RAN, name)
    return next_steps.after(found.stop_reason, name, handoff=found.has_handoffs)


def _start(found: Standing) -> str:
    return f"llmauto chain start {found.chain}"


def _row(found: Standing) -> tuple[str, ...]:
    summary = found.summary
    if summary is None:
        return (found.chain, found.status, "-", "-", "-", "-", "-", "")
    return (
        found.chain,
        found.status,
        rounds_text(summary),
        summary.link or "-",
        human_duration(found.runtime_s),
        cost_text(summary),
        local(summary.updated_at),
        _why(found, summary),
    )


def _why(found: Standing, summary: RunSummary) -> str:
    if found.died:
        return f"interrupted: {DIED}" + (", its call goes on" if found.living_call else "")
    if found.stop_text is not None:
        return f"stops after this link: {one_line(found.stop_text, 60)}".rstrip(": ")
    if summary.wait_why:
        until = f"until {local(summary.wait_until)}: " if summary.wait_until else "waits for "
        return f"{until}{one_line(summary.wait_why, 60)}"
    return one_line(summary.message or found.stop_reason, 80)
