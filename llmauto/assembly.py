"""How is an engine built from its parts? The one place that knows every adapter."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from llmauto import worktree
from llmauto.agents import KeptAgents
from llmauto.backends import load_backend
from llmauto.engine.parts import Parts, Places
from llmauto.errors import UsageError
from llmauto.git import inside_repository
from llmauto.rules.text import quoted
from llmauto.secrecy import clean_with, known_secrets
from llmauto.watcher import TreeWatcher

if TYPE_CHECKING:
    from llmauto.agents import Keeper
    from llmauto.checkpoints import GitCheckpoints
    from llmauto.home import Home
    from llmauto.model import Chain
    from llmauto.ports import Agents, Clock, Emit, Interrupts, Journal, Notifier
    from llmauto.rules.redaction import Redactor
    from llmauto.settings import Settings


_JOURNAL_ENDS = ("", "-wal", "-shm", "-journal", "-mark", "-reserve", ".bak")


def places_for(chain: Chain, home: Home) -> Places:
    """Where the chain's run takes place.

    Raises `UsageError` where a workdir is missing, or `isolation` has no repository to work with.
    """
    workdir = _existing(home.workdir(chain.workdir), "the workdir")
    for link in chain.links:
        if link.workdir:
            _existing(home.workdir(chain.workdir, link.workdir), f"the workdir of link `{link.name}`")
    if chain.isolation == "worktree":
        worktree.check(workdir)
    user_home = str(Path.home())
    return Places(
        workdir=workdir,
        calls=home.calls,
        user_home=user_home,
        bash_home=bash_path(user_home),
        link_workdir=lambda own: home.workdir(chain.workdir, own).resolve(),
        aliases_state=(workdir / "state") != home.state,
    )


def in_worktree(places: Places, home: Home, tree: worktree.Worktree) -> Places:
    """The same places, with all that lies in the person's repository moved into a run's own worktree."""
    return replace(
        places,
        workdir=tree.workdir,
        link_workdir=lambda own: tree.inside(places.link_workdir(own)),
        aliases_state=(tree.workdir / "state") != home.state,
    )


def places_of_run(chain: Chain, home: Home, run: str) -> Places:
    """Where a run that has begun takes place. Raises `UsageError` where a workdir is missing."""
    places, tree = places_for(chain, home), worktree.of_run(home.path, chain.name, run)
    return places if tree is None else in_worktree(places, home, tree)


def bash_path(path: str) -> str:
    """A path as bash writes it: `C:\\Users\\me` is `/c/Users/me`."""
    drive, slash = PurePath(path).drive, path.replace("\\", "/")
    if len(drive) == 2 and drive[1] == ":":
        return f"/{drive[0].lower()}{slash[2:]}"
    return slash


def agents_for(
    home: Home,
    settings: Settings,
    clock: Clock,
    environ: Mapping[str, str],
    keeper: Keeper | None = None,
) -> KeptAgents:
    """What makes calls: the backends over the keeper, or over one of the caller's."""
    from llmauto import keeper as for_one_call

    tokens = (settings.telegram.bot_token_env,)
    return KeptAgents(
        keeper=keeper or for_one_call,
        clock=clock,
        environ=environ,
        paths=settings.backend_paths,
        tokens=tokens,
        secrets=known_secrets(environ, tokens),
    )


def ready(chain: Chain, home: Home, settings: Settings, environ: Mapping[str, str]) -> Places:
    """Where the chain's run takes place, once all that it needs is there; nothing is made for it yet.

    Raises `UsageError` as `places_for` does, and `BackendError` where a link's program is missing.
    """
    places = places_for(chain, home)
    for link in chain.links:
        if not link.player:
            continue
        workdir = places.link_workdir(link.workdir) if link.workdir else places.workdir
        load_backend(link.player).program(link, paths=settings.backend_paths, env=environ, cwd=workdir)
    return places


def watcher_for(home: Home, places: Places) -> TreeWatcher:
    """What looks at the workdir, with llmauto's own files left aside."""
    return TreeWatcher(places.workdir, [*own_files(home), places.workdir / "state"])


def own_files(home: Home) -> list[Path]:
    """The files and folders that are llmauto's own, not a project's."""
    journal = [home.path / f"journal.db{end}" for end in _JOURNAL_ENDS]
    own = [home.state, home.logs, home.calls, home.path / worktree.FOLDER, *journal]
    if home.private:
        own.append(home.path)
    return own


def checkpoints_for(home: Home, chain: str, workdir: Path) -> GitCheckpoints | None:
    """What keeps the workdir of a chain's run; None where it is in no git repository."""
    if not inside_repository(workdir):
        return None
    from llmauto.checkpoints import GitCheckpoints

    return GitCheckpoints(workdir, [*own_files(home), workdir / "state" / chain])


def assemble(
    chain: Chain,
    *,
    home: Home,
    settings: Settings,
    journal: Journal,
    places: Places,
    agents: Agents,
    clock: Clock,
    interrupts: Interrupts,
    notifier: Notifier,
    emit: Emit,
    beat: Callable[[], None],
    redactor: Redactor | None = None,
) -> Parts:
    """The parts of an engine that plays this chain for real."""
    from llmauto.desk import StateDesk

    return Parts(
        chain=chain,
        places=places,
        journal=journal,
        agents=agents,
        desk=StateDesk(home.path, chain.name, places.workdir, redactor),
        clock=clock,
        watcher=watcher_for(home, places),
        interrupts=interrupts,
        notifier=notifier,
        emit=emit,
        new_session=lambda: str(uuid.uuid4()),
        beat=beat,
        day_start=lambda: midnight(clock.now()),
        daily_cap_usd=settings.daily_budget_usd,
        checkpoints=checkpoints_for(home, chain.name, places.workdir) if settings.git_checkpoints else None,
        clean=clean_with(redactor),
    )


def this_process() -> tuple[int, str]:
    """(pid, host) for people."""
    return os.getpid(), socket.gethostname()


def midnight(now: float) -> float:
    """The UTC epoch seconds at which the person's local day began."""
    day = time.localtime(now)
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1))


def _existing(path: Path, what: str) -> Path:
    if not path.is_dir():
        found = "is not a folder" if path.exists() else "does not exist"
        raise UsageError(
            f"{what} {quoted(str(path), 200)} {found}", hint="make it, or set `workdir` in the chain"
        )
    if not os.access(path, os.R_OK | os.X_OK):
        hint = "give yourself permission to read it, or set `workdir` in the chain"
        raise UsageError(f"{what} {quoted(str(path), 200)} cannot be read", hint=hint)
    return path.resolve()
