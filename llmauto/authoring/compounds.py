"""What may stand as an array, as an object with free keys, or as one of several kinds of value?"""

# What each method means stands at the protocol `Shape`.
# ruff: noqa: D102

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmauto.authoring.document import ValuePath
from llmauto.authoring.shapes import Found, Null, Shape, Text, expected
from llmauto.rules.text import quoted

_COMMA = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """An array whose items are all of one shape."""

    item: Shape
    least: int = 0
    what: str = "an array"

    @property
    def words(self) -> str:
        return self.what

    def takes(self, value: Any) -> bool:
        return isinstance(value, list)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if not isinstance(value, list):
            yield from expected(self, value, path)
            return
        if len(value) < self.least:
            yield path, f"expected {self.what} with at least {self.least}, found {len(value)}"
        for place, item in enumerate(value):
            yield from self.item.problems(item, (*path, place))

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self.item.schema()}
        return schema | ({"minItems": self.least} if self.least else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """A value of one of several shapes that have different JSON types."""

    of: Sequence[Shape]

    def takes(self, value: Any) -> bool:
        return any(shape.takes(value) for shape in self.of)

    @property
    def words(self) -> str:
        return " or ".join(shape.words for shape in self.of)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        meant = next((shape for shape in self.of if shape.takes(value)), None)
        yield from meant.problems(value, path) if meant else expected(self, value, path)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [shape.schema() for shape in self.of]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An object with free keys, all values of one shape. Keys with `_` are the author's if `notes`."""

    value: Shape
    key_pattern: str
    key_words: str
    notes: bool = True

    @property
    def words(self) -> str:
        return "an object"

    def takes(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if not isinstance(value, Mapping):
            yield from expected(self, value, path)
            return
        for key, inner in value.items():
            if self.notes and key.startswith("_"):
                continue
            if not re.search(self.key_pattern, key):
                yield (*path, key), f"expected {self.key_words}, found {quoted(key)}"
            else:
                yield from self.value.problems(inner, (*path, key))

    def schema(self) -> dict[str, Any]:
        patterns = {self.key_pattern: self.value.schema()} | ({"^_": {}} if self.notes else {})
        return {"type": "object", "patternProperties": patterns, "additionalProperties": False}


def nullable(shape: Shape) -> Either:
    """`shape` or `null`."""
    return Either(of=(shape, Null()))


def texts(what: str, item: Shape | None = None) -> Either:
    """An array of texts, or one text with commas between them."""
    one = item or Text(filled=True, what="a text that is not empty")
    return Either(of=(Items(item=one, what=f"an array of {what}"), Text(what="one text with commas between")))


def split(value: Any) -> tuple[str, ...]:
    """The texts of an array, or of a text with commas between; none for `null`.

    A comma in brackets belongs to its item, as in `Bash(git log, git diff)`.
    """
    if isinstance(value, str):
        value = _COMMA.split(value)
    return tuple(part for part in (item.strip() for item in value or ()) if part)
