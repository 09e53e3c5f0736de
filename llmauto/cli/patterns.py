"""Which patterns can a new chain begin from? The templates of the home, then the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmauto.authoring.reader import read_file
from llmauto.errors import ChainError, UsageError
from llmauto.home import Home, name_of, shown
from llmauto.rules.names import did_you_mean, problem_with
from llmauto.rules.text import one_line, quoted

FIRST = "worker-reviewer-loop"
"""What most people want: it stands first in the menu."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A template. `line` says in one line what it does, `values` is its JSON."""

    name: str
    line: str
    path: Path
    values: Mapping[str, Any]


def list_patterns(home: Home) -> tuple[Pattern, ...]:
    """All patterns that can be read, each name once.

    Raises:
        UsageError: there is none.
    """
    found: dict[str, Pattern] = {}
    for folder in (home.templates, home.shipped / "templates"):
        for path in _json_files(folder):
            pattern = _read(path)
            if pattern is not None:
                found.setdefault(pattern.name, pattern)
    if not found:
        raise UsageError(
            f"there is no pattern in {home.shipped / 'templates'}",
            hint="install llmauto anew: files are missing",
        )
    return tuple(sorted(found.values(), key=lambda pattern: (pattern.name != FIRST, pattern.name)))


def find_pattern(patterns: tuple[Pattern, ...], name: str) -> Pattern:
    """The pattern of that name.

    Raises:
        UsageError: there is none.
    """
    for pattern in patterns:
        if pattern.name == name.removesuffix(".json"):
            return pattern
    names = [pattern.name for pattern in patterns]
    hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
    raise UsageError(f"there is no template {quoted(name)}", hint=hint)


def _json_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError:
        return []


def _read(path: Path) -> Pattern | None:
    """The pattern in a file; None where it is none, which must not hide the others."""
    try:
        values = read_file(path, name=shown(path)).value
    except ChainError:
        return None
    if problem_with(name_of(path)) or not isinstance(values, dict):
        return None
    links = values.get("links")
    if not (isinstance(links, list) and links and all(isinstance(link, dict) for link in links)):
        return None
    line = values.get("_template") or values.get("description") or ""
    return Pattern(name=name_of(path), line=one_line(str(line), 90), path=path, values=values)
