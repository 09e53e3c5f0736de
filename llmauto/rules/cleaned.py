"""How does an event look once no secret is left in it?

What a person typed for the agents (a task, inputs, a word to a running chain) is theirs: the journal keeps
it as it was, since a later call is given it. Logs, screens and notices have no need of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

Clean = Callable[[str], str]
"""Takes secrets out of a text."""

Item = TypeVar("Item")

TYPED = frozenset({("run_started", "task"), ("run_started", "inputs"), ("steered", "text")})
"""(event, field) that hold what a person typed for the agents."""


def unchanged(text: str) -> str:
    """The `Clean` where there are no secrets."""
    return text


def cleaned(item: Item, clean: Clean, *, typed_too: bool = False) -> Item:
    """The event (or activity) with all its texts cleaned; with `typed_too` a person's words as well."""
    if clean is unchanged:
        return item
    kind = getattr(item, "kind", "")
    changes = {}
    for field in fields(item):  # type: ignore[arg-type]  # every item is a dataclass
        before = getattr(item, field.name)
        if typed_too or (kind, field.name) not in TYPED:
            after = _value(before, clean)
            if after is not before:
                changes[field.name] = after
    return replace(item, **changes) if changes else item  # type: ignore[type-var]  # as above


def _value(value: Any, clean: Clean) -> Any:
    """The value cleaned; itself where nothing was found in it."""
    if isinstance(value, str):
        after = clean(value)
        return value if after == value else after
    if isinstance(value, tuple):
        parts = tuple(_value(part, clean) for part in value)
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if isinstance(value, Mapping):
        pairs = {key: _value(part, clean) for key, part in value.items()}
        return value if all(pairs[key] is value[key] for key in pairs) else pairs
    return value
