"""Which agents are there? A table of names; each is loaded when it is first asked for.

claude     Claude Code
command    any program: prompt on stdin, answer on stdout
demo       a scripted agent, without a model, a key or a cost

`check` is what the role `check` is played by; a chain file does not name it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from llmauto.errors import BackendError

if TYPE_CHECKING:
    from llmauto.backends.base import Backend

BUILT_IN = {
    "claude": "llmauto.backends.claude",
    "command": "llmauto.backends.command",
    "demo": "llmauto.backends.demo",
    "check": "llmauto.backends.check",
}
"""Name → module. Each such module has a `BACKEND`."""

NAMED = tuple(name for name in BUILT_IN if name != "check")
"""What a chain file may name."""

NOT_BUILT_YET = ("codex", "gemini", "opencode")
"""Names that are promised: a chain that uses one gets a plain error, not a "did you mean"."""


def load_backend(name: str) -> Backend:
    """The backend of that name. Raises `BackendError` where there is none."""
    if name in NOT_BUILT_YET:
        raise BackendError(
            f"the backend `{name}` is not built yet",
            hint=f"known backends: {', '.join(NAMED)}; any program can be started with `command`",
        )
    if name not in BUILT_IN:
        raise BackendError(f"unknown backend `{name}`", hint=f"known backends: {', '.join(NAMED)}")
    return cast("Backend", import_module(BUILT_IN[name]).BACKEND)
