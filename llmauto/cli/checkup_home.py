"""Is the home in order: its settings, folders, journal, chains, notices, and what is left of earlier runs?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from llmauto import files
from llmauto.authoring.load import Loaded, load
from llmauto.cli.checkup import Check, Finding, Level
from llmauto.cli.context import Context
from llmauto.cli.standing import UNDER_WAY, Standing, all_standings, reader
from llmauto.errors import ChainError
from llmauto.home import HOME_VARIABLE, HowFound
from llmauto.rules.text import counted, human_bytes
from llmauto.settings import Settings

LITTLE_ROOM = 1 << 30
"""Free bytes below which a night may fill the disk: calls keep their output (the spec's bound)."""

_HOW = {
    HowFound.OPTION: "named by `--home`",
    HowFound.ENVIRONMENT: f"named by `{HOME_VARIABLE}`",
    HowFound.WALKED_UP: "found from the current folder upward",
    HowFound.CHECKOUT: "the checkout that llmauto runs from",
    HowFound.USER: "the user's data folder: no project was found from here upward",
}


def _home(ctx: Context) -> Iterator[Finding]:
    home = ctx.home
    yield Finding(name="home", message=f"{home.path}, {_HOW[home.how_found]}")
    if home.workdir_base.is_dir():
        yield Finding(name="workdir", message=str(home.workdir_base))
    else:
        message, hint = f"{home.workdir_base} is not there", "go to another folder"
        yield Finding(name="workdir", level=Level.FAIL, message=message, hint=hint)


def settings_or_defaults(ctx: Context) -> Settings:
    """The settings; the built-in ones where config.json is wrong, which another finding says."""
    try:
        return ctx.settings
    except ChainError:
        return Settings()


def _settings(ctx: Context) -> Iterator[Finding]:
    settings = ctx.settings
    where = str(ctx.home.config) if ctx.home.config.exists() else "built in: there is no config.json"
    yield Finding(name="settings", message=where)
    for warning in settings.warnings:
        yield Finding(name="settings", level=Level.WARN, message=warning)


def _folders(ctx: Context) -> Iterator[Finding]:
    home = ctx.home
    folders = [home.path, home.state, home.logs, home.calls]
    there = [folder for folder in folders if folder.is_dir()]
    locked = [folder for folder in there if not _takes_files(folder)]
    if not there and not os.access(_above(home.path), os.W_OK):
        locked = [home.path]
    if locked:
        yield Finding(
            name="folders",
            level=Level.FAIL,
            message=f"cannot be written: {', '.join(map(str, locked))}",
            hint="give yourself permission to write there, or use another home with `--home DIR`",
        )
    else:
        yield Finding(name="folders", message="can be written" if there else "are made when first needed")
    free = files.free_bytes(home.path)
    if free is not None and free < LITTLE_ROOM:
        hint = "make room: a run is paused when there is none; `llmauto clean` removes old runs"
        yield Finding(name="space", level=Level.WARN, message=f"only {human_bytes(free)} are free", hint=hint)
    else:
        yield Finding(name="space", message="unknown" if free is None else f"{human_bytes(free)} are free")


def _takes_files(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _above(path: Path) -> Path:
    return next((folder for folder in path.parents if folder.exists()), path)


def _journal(ctx: Context) -> Iterator[Finding]:
    if not ctx.home.journal.exists():
        with reader(ctx.home):  # says so where it was lost
            yield Finding(name="journal", message="there is none yet: it is made by the first run")
        return
    with reader(ctx.home) as journal:
        journal.verify()
        count = len(journal.runs())
        size = human_bytes(ctx.home.journal.stat().st_size)
        yield Finding(name="journal", message=f"{counted(count, 'run')}, {size}, undamaged")
        for note in journal.notes:
            yield Finding(name="journal", level=Level.WARN, message=note)


def loaded_chains(ctx: Context) -> tuple[list[Loaded], list[str]]:
    """The home's own chains that can be started, and the names of those with mistakes."""
    settings, good, wrong = settings_or_defaults(ctx), [], []
    for chain in ctx.home.list_chains():
        if chain.shipped:
            continue
        try:
            good.append(load(chain.path, home=ctx.home, settings=settings))
        except ChainError:
            wrong.append(chain.name)
    return good, wrong


def _chains(ctx: Context) -> Iterator[Finding]:
    good, wrong = loaded_chains(ctx)
    if wrong:
        names = ", ".join(wrong[:5]) + (", …" if len(wrong) > 5 else "")
        yield Finding(
            name="chains",
            level=Level.WARN,
            message=f"{len(wrong)} of {len(good) + len(wrong)} have mistakes: {names}",
            hint=f"`llmauto chain check {wrong[0]}` names them",
        )
    elif good:
        yield Finding(name="chains", message=f"{len(good)} of this home, none with a mistake")
    else:
        yield Finding(name="chains", message="none of this home's own; the shipped ones can be started")


def _telegram(ctx: Context) -> Iterator[Finding]:
    telegram = settings_or_defaults(ctx).telegram
    if not telegram.enabled:
        yield Finding(name="telegram", message="off")
        return
    missing = []
    if not ctx.environ.get(telegram.bot_token_env):
        missing.append(f"the variable `{telegram.bot_token_env}`")
    if not telegram.chat_id:
        missing.append("`telegram.chat_id`")
    if missing:
        message = f"on, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        hint = "set what is missing, or `telegram.enabled` to false"
        yield Finding(name="telegram", level=Level.WARN, message=message, hint=hint)
    else:
        yield Finding(name="telegram", message=f"on, with the token in `{telegram.bot_token_env}`")


def _runs(ctx: Context) -> Iterator[Finding]:
    with reader(ctx.home) as journal:
        standings = all_standings(ctx.home, journal)
    stale = [each for each in standings if each.died or each.living_call is not None]
    for each in stale:
        yield _stale(each)
    if not stale:
        on = [s.chain for s in standings if s.runner is not None and s.status in UNDER_WAY]
        yield Finding(name="runs", message=f"under way: {', '.join(on)}" if on else "none is left over")


def _stale(found: Standing) -> Finding:
    name = found.chain
    if found.living_call is not None:
        message = f"an agent of chain {name} still works, though its runner is gone"
        hint = f"`llmauto chain start {name}` takes it over, `llmauto chain stop {name} --now` ends it"
    else:
        message = f"the runner of chain {name} was killed in the middle of a run"
        hint = f"`llmauto chain start {name}` goes on at the very link"
    return Finding(name="runs", level=Level.WARN, message=message, hint=hint)


CHECKS: tuple[tuple[str, Check], ...] = (
    ("home", _home),
    ("settings", _settings),
    ("folders", _folders),
    ("journal", _journal),
    ("chains", _chains),
    ("telegram", _telegram),
    ("runs", _runs),
)
