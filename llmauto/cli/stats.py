"""`chain stats`: what runs cost, how long they took, and how they ended."""

from __future__ import annotations

import csv
import time
from typing import TYPE_CHECKING

from llmauto.cli import standing
from llmauto.errors import UsageError
from llmauto.rules.names import check_name
from llmauto.rules.text import counted, dollars, human_duration
from llmauto.views import BY, Stats, view_of
from llmauto.views.stats import Figures, figures_json

if TYPE_CHECKING:
    from llmauto.cli.context import Context

_COLUMNS = ("calls", "failed_calls", "seconds", "cost_usd", "unknown_costs", "tokens")


def stats(ctx: Context) -> int:
    """The figures of one chain, or of all of this home."""
    args = ctx.args
    name = check_name(args.name) if args.name else None
    if args.json and args.csv:
        raise UsageError("`--json` and `--csv` exclude each other", hint="take one of them")
    found = gather(ctx, name)
    if args.json:
        ctx.out.json({"chain": name, **found.to_json()})
    elif args.csv:
        _csv(ctx, found, args.by)
    elif found.runs.runs:
        _people(ctx, found, args.by)
    else:
        ctx.out.line(
            "no run of this home has begun yet" if name is None else f"chain `{name}` has not run yet"
        )
    return 0


def gather(ctx: Context, name: str | None) -> Stats:
    """The figures over the runs of that chain; of all chains, but not of `pipe`, where it is None."""
    found = Stats(day_of)
    with standing.reader(ctx.home) as journal:
        if name is not None:
            standing.known(ctx.home, journal, name)
        for run in journal.runs(name):
            if run.chain:
                found.add(view_of(journal.events(run.run)))
    return found


def day_of(at: float) -> str:
    """The local day of a UTC epoch time."""
    return time.strftime("%Y-%m-%d", time.localtime(at))


def _people(ctx: Context, found: Stats, by: str | None) -> None:
    runs, reasons = found.runs, sorted(found.reasons.items(), key=lambda row: -row[1])
    ended = ", ".join(f"{count} {reason or 'not ended'}" for reason, count in reasons)
    ctx.out.line(
        f"{counted(runs.runs, 'run')} ({ended}), {counted(runs.rounds, 'round')}, "
        f"{human_duration(runs.runtime_s)} at work"
    )
    if found.verdicts:
        ctx.out.line(
            "verdicts: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(found.verdicts.items()))
        )
    for one in [by] if by else BY:
        rows = [_row(name, figures) for name, figures in found.rows(one)]
        if rows:
            ctx.out.line()
            head = (one.upper(), "CALLS", "FAILED", "TIME", "TOKENS", "COST")
            ctx.out.table(head, [*rows, _row("all", found.all)])


def _row(name: str, figures: Figures) -> tuple[str, ...]:
    known = figures_json(figures)["cost_usd"]
    more = f" + {figures.unknown_costs} unknown" if figures.unknown_costs and known is not None else ""
    return (
        name,
        str(figures.calls),
        str(figures.failed_calls or "-"),
        human_duration(figures.seconds),
        f"{figures.tokens:,}" if figures.tokens else "-",
        f"{dollars(known)}{more}",
    )


def _csv(ctx: Context, found: Stats, by: str | None) -> None:
    writer = csv.writer(ctx.out.stdout, lineterminator="\n")
    writer.writerow(["by", "name", *_COLUMNS])
    for one in [by] if by else BY:
        for name, figures in found.rows(one):
            values = figures_json(figures)
            writer.writerow(
                [one, _harmless(name), *("" if values[c] is None else values[c] for c in _COLUMNS)]
            )


def _harmless(text: str) -> str:
    """A name that a spreadsheet does not take for a formula: models are named by whoever answers."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
