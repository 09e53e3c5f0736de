"""`chain rehearse`: play a chain with scripted agents, or make such a script from a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmauto.authoring.load import load
from llmauto.authoring.rehearsal import load_script
from llmauto.cli.context import Context
from llmauto.errors import UsageError
from llmauto.home import shown
from llmauto.model import Chain
from llmauto.rehearsal import Rehearsed, rehearse
from llmauto.rehearsal.expecting import differences
from llmauto.rehearsal.told import Step, as_json, path_of, steps_of
from llmauto.rules.text import cost_words, counted, human_duration, one_line

if TYPE_CHECKING:
    from llmauto.ports import RunSummary

FOLDER = "rehearsals"
"""Beside the chains: where a chain's script is looked for that is not named."""


def command(ctx: Context) -> int:
    """0 where the script was played and all was as it expects, else 1."""
    path = ctx.home.find_chain(ctx.args.name)
    loaded = load(path, home=ctx.home, settings=ctx.settings)
    for warning in loaded.warnings:
        ctx.out.say(warning)
    if ctx.args.record:
        return _record(ctx, loaded.chain)
    script_path = Path(ctx.args.script) if ctx.args.script else _script_of(path)
    script = load_script(script_path, loaded.chain)
    played = rehearse(loaded.chain, script, ctx.home.workdir(loaded.chain.workdir))
    found = differences(script.expect, played)
    steps = steps_of(played.chain, played.events)
    if ctx.args.json:
        ctx.out.json(_json(played, script_path, steps, found))
    else:
        _print(ctx, played, script_path, steps, found)
    return 1 if found else 0


def _script_of(chain: Path) -> Path:
    path = chain.parent / FOLDER / chain.name
    if path.is_file():
        return path
    raise UsageError(
        f"`{shown(path)}` is not there, and no script is named",
        hint="`--script FILE` names one, `--record` makes one from the last run",
    )


# --- playing --------------------------------------------------------------------------------------


def _print(
    ctx: Context, played: Rehearsed, path: Path, steps: tuple[Step, ...], found: tuple[str, ...]
) -> None:
    out = ctx.out
    out.line(out.style(f"rehearsal of {played.chain.name} by {shown(path)}", "bold"))
    out.line("scripted agents, a clock that takes no time: nothing is started, written or paid")
    width = max([12, *(len(_about(step)) for step in steps)])
    for step in steps:
        when = human_duration(step.at_s).rjust(8)
        why = f"  {out.style(f'({one_line(step.why, 200)})', 'dim')}" if step.why else ""
        out.line(f"{out.style(when, 'dim')}  {_about(step).ljust(width)}  {one_line(step.text, 200)}{why}")
    out.line()
    p, ended = played.progress, played.ended
    rounds, calls = counted(p.rounds_done, "round"), counted(p.calls, "call")
    cost = cost_words(p.cost_usd, p.unknown_costs)
    cost = "cost unknown" if cost == "unknown" else cost
    took = human_duration(played.events[-1].at - played.events[0].at)
    out.line(f"{ended.reason}, exit code {ended.exit_code}: {rounds}, {calls}, {cost}, {took}")
    out.line(f"path: {' → '.join(path_of(played.events)) or 'nothing was played'}")
    for difference in found:
        out.line(out.style(f"not as expected: {difference}", "red"))


def _about(step: Step) -> str:
    return f"r{step.round} {step.link}".rstrip() if step.round else step.link or "run"


def _json(played: Rehearsed, path: Path, steps: tuple[Step, ...], found: tuple[str, ...]) -> dict[str, Any]:
    p, ended = played.progress, played.ended
    return {
        "chain": played.chain.name,
        "script": str(path),
        "stop_reason": ended.reason,
        "message": ended.message,
        "exit_code": ended.exit_code,
        "rounds": p.rounds_done,
        "calls": p.calls,
        "cost_usd": round(p.cost_usd, 6),
        "unknown_costs": p.unknown_costs,
        "runtime_s": round(p.runtime_s, 3),
        "clock_s": round(played.events[-1].at - played.events[0].at, 3),
        "path": list(path_of(played.events)),
        "steps": as_json(steps),
        "as_expected": not found,
        "differences": list(found),
    }


# --- recording ------------------------------------------------------------------------------------


def _record(ctx: Context, chain: Chain) -> int:
    from llmauto.cli import standing
    from llmauto.rehearsal.recording import record

    with standing.reader(ctx.home) as journal:
        summary = _run(ctx, journal.latest(chain.name), chain.name)
        script = record(chain, journal.events(summary.run), journal.handoff)
    ctx.out.line(json.dumps(script, indent=2, ensure_ascii=False))
    if not summary.ended_at:
        ctx.out.note(f"run {summary.run} has not ended: what it has done so far is recorded")
    return 0


def _run(ctx: Context, latest: RunSummary | None, chain: str) -> RunSummary:
    if ctx.args.run:
        from llmauto.cli import standing
        from llmauto.cli.log import run_of

        with standing.reader(ctx.home) as journal:
            return run_of(journal, chain, ctx.args.run)
    if latest is None:
        raise UsageError(
            f"chain `{chain}` has not run yet: there is nothing to record",
            hint=f"`llmauto chain start {chain}` runs it",
        )
    return latest
