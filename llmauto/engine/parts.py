"""What an engine is built from: everything it touches is handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmauto.model import Chain
from llmauto.ports import Agents, Checkpoints, Clock, Desk, Emit, Interrupts, Journal, Notifier, Watcher
from llmauto.rules.cleaned import Clean, unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Absolute paths of one run. `workdir` exists; `calls` is the folder of this home's calls.

    `link_workdir` resolves a link's own workdir. `user_home` and `bash_home` are the texts of the
    placeholders. `aliases_state`: `state/<chain>/` below the workdir is not the state folder.
    """

    workdir: Path
    calls: Path
    user_home: str
    bash_home: str
    link_workdir: Callable[[str], Path]
    aliases_state: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The chain to play and the adapters to play it with.

    `new_session` gives a fresh session id; `daily_cap_usd` is the home's, `day_start` the UTC epoch
    seconds at which the person's day began. `beat` is called about every 5 s, so that others see
    that the runner lives. `checkpoints` is None where the workdir cannot or shall not be kept. `clean` takes
    secrets out of a text.
    """

    chain: Chain
    places: Places
    journal: Journal
    agents: Agents
    desk: Desk
    clock: Clock
    watcher: Watcher
    interrupts: Interrupts
    notifier: Notifier
    emit: Emit
    new_session: Callable[[], str]
    beat: Callable[[], None]
    day_start: Callable[[], float]
    daily_cap_usd: float | None = None
    checkpoints: Checkpoints | None = None
    clean: Clean = unchanged
