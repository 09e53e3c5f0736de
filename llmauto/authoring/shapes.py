"""What may stand as a value in a chain file or in config.json, and what is wrong with what stands there?

A shape judges one JSON value and describes itself as JSON Schema; both say the same, and a test
holds them together.
"""

# What each method means stands at the protocol `Shape`.
# ruff: noqa: D102

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llmauto.authoring.document import ValuePath
from llmauto.rules.names import nearest
from llmauto.rules.text import quoted

Found = tuple[ValuePath, str]
"""One mistake: where, and what is wrong."""

NO_NUL = "^[^\\u0000]*$"
"""Texts become arguments, names of files and variables: none of these can hold a NUL."""


class Shape(Protocol):
    """A set of JSON values, all of one JSON type unless it says otherwise."""

    def takes(self, value: Any) -> bool:
        """Has `value` the JSON type of this set? If so, its mistakes are told in this set's words."""

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        """What keeps `value` from being in the set; nothing if it is."""

    def schema(self) -> dict[str, Any]:
        """The set as JSON Schema, draft 2020-12."""

    @property
    def words(self) -> str:
        """The set in words: `a whole number from 0`."""


_LITERAL = re.compile(r"-?\d{1,20}(\.\d{1,20})?|true|false|null")


def shown(value: Any) -> str:
    """A JSON value for a message, cut where it is long."""
    if isinstance(value, str):
        # In its quotes, or nobody would see what is wrong with it: `"3"` for `3`.
        return f'the text `"{value}"`' if _LITERAL.fullmatch(value) else quoted(value)
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number with too many digits"
    return f"`{json.dumps(value)}`"


def expected(shape: Shape, value: Any, path: ValuePath) -> Iterator[Found]:
    """The mistake that `value` is not of `shape`."""
    yield path, f"expected {shape.words}, found {shown(value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text. `pattern` is searched in it, in the common subset of Python and JSON Schema."""

    filled: bool = False
    pattern: str | None = None
    what: str = "a text"

    @property
    def words(self) -> str:
        return self.what

    def takes(self, value: Any) -> bool:
        return isinstance(value, str)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if not isinstance(value, str):
            yield from expected(self, value, path)
        elif "\0" in value:
            yield path, "holds a NUL byte, which no program can be given"
        elif self.filled and not value:
            yield path, f"expected {self.what}, found an empty one"
        elif self.pattern and not re.search(self.pattern, value):
            yield from expected(self, value, path)

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "pattern": NO_NUL}
        if self.pattern:
            schema = {"type": "string", "allOf": [{"pattern": NO_NUL}, {"pattern": self.pattern}]}
        if self.filled:
            schema["minLength"] = 1
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    of: tuple[str, ...]

    @property
    def words(self) -> str:
        return ("one of " if len(self.of) > 1 else "") + ", ".join(f"`{word}`" for word in self.of if word)

    def takes(self, value: Any) -> bool:
        return isinstance(value, str)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if isinstance(value, str) and value in self.of:
            return
        near = nearest(value, self.of) if isinstance(value, str) else None
        guess = f', did you mean "{near}"?' if near else ""
        yield path, f"expected {self.words}, found {shown(value)}{guess}"

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.of)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number, `least` and `most` included. A truth value is no number."""

    least: float = 0
    most: float
    whole: bool = False
    above: bool = False
    """`least` itself is excluded."""
    unit: str = ""

    @property
    def words(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        unit = f" {self.unit}" if self.unit else ""
        return f"{kind} {'above' if self.above else 'from'} {self.least:,.0f} to {self.most:,.0f}{unit}"

    def takes(self, value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if not self.takes(value) or not self._holds(value):
            yield from expected(self, value, path)

    def _holds(self, value: Any) -> bool:
        # A whole number may be too large to be asked whether it is finite.
        if isinstance(value, float) and (not math.isfinite(value) or (self.whole and not value.is_integer())):
            return False
        low = value > self.least if self.above else value >= self.least
        return bool(low and value <= self.most)

    def schema(self) -> dict[str, Any]:
        low = "exclusiveMinimum" if self.above else "minimum"
        return {"type": "integer" if self.whole else "number", low: self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false."""

    words: str = "`true` or `false`"

    def takes(self, value: Any) -> bool:
        return isinstance(value, bool)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if not isinstance(value, bool):
            yield from expected(self, value, path)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """Nothing: the key counts as not given, and what would be inherited is not."""

    words: str = "`null`"

    def takes(self, value: Any) -> bool:
        return value is None

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        if value is not None:
            yield from expected(self, value, path)

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """Any value, because nothing reads it."""

    words: str = "anything"

    def takes(self, value: Any) -> bool:
        return True

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        yield from ()

    def schema(self) -> dict[str, Any]:
        return {}
