"""What is asked, and with what?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from llmauto.model import Link
from llmauto.ports import Agents, Clock, Emit, Interrupts, Journal, Watcher
from llmauto.rules.cleaned import Clean, unchanged

LINK = "pipe"
"""What the call is called in the journal, in its folder's name and in its agent's environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One prompt, and who is to answer it where.

    `link` has every setting; its `fallback_model` is used where its model cannot be had. `session` is an
    existing one to go on with ("" = a new one). `schema` is a JSON Schema that the answer has to meet.
    """

    prompt: str
    link: Link
    workdir: Path
    session: str = ""
    schema: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a question is asked with. `calls` is the folder of this home's calls.

    `new_session` gives a fresh session id; `daily_cap_usd` is the home's, `day_start` the UTC epoch
    seconds at which the person's day began. `hold` marks a run as under way for as long as its context
    lasts. `emit` raises nothing. `clean` takes secrets out of a text.
    """

    journal: Journal
    agents: Agents
    clock: Clock
    interrupts: Interrupts
    watcher: Watcher
    emit: Emit
    calls: Path
    new_session: Callable[[], str]
    day_start: Callable[[], float]
    hold: Callable[[str], AbstractContextManager[object]]
    daily_cap_usd: float | None = None
    clean: Clean = unchanged
    program: str = ""
    pid: int = 0
    host: str = ""
