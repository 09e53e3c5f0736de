"""`chain create`: write a new chain from a pattern, after asking what people change most often."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmauto.authoring.load import load
from llmauto.cli.ask import Asker
from llmauto.cli.chainfile import as_text, check_free, schema_for, with_schema
from llmauto.cli.context import Context
from llmauto.cli.create_questions import Questions
from llmauto.cli.newfiles import NewFiles
from llmauto.cli.patterns import Pattern, find_pattern, list_patterns
from llmauto.errors import ChainError, UsageError
from llmauto.home import Home, shown

WAY_OUT = "`llmauto chain create NAME --template T --yes` asks nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A chain that is to be written, and new prompts for it: file name → text."""

    name: str
    values: Mapping[str, Any]
    prompts: Mapping[str, str] = field(default_factory=dict)


def create(ctx: Context) -> int:
    """The command. Nothing is written before all is answered."""
    home = ctx.home
    patterns = list_patterns(home)
    if ctx.args.name is not None:
        check_free(home, ctx.args.name)
    given = find_pattern(patterns, ctx.args.template) if ctx.args.template else None
    if ctx.args.yes:
        wanted = _unasked(ctx, given or patterns[0])
    else:
        asked = _asked(ctx, patterns, given)
        if asked is None:
            ctx.out.say("nothing was written")
            return 0
        wanted = asked
    _write(ctx, wanted)
    return 0


def _unasked(ctx: Context, pattern: Pattern) -> Wanted:
    if ctx.args.name is None:
        hint = "`llmauto chain create NAME --yes` takes the defaults for all the rest"
        raise UsageError("`chain create --yes` needs a name for the chain", hint=hint)
    return Wanted(name=ctx.args.name, values=pattern.values)


def _asked(ctx: Context, patterns: tuple[Pattern, ...], given: Pattern | None) -> Wanted | None:
    """What the person wants; None where they look at it and say no."""
    home, out = ctx.home, ctx.out
    asker = Asker(out, sys.stdin, WAY_OUT)
    out.say(f"A new chain in {home.path}.")
    out.say("Enter takes what stands in brackets. Ctrl-C ends this, and nothing is written.")
    name = ctx.args.name or asker.text("Name", "", lambda name: _name_problem(home, name))
    pattern = given
    if pattern is None:
        choices = [(each.name, each.line) for each in patterns]
        pattern = find_pattern(patterns, asker.choice("Pattern", choices, patterns[0].name))
    questions = Questions(asker, home, name, pattern.values)
    questions.ask()
    wanted = Wanted(name=name, values=questions.values, prompts=questions.prompts)
    out.say(as_text(with_schema(wanted.values, None)).rstrip())
    for file in wanted.prompts:
        out.say(f"and the new prompt prompts/{file}")
    if asker.at_terminal and not asker.yes(f"Write chains/{name}.json?", default=True):
        return None
    return wanted


def _name_problem(home: Home, name: str) -> str | None:
    try:
        check_free(home, name)
    except UsageError as error:
        return f"{error}; {error.hint}"
    return None


def _write(ctx: Context, wanted: Wanted) -> None:
    home, name = ctx.home, wanted.name
    path = home.chains / f"{name}.json"
    way_out = "choose another name"
    with NewFiles(home) as new:
        for file, text in wanted.prompts.items():
            new.write(home.prompts / file, text, way_out)
        new.write(path, as_text(with_schema(wanted.values, schema_for(home, home.chains))), way_out)
        warnings = _checked(ctx, path)
    for warning in warnings:
        ctx.out.say(warning)
    shipped = home.shipped / "chains" / path.name
    if shipped.exists() and not shipped.samefile(path):
        ctx.out.note(f"a shipped chain is called `{name}` too; in this home yours comes first")
    for written in (*(home.prompts / file for file in wanted.prompts), path):
        ctx.out.line(f"wrote {shown(written)}")
    ctx.out.line(f'  next: llmauto chain start {name} --dry-run --task "…"    shows what would be started')
    ctx.out.line(f'        llmauto chain start {name} --task "…"              starts it')


def _checked(ctx: Context, path: Path) -> tuple[str, ...]:
    """The warnings about the file that was written, by the same loader that `chain start` uses."""
    try:
        return load(path, home=ctx.home, settings=ctx.settings).warnings
    except ChainError as error:
        hint = error.hint or "nothing was written; the pattern itself may be wrong"
        raise ChainError(str(error), hint=hint, problems=error.problems) from error
