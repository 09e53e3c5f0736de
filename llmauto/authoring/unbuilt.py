"""Which keys are read, and what they ask for is not built yet?

A chain that asks for one of these gets a plain error, never silence. A value that means "off" is no
asking. Whoever builds one takes its row out; nothing else here changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llmauto.authoring.document import ValuePath
from llmauto.authoring.draft import Draft


class Unbuilt(NamedTuple):
    """What a key will be, and whether a value asks for it."""

    what: str
    asks: Callable[[Any], bool] = bool


CHAIN_KEYS: dict[str, Unbuilt] = {
    "then": Unbuilt("chains one after the other"),
    "on_end": Unbuilt("a command at the end of a run"),
    "notify": Unbuilt("notices besides Telegram"),
    "parallel_workers": Unbuilt("workers at the same time"),
    "task_pools": Unbuilt("handing out tasks from a pool"),
}

LINK_KEYS: dict[str, Unbuilt] = {
    "fallback": Unbuilt("falling back to another backend"),
    "parallel": Unbuilt("links at the same time"),
}

# What shapes the handing out of tasks means nothing where nothing is handed out.
POOL_KEYS = ("selection_strategy", "tasks_per_worker", "review_scope")
_OFF = {"selection_strategy": ("", "any"), "tasks_per_worker": (1,), "review_scope": ("", "single")}


def check_unbuilt(draft: Draft) -> None:
    """Note an error for every key that asks for what is not built yet."""
    places: list[tuple[ValuePath, Mapping[str, Any], dict[str, Unbuilt]]]
    places = [((), draft.values, CHAIN_KEYS), (("defaults",), draft.part("defaults"), LINK_KEYS)]
    places += [(("links", place), link, LINK_KEYS) for place, link in enumerate(draft.links)]
    for path, values, unbuilt in places:
        for key, row in unbuilt.items():
            if key in values and row.asks(values[key]):
                draft.problems.error((*path, key), f"not built yet: {row.what}")
        for key in POOL_KEYS:
            if values.get(key) is not None and values[key] not in _OFF[key]:
                _pool_key(draft, (*path, key))


def _pool_key(draft: Draft, path: ValuePath) -> None:
    if not draft.part("task_pools"):
        draft.problems.warn(path, "means nothing without `task_pools`")
