"""How is Claude Code started for one call?

By the facts of version 2.1.331: the prompt on stdin, `stream-json` on stdout, the session by our own id.
Nothing secret or long stands in argv: a system prompt and inline JSON go into files of the call's folder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmauto.backends.base import CommandLine, Reader
from llmauto.backends.claude_stream import ClaudeReader
from llmauto.backends.programs import find_program
from llmauto.model import Link
from llmauto.ports import CallOrder

MAX_PROMPT_BYTES = 10_000_000
"""The CLI refuses more than 10 MB on stdin."""

NEEDS = {
    # Left alone it asks 11 times over three minutes; the engine has a back-off of its own.
    "CLAUDE_CODE_MAX_RETRIES": "2",
    # Otherwise the model may end its turn while a task goes on, the process stays for up to ten minutes,
    # and the result is one of a task that is not finished.
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    # A run must not change its agent's version in the middle of the night.
    "DISABLE_AUTOUPDATER": "1",
}
"""What the CLI's environment gets; a link's `env` can say otherwise."""

_INSTALL = "install it with `npm install -g @anthropic-ai/claude-code`, or set `backends.claude.path`"


@dataclass(frozen=True, slots=True)
class Claude:
    """Claude Code."""

    name: str = "claude"
    max_prompt_bytes: int | None = MAX_PROMPT_BYTES
    keeps_sessions: bool = True

    def program(
        self, link: Link, *, paths: Mapping[str, str], env: Mapping[str, str], cwd: Path
    ) -> tuple[str, ...]:
        """The CLI, by `LLMAUTO_CLAUDE_PATH`, the config or PATH. Raises `BackendError`."""
        return (find_program("claude", paths=paths, env=env, cwd=cwd, backend="claude", hint=_INSTALL),)

    def bare(self, link: Link) -> tuple[str, ...]:
        """`claude`."""
        return ("claude",)

    def launch(self, order: CallOrder, program: Sequence[str]) -> CommandLine:
        """The command line of that call."""
        files: dict[str, str] = {}
        argv = [
            *program,
            "-p",
            *_model_flags(order),
            *_permission_flags(order.link),
            *_context_flags(order, files),
            *_caps(order),
            *order.link.backend_args,
            # Last, so that they count whatever `backend_args` say, and so that a flag with several
            # values before them swallows nothing.
            *_session_flags(order),
            "--output-format",
            "stream-json",
            "--verbose",
        ]
        return CommandLine(argv=tuple(argv), env=NEEDS, files=files)

    def reader(self, order: CallOrder) -> Reader:
        """A new reader of `stream-json`."""
        return ClaudeReader(order)

    def version_argv(self, program: Sequence[str]) -> tuple[str, ...] | None:
        """`claude --version`."""
        return (*program, "--version")


def _session_flags(order: CallOrder) -> list[str]:
    if not order.session:
        return ["--no-session-persistence"]
    return ["--resume" if order.resume else "--session-id", order.session]


def _model_flags(order: CallOrder) -> list[str]:
    link = order.link
    return [
        *(["--model", order.model] if order.model else []),
        *(["--effort", link.effort] if link.effort else []),
        *(["--agent", link.agent] if link.agent else []),
    ]


def _permission_flags(link: Link) -> list[str]:
    """Each list is one argument: commas separate its tools, and the next flag ends it."""
    flags = ["--permission-mode", link.permission_mode] if link.permission_mode else []
    if link.allowed_tools:
        flags += ["--allowedTools", ",".join(link.allowed_tools)]
    if link.disallowed_tools:
        flags += ["--disallowedTools", ",".join(link.disallowed_tools)]
    return flags


def _context_flags(order: CallOrder, files: dict[str, str]) -> list[str]:
    link = order.link
    flags = [word for folder in link.add_dirs for word in ("--add-dir", folder)]
    if link.system_prompt:
        files["system_prompt.md"] = link.system_prompt
        flags += ["--append-system-prompt-file", str(order.folder / "system_prompt.md")]
    for flag, value, name in (
        ("--settings", link.settings, "settings.json"),
        ("--mcp-config", link.mcp_config, "mcp_config.json"),
    ):
        if value and value.lstrip().startswith("{"):
            files[name] = value
            flags += [flag, str(order.folder / name)]
        elif value:
            flags += [flag, value]
    return flags


def _caps(order: CallOrder) -> list[str]:
    flags = ["--json-schema", order.schema] if order.schema else []
    if order.link.max_turns:
        flags += ["--max-turns", str(order.link.max_turns)]
    if order.budget_usd is not None:
        # The CLI takes no 0; the smallest sum that it takes ends the call after its first answer. Rounded
        # up, so that a call which is ended by what was left of the run's budget has used it up.
        flags += [
            "--max-budget-usd",
            f"{max(math.ceil(round(order.budget_usd * 10_000, 6)), 1) / 10_000:.4f}",
        ]
    return flags


BACKEND = Claude()
