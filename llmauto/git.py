"""How is git asked something, without ever disturbing the person's repository?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

GIT_TIMEOUT_S = 20.0

TIMED_OUT = -1
MISSING = -2

_OF_ONE_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE", "GIT_INDEX_VERSION", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
        "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
        "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS",
    }
)  # fmt: skip
"""Set where we were started from a hook, an alias or `git rebase --exec`: they name another repository."""

_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "LC_ALL": "C"}


def inside_repository(folder: Path) -> bool:
    """Without asking git: a folder that is in no repository costs nothing."""
    return any((place / ".git").exists() for place in (folder, *folder.parents))


def ref_part(name: str) -> str:
    """A name of ours as a part of a ref: git takes no `..` there, and no `.lock` at the end."""
    part = name.replace("..", "._").replace("..", "._")
    return f"{part}_" if part.endswith(".lock") else part


class Answer(NamedTuple):
    """What git gave. `code` is its exit code, or `TIMED_OUT`, `MISSING`; `said` is its stderr."""

    code: int
    out: bytes = b""
    said: str = ""

    @property
    def ok(self) -> bool:
        """Whether git did what it was asked for."""
        return self.code == 0

    @property
    def why(self) -> str:
        """One line on what went wrong: git's own words where it has any."""
        if self.code == MISSING:
            return "git is not installed"
        if self.code == TIMED_OUT:
            return "git took too long"
        said = [line.rstrip() for line in self.said.splitlines() if line.strip()]
        wrong = [line.partition(": ")[2] for line in said if line.startswith(("fatal: ", "error: "))]
        first = next(iter([*wrong, *said]), f"git failed with exit code {self.code}").strip()
        # Git lists what it speaks of below, behind tabs: "… would be overwritten by merge:".
        return f"{first} {_some(said)}" if first.endswith(":") else first


def _some(said: Sequence[str]) -> str:
    names = [f"`{line.strip()}`" for line in said if line.startswith("\t")]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def ask(
    folder: Path,
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout_s: float = GIT_TIMEOUT_S,
) -> Answer:
    """Run git in `folder` for at most `timeout_s` seconds; raises nothing.

    Takes no optional locks, asks no questions, runs no pager, and means the repository of that folder
    also where the environment names another.
    """
    import subprocess  # heavy: only where git is really asked

    around = {key: value for key, value in os.environ.items() if key not in _OF_ONE_REPOSITORY}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *args],
            input=stdin,
            capture_output=True,
            env={**around, **_QUIET, **(env or {})},
            timeout=max(0.1, timeout_s),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(TIMED_OUT)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a name
        return Answer(MISSING if isinstance(error, FileNotFoundError) else 128, said=str(error))
    return Answer(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def git(
    folder: Path,
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout_s: float = GIT_TIMEOUT_S,
) -> bytes | None:
    """What git prints, None where it fails, is missing, or takes longer than `timeout_s` seconds."""
    answer = ask(folder, *args, stdin=stdin, env=env, timeout_s=timeout_s)
    return answer.out if answer.ok else None
