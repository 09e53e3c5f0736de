"""Is this machine fit for llmauto: its Python, its SQLite, its git, and who is at work?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from llmauto import __version__
from llmauto.cli.checkup import Check, Finding, Level
from llmauto.cli.context import Context

OLDEST_SQLITE = (3, 24, 0)
"""The first one that knows `ON CONFLICT … DO UPDATE`, by which the journal keeps its rows."""


def _llmauto(ctx: Context) -> Iterator[Finding]:
    yield Finding(name="llmauto", message=f"{__version__}, {Path(__file__).resolve().parents[1]}")


def _python(ctx: Context) -> Iterator[Finding]:
    import platform

    yield Finding(name="python", message=f"{platform.python_version()}, {sys.executable or 'embedded'}")
    yield Finding(name="platform", message=platform.platform(aliased=True, terse=True))


def _user(ctx: Context) -> Iterator[Finding]:
    if not is_root():
        yield Finding(name="user", message="not root")
        return
    sandbox = ctx.environ.get("IS_SANDBOX") == "1"
    then = "IS_SANDBOX=1 allows it" if sandbox else "it would need IS_SANDBOX=1"
    yield Finding(name="user", message=f"root: Claude Code refuses `bypassPermissions`; {then}")


def is_root() -> bool:
    """Whether this process may do everything. Windows has no such user."""
    return sys.platform != "win32" and os.geteuid() == 0


def _sqlite(ctx: Context) -> Iterator[Finding]:
    import sqlite3

    if sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        yield Finding(name="sqlite", message=sqlite3.sqlite_version)
        return
    needed = ".".join(map(str, OLDEST_SQLITE))
    yield Finding(
        name="sqlite",
        level=Level.FAIL,
        message=f"{sqlite3.sqlite_version} is older than {needed}",
        hint="use a newer Python: it brings its own SQLite",
    )


def _git(ctx: Context) -> Iterator[Finding]:
    from llmauto.git import git

    said = git(Path.cwd(), "--version", timeout_s=10)
    if said is not None:
        yield Finding(name="git", message=said.decode(errors="replace").strip().removeprefix("git version "))
        return
    yield Finding(
        name="git",
        level=Level.WARN,
        message="it is not there, or does not answer",
        hint="install git: without it progress is judged by the sizes and times of files",
    )


CHECKS: tuple[tuple[str, Check], ...] = (
    ("llmauto", _llmauto),
    ("python", _python),
    ("user", _user),
    ("sqlite", _sqlite),
    ("git", _git),
)
