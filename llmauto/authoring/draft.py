"""What is a chain file, once everything that cannot be is taken out of it?

So that one wrong value hides no other mistake: what is judged after the values' shapes sees a file
whose values all have the right shape.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmauto.authoring.chain_keys import CHAIN
from llmauto.authoring.document import Document, ValuePath
from llmauto.authoring.paths import Paths
from llmauto.authoring.problems import Problems
from llmauto.home import Home
from llmauto.settings import BUILT_IN, Settings

_HOLDERS = ("defaults", "prompts", "env", "inputs", "task_pools", "telegram", "shutdown", "breakers", "quota")
_MAPS = ("on", "env")
"""Objects of a link of which one wrong entry spoils no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A chain file under examination. `origins` is filled as values are settled."""

    document: Document
    problems: Problems
    home: Home
    settings: Settings
    paths: Paths
    now: datetime
    values: Mapping[str, Any]
    broken: frozenset[str]
    """Keys of the chain whose values were wrong, and are no longer in `values`."""
    origins: dict[str, str] = field(default_factory=dict)

    @property
    def links(self) -> list[dict[str, Any]]:
        """The entries of `links`; empty where that key is wrong or missing."""
        links: list[dict[str, Any]] = self.values.get("links", [])
        return links

    def part(self, key: str) -> Mapping[str, Any]:
        """The object under `key`, without the author's notes; empty where there is none."""
        inner = self.values.get(key) or {}
        return {name: value for name, value in inner.items() if key == "env" or not name.startswith("_")}

    def origin(self, name: str, path: ValuePath | None, note: str = "") -> None:
        """Remember that the value called `name` came from `path`, or is built in."""
        if path is None:
            self.origins[name] = note or BUILT_IN
        else:
            place = f"{self.document.name}:{self.document.place(path).line}"
            self.origins[name] = f"{place} ({note})" if note else place


def draft(document: Document, home: Home, settings: Settings, paths: Paths, now: datetime) -> Draft:
    """Judge the shapes of all values, and go on with those that are right.

    Raises:
        ChainError: the file holds no object.
    """
    problems = Problems(document)
    wrong = problems.judge(CHAIN)
    if not isinstance(document.value, Mapping):
        problems.raise_any()
    values = copy.deepcopy(document.value)
    assert isinstance(values, dict)
    # From behind, so that places in arrays stay true.
    for path in sorted(wrong, key=_order, reverse=True):
        _take_out(values, path)
    return Draft(
        document=document,
        problems=problems,
        home=home,
        settings=settings,
        paths=paths,
        now=now,
        values=values,
        broken=frozenset(str(path[0]) for path in wrong if path),
    )


def _order(path: ValuePath) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in path]


def _take_out(values: dict[str, Any], path: ValuePath) -> None:
    """Take out the smallest setting that holds the value at `path`."""
    if not path:
        return
    key = str(path[0])
    inner = values.get(key)
    if key == "links" and len(path) > 1 and isinstance(inner, list):
        place = int(path[1])
        if len(path) > 3 and path[2] in _MAPS:
            inner[place][path[2]].pop(path[3], None)
        elif len(path) > 2:
            inner[place].pop(path[2], None)
        else:
            inner[place] = {} if not isinstance(inner[place], dict) else inner[place]
    elif key in _HOLDERS and len(path) > 1 and isinstance(inner, dict):
        inner.pop(path[1], None)
    else:
        values.pop(key, None)
