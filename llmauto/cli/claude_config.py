"""What do Claude Code's own files say: is somebody logged in, and is a project trusted?

Nothing in them is changed, and no secret of them is kept or shown. As found with version 2.1.331: the
entries under `permissions.allow` in `.claude/settings.json` of the working folder count only if
`.claude.json` has `hasTrustDialogAccepted` for the root of its git repository, or for the folder itself
where there is no git. `.claude/settings.local.json` counts in any case.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_LARGEST = 64 * 1024 * 1024
"""Bytes of `.claude.json` that are read: it holds something of every project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Permissions that Claude Code ignores: how many, in which file, and what would have to be trusted."""

    count: int
    settings: Path
    project: Path


def login(environ: Mapping[str, str]) -> str:
    """How Claude Code would log in, in words without a secret; "" where nothing was found."""
    for name in KEYS:
        if environ.get(name):
            charged = "; calls are charged to that key" if name != "CLAUDE_CODE_OAUTH_TOKEN" else ""
            return f"`{name}` is set{charged}"
    for name in CLOUDS:
        if environ.get(name):
            return f"`{name}` is set: the cloud's own login counts"
    if (_folder(environ) / ".credentials.json").is_file():
        return "logged in, by its credentials file"
    if isinstance(_object(_state_file(environ)).get("oauthAccount"), dict):
        return "logged in, by `.claude.json`"
    if _object(_folder(environ) / "settings.json").get("apiKeyHelper"):
        return "`apiKeyHelper` of its settings gives the key"
    return ""


def ignored_permissions(workdir: Path, environ: Mapping[str, str]) -> Ignored | None:
    """The permissions of a project that do not count because nobody trusted it; None where all count."""
    settings = workdir / ".claude" / "settings.json"
    permissions = _object(settings).get("permissions")
    allowed = permissions.get("allow") if isinstance(permissions, dict) else None
    if not isinstance(allowed, list) or not allowed:
        return None
    project = _root(workdir)
    projects = _object(_state_file(environ)).get("projects")
    known = (
        projects.get(project.as_posix()) or projects.get(str(project)) if isinstance(projects, dict) else None
    )
    if isinstance(known, dict) and known.get("hasTrustDialogAccepted") is True:
        return None
    return Ignored(count=len(allowed), settings=settings, project=project)


def _root(workdir: Path) -> Path:
    from llmauto.git import git

    said = git(workdir, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(said.rstrip(b"\n"))) if said else workdir


def _folder(environ: Mapping[str, str]) -> Path:
    own = environ.get("CLAUDE_CONFIG_DIR")
    return Path(own) if own else _user_home(environ) / ".claude"


def _state_file(environ: Mapping[str, str]) -> Path:
    own = environ.get("CLAUDE_CONFIG_DIR")
    return (Path(own) if own else _user_home(environ)) / ".claude.json"


def _user_home(environ: Mapping[str, str]) -> Path:
    named = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(named) if named else Path.home()


def _object(path: Path) -> dict[str, Any]:
    """The JSON object of a file; empty where there is none."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
