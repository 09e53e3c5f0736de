"""Which version of an agent's program is installed? What it says itself, within a few seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmauto.backends.base import Backend
from llmauto.backends.environment import without_marks
from llmauto.errors import BackendError
from llmauto.rules.text import decode, one_line

LIMIT_S = 20.0
"""Seconds; it takes the CLIs 0.01 to 0.5."""


def version_of(backend: Backend, program: Sequence[str], env: Mapping[str, str]) -> str:
    """The first line that the program prints about its version, "" where it has no such thing.

    Raises `BackendError` where it cannot be run, fails, or does not answer.
    """
    argv = backend.version_argv(program)
    if argv is None:
        return ""
    import subprocess  # heavy, and only `doctor` asks

    shown = f"`{argv[0]}`"
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=without_marks(env),
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BackendError(f"{shown} does not tell its version within {LIMIT_S:.0f} s") from None
    except OSError as error:
        raise BackendError(f"{shown} cannot be run: {(error.strerror or str(error)).lower()}") from error
    said = one_line(decode(done.stdout), 100)
    if done.returncode != 0 or not said:
        why = one_line(decode(done.stderr), 200) or f"exit code {done.returncode}"
        raise BackendError(f"{shown} does not tell its version: {why}", hint="install it anew")
    return said
