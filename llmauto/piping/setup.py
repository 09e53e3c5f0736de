"""With which settings is a pipe's question asked, and by which means? From a home, for real."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import __version__, assembly
from llmauto.authoring.paths import Paths
from llmauto.backends import BUILT_IN, NOT_BUILT_YET, load_backend
from llmauto.errors import BackendError, UsageError
from llmauto.files import make_private_dir
from llmauto.locks import RunnerLock, holder
from llmauto.model import Link
from llmauto.piping.values import LINK, Means, Question
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import human_bytes, quoted
from llmauto.secrecy import clean_with, known_secrets, redactor_for
from llmauto.watcher import TreeWatcher

if TYPE_CHECKING:
    from llmauto.home import Home
    from llmauto.ports import Clock, Emit, Interrupts, Journal
    from llmauto.settings import Settings

LARGEST_SCHEMA = 100_000
"""Bytes: it is one argument of a command line, and Linux takes 128 KiB of that."""

_OF_CHAINS = ("command", "check")
"""Backends that need a `run`, which only a link of a chain has."""
_STRUCTURED = ("claude",)
"""Backends whose answers can be held to a schema."""
_LOCK = "runner.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for. None = what the settings say.

    `schema` is JSON text, "" for none. With `pieces` a text is told in pieces as it comes, where the
    backend can do that.
    """

    backend: str = "claude"
    model: str | None = None
    fallback_model: str | None = None
    system: str | None = None
    schema: str = ""
    timeout_s: float | None = None
    permission_mode: str | None = None
    allowed_tools: tuple[str, ...] | None = None
    session: str = ""
    max_cost_usd: float | None = None
    pieces: bool = False


def question_for(prompt: str, wanted: Wanted, settings: Settings, workdir: Path) -> Question:
    """The question, complete. Raises `UsageError` where something in it cannot be."""
    backend = checked_backend(wanted.backend)
    if not prompt.strip():
        raise UsageError("the prompt is empty", hint="say what is to be answered")
    if "\0" in prompt:
        raise UsageError("the prompt holds a NUL byte: it is no text")
    size, most = len(prompt.encode("utf-8", errors="replace")), load_backend(backend).max_prompt_bytes
    if most is not None and size > most:
        raise UsageError(
            f"the prompt has {human_bytes(size)}, `{backend}` takes {human_bytes(most)}",
            hint="shorten it, or name the file in the prompt and let the agent read it",
        )
    if wanted.timeout_s is not None and not 0 < wanted.timeout_s < float("inf"):
        raise UsageError(f"the time limit has to be more than 0 seconds, found `{wanted.timeout_s}`")
    return Question(
        prompt=prompt,
        link=_link(wanted, settings),
        workdir=workdir,
        session=wanted.session,
        schema=checked_schema(wanted.schema, backend) if wanted.schema else "",
    )


def checked_backend(name: str) -> str:
    """The name, where a pipe can use it. Raises `UsageError`."""
    known = [each for each in BUILT_IN if each not in _OF_CHAINS]
    hint = f"a pipe can use {', '.join(f'`{each}`' for each in known)}"
    if name in _OF_CHAINS:
        raise UsageError(f"the backend `{name}` needs `run`, which only a link of a chain has", hint=hint)
    try:
        return load_backend(name).name
    except BackendError as error:
        said = str(error) if name in NOT_BUILT_YET else f"unknown backend {quoted(name)}"
        raise UsageError(said, hint=did_you_mean(name, known) or hint) from None


def checked_schema(text: str, backend: str, what: str = "the schema") -> str:
    """The schema on one line of JSON. Raises `UsageError`."""
    if backend not in _STRUCTURED:
        raise UsageError(f"the backend `{backend}` gives no structured answers", hint="leave the schema out")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{what} is no JSON object", hint='a JSON Schema begins with `{"type": "object", …`')
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(line.encode("utf-8", "replace")) > LARGEST_SCHEMA:
        raise UsageError(f"{what} has more than {human_bytes(LARGEST_SCHEMA)}")
    return line


def _link(wanted: Wanted, settings: Settings) -> Link:
    paths = Paths(str(Path.home()), settings.known_user_homes)
    ours = wanted.backend == "claude"  # the defaults of config.json are Claude Code's words
    tools = wanted.allowed_tools
    if tools is None:
        tools = settings.default_allowed_tools if ours else ()
    return Link(
        name=LINK,
        preamble=False,
        backend=wanted.backend,
        model=wanted.model or (settings.default_model if ours else None),
        fallback_model=wanted.fallback_model or None,
        permission_mode=wanted.permission_mode or (settings.default_permission_mode if ours else None),
        allowed_tools=tools,
        timeout_s=wanted.timeout_s or settings.default_timeout_seconds,
        env={name: paths.value(text) for name, text in settings.env.items()},
        system_prompt=wanted.system or None,
        backend_args=("--include-partial-messages",) if ours and wanted.pieces else (),
        max_cost_usd=wanted.max_cost_usd,
    )


def means_for(
    home: Home, settings: Settings, environ: Mapping[str, str], journal: Journal, clock: Clock, *,
    interrupts: Interrupts, emit: Emit, workdir: Path,
) -> Means:  # fmt: skip
    """What asks for real. Raises `DiskError` where the home cannot be written."""
    make_private_dir(home.calls)
    pid, host = assembly.this_process()

    def hold(run: str) -> AbstractContextManager[object]:
        return RunnerLock.acquire(home.calls / run / _LOCK, {"pid": pid, "host": host, "run": run})

    return Means(
        journal=journal,
        agents=assembly.agents_for(home, settings, clock, environ),
        clock=clock,
        interrupts=interrupts,
        watcher=TreeWatcher(workdir, assembly.own_files(home)),
        emit=emit,
        calls=home.calls,
        new_session=lambda: str(uuid.uuid4()),
        day_start=lambda: assembly.midnight(clock.now()),
        hold=hold,
        daily_cap_usd=settings.daily_budget_usd,
        clean=clean_with(redactor_for(known_secrets(environ, (settings.telegram.bot_token_env,)))),
        program=f"llmauto {__version__}",
        pid=pid,
        host=host,
    )


def held_in(home: Home) -> Callable[[str], bool]:
    """What tells whether a pipe's run is under way."""
    return lambda run: holder(home.calls / run / _LOCK) is not None
