"""Where in a file does each value of it stand?

Lines and columns count from 1, columns in characters; a byte order mark counts as nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from llmauto.errors import ChainError
from llmauto.rules.text import visible

ValuePath = tuple[str | int, ...]
"""The way to a value: `("links", 1, "model")`; `()` is the file's whole value."""

# More mistakes than that are one mistake: the file is of another kind.
MOST_MISTAKES = 50

_LINE_END = re.compile(r"\r\n?|\n")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


class Source:
    """A file's text under the name that messages give it."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = visible(name)
        self.text = text
        self._starts: list[int] = []

    def place(self, at: int) -> Place:
        """The place of the character at offset `at`."""
        if not self._starts:  # a file without mistakes needs no lines
            self._starts = [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        line = bisect_right(self._starts, at)
        return Place(line, at - self._starts[line - 1] + 1)

    def problem(self, at: int, message: str) -> str:
        """The line that tells a person of a mistake at offset `at`."""
        line, column = self.place(at)
        return f"{self.name}:{line}:{column}: error: {message}"


class Mistakes:
    """Gathers mistakes, so that one reading names as many as can be told apart."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._problems: list[str] = []
        self._hints: list[str] = []

    def line(self, at: int) -> int:
        """The line of the character at offset `at`."""
        return self._source.place(at).line

    def note(self, at: int, message: str, hint: str | None = None) -> None:
        """A mistake after which reading can go on."""
        self._problems.append(self._source.problem(at, message))
        if hint and hint not in self._hints:
            self._hints.append(hint)
        if len(self._problems) >= MOST_MISTAKES:
            self.raise_any()

    def fail(self, at: int, message: str, hint: str | None = None) -> NoReturn:
        """A mistake after which nothing that follows can be trusted.

        Raises:
            ChainError: with this mistake and all that were noted before.
        """
        self.note(at, message, hint)
        self.raise_any()
        raise AssertionError("a mistake was noted")

    def raise_any(self) -> None:
        """Do nothing if all was well.

        Raises:
            ChainError: mistakes were noted.
        """
        if self._problems:
            hint = "; ".join(self._hints[:3]) or None
            raise ChainError("\n".join(self._problems), hint=hint, problems=tuple(self._problems))


@dataclass(slots=True)
class Branch:
    """Where an object or array and all in it begin, as offsets. A value in it is its offset alone."""

    at: int
    keys: dict[str, int] = field(default_factory=dict)
    children: dict[str | int, Spot] = field(default_factory=dict)


Spot = int | Branch


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was read: `value` as `json.loads` would give it, and the place of each part of it."""

    value: object
    source: Source
    root: Spot

    @property
    def name(self) -> str:
        """The file's name, as messages give it."""
        return self.source.name

    def place(self, path: ValuePath = ()) -> Place:
        """Where the value at `path` begins; for what is not there, where the nearest holder of it does."""
        return self.source.place(self._value_at(path))

    def key_place(self, path: ValuePath) -> Place:
        """Where the key of the value at `path` stands; the value's place where it has no key."""
        return self.source.place(self._key_at(path))

    def problem(self, path: ValuePath, message: str, *, of_key: bool = False) -> str:
        """`file:line:col: error: message [links[1].model]`, at the value or at its key."""
        at = self._key_at(path) if of_key else self._value_at(path)
        where = f" [{dotted(path)}]" if path else ""
        return self.source.problem(at, message + where)

    def _value_at(self, path: ValuePath) -> int:
        spot = self._spot(path)
        return spot.at if isinstance(spot, Branch) else spot

    def _key_at(self, path: ValuePath) -> int:
        holder = self._spot(path[:-1])
        if path and isinstance(holder, Branch) and path[-1] in holder.keys:
            return holder.keys[str(path[-1])]
        return self._value_at(path)

    def _spot(self, path: ValuePath) -> Spot:
        spot = self.root
        for step in path:
            if not isinstance(spot, Branch) or step not in spot.children:
                break
            spot = spot.children[step]
        return spot


def dotted(path: ValuePath) -> str:
    """A path as people write it: `links[1].on.NEEDS_FIX`, `prompts["a b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{visible(step)}"]'
    return text
