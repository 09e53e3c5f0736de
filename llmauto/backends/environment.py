"""What environment does an agent get? The person's own, without what would mislead or betray.

Taken away: what marks a process as living inside an agent (the agent would think that it is a helper of
another one), llmauto's own settings, and the tokens of notices. Added, each over the one before: the
backend's needs, the link's `env`, the call's five `LLMAUTO_…` variables and `PWD`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from llmauto.ports import CallOrder

MARKS = frozenset(
    {
        # What Claude Code 2.1.331 sets for the programs it starts. A list and not a prefix: ANTHROPIC_…,
        # CLAUDE_CODE_OAUTH_TOKEN, CLAUDE_CONFIG_DIR, CLAUDE_CODE_USE_BEDROCK and their like are the
        # person's login and settings, and stay.
        "AI_AGENT",
        "CLAUDECODE",
        "CLAUDE_CODE_CHILD_NOTES_DIR",
        "CLAUDE_CODE_CHILD_SESSION",
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_EXECPATH",
        "CLAUDE_CODE_MESSAGING_SOCKET",
        "CLAUDE_CODE_MESSAGING_TOKEN",
        "CLAUDE_CODE_SESSION_ATTENDED",
        "CLAUDE_CODE_SESSION_ID",
        "CLAUDE_CODE_SSE_PORT",
        "CLAUDE_EFFORT",
        "CLAUDE_ENV_FILE",
        "CLAUDE_PID",
        "CLAUDE_PROJECT_DIR",
        # Other agents' CLIs.
        "CODEX_THREAD_ID",
        "CURSOR_AGENT",
        "CURSOR_TRACE_ID",
        "GEMINI_CLI",
        "OPENCODE",
    }
)
"""Variables that tell a process that it was started by an agent."""

NOTIFIER_TOKENS = frozenset({"TELEGRAM_BOT_TOKEN"})
"""Token variables that are always taken away; the config may name others."""

_OURS = "LLMAUTO_"
_CALL = "LLMAUTO_CALL"
"""The keeper's mark, by which it finds what an agent left behind. A llmauto that an agent starts hands it on,
so that the outer keeper finds what the inner one lost."""
_NEEDED_ON_WINDOWS = ("SYSTEMROOT",)  # without it no program there can open a socket


def call_environment(
    order: CallOrder,
    environ: Mapping[str, str],
    *,
    needs: Mapping[str, str],
    tokens: Collection[str] = (),
) -> dict[str, str]:
    """The whole environment of that call's process.

    `needs` is what the backend asks for, `tokens` names variables with the notifiers' secrets. With
    the link's `env_only` exactly the variables it names come from the person's environment (on Windows
    SYSTEMROOT too), and what is taken away stays away even if it is named there.
    """
    kept = {
        name: value
        for name, value in without_marks(environ, tokens).items()
        if _key(name) == _CALL or _allowed(name, order)
    }
    for more in (needs, order.link.env, _of_call(order)):
        for name, value in more.items():
            _put(kept, name, value)
    return kept


def without_marks(environ: Mapping[str, str], tokens: Collection[str] = ()) -> dict[str, str]:
    """The environment without what is never handed on."""
    hidden = {_key(name) for name in (*MARKS, *NOTIFIER_TOKENS, *tokens)}
    return {
        name: value
        for name, value in environ.items()
        if _key(name) == _CALL or (_key(name) not in hidden and not _key(name).startswith(_OURS))
    }


def _of_call(order: CallOrder) -> dict[str, str]:
    return {
        "LLMAUTO_CHAIN": order.chain,
        "LLMAUTO_LINK": order.link.name,
        "LLMAUTO_ROUND": str(order.round),
        "LLMAUTO_RUN": order.run,
        "LLMAUTO_HANDOFF": str(order.handoff),
        # Some CLIs take their folder from here and not from where they were started.
        "PWD": str(order.workdir),
    }


def _allowed(name: str, order: CallOrder) -> bool:
    only = order.link.env_only
    if only is None:
        return True
    always = _NEEDED_ON_WINDOWS if os.name == "nt" else ()
    return _key(name) in {_key(each) for each in (*only, *always)}


def _put(env: dict[str, str], name: str, value: str) -> None:
    """Set a variable; on Windows `Path` and `PATH` are the same one."""
    if os.name == "nt":
        for twin in [each for each in env if each.upper() == name.upper()]:
            del env[twin]
    env[name] = value


def _key(name: str) -> str:
    return name.upper() if os.name == "nt" else name
