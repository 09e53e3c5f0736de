"""What is one key of a file: its shape, default, meaning, and where its value goes?

One field is one option. The checks, the JSON Schema, the reference tables, the values of the model
and their flat form for comparisons are all derived from the tables made of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from llmauto.authoring.document import ValuePath
from llmauto.authoring.shapes import Found, Shape, shown
from llmauto.rules.names import nearest
from llmauto.rules.text import quoted

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key.

    `attr` is the model's attribute ("" where none), `scale` the factor from the file's unit to the
    model's, `to` makes the model's value from the JSON value. `config` is the key of config.json that
    gives the default. `default` is the JSON value that counts where nothing is said; `default_words`
    says it where it is no fixed value. `dead`: accepted, does nothing, warns with this text.
    """

    key: str
    shape: Shape
    help: str
    default: Any = None
    default_words: str = ""
    attr: str = ""
    scale: float = 1
    to: Convert | None = None
    config: str = ""
    required: bool = False
    inherit: bool = True
    dead: str = ""
    since: str = "0.1"

    def model_value(self, value: Any) -> Any:
        """The model's value of a checked JSON value."""
        if value is None:
            return None
        if self.to is not None:
            return self.to(value)
        return value * self.scale if self.scale != 1 else value

    def flat(self, value: Any) -> str:
        """The model's value as text in the file's unit, for comparisons and for people."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return f"{value / self.scale:.10g}"
        return flat_text(value)


def flat_text(value: Any) -> str:
    """One line for any value of the model; "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={flat_text(inner)}" for key, inner in value.items())
    if isinstance(value, (tuple, list)):
        return ", ".join(flat_text(item) for item in value)
    return str(value)


@dataclass(frozen=True, slots=True)
class Table:
    """An object with known keys; those that begin with `_` are the author's."""

    fields: tuple[Field, ...]
    what: str
    top: bool = False
    """`$schema` is allowed, as in the top object of a file."""

    def takes(self, value: Any) -> bool:
        """An object."""
        return isinstance(value, Mapping)

    @property
    def words(self) -> str:
        """For messages."""
        return "an object"

    def field(self, key: str) -> Field | None:
        """The field of that key."""
        return next((field for field in self.fields if field.key == key), None)

    def known_keys(self) -> tuple[str, ...]:
        """The keys that mean something, in their order."""
        return tuple(field.key for field in self.fields if not field.dead)

    def problems(self, value: Any, path: ValuePath) -> Iterator[Found]:
        """Wrong values, unknown keys, missing keys."""
        if not isinstance(value, Mapping):
            yield path, f"expected {self.what}, found {shown(value)}"
            return
        for key, inner in value.items():
            field = self.field(key)
            if field is not None:
                yield from field.shape.problems(inner, (*path, key))
            elif not self._is_authors(key):
                yield (*path, key), self._unknown(key)
        for field in self.fields:
            if field.required and field.key not in value:
                yield path, f"`{field.key}` is missing: {field.help}"

    def _is_authors(self, key: str) -> bool:
        return key.startswith("_") or (self.top and key == "$schema")

    def _unknown(self, key: str) -> str:
        near = nearest(key, self.known_keys())
        guess = f', did you mean "{near}"?' if near else f" in {self.what}"
        return f"unknown key {quoted(key)}{guess}"

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        properties = {field.key: _described(field) for field in self.fields}
        if self.top:
            properties = {"$schema": {}} | properties
        schema = {
            "type": "object",
            "properties": properties,
            "patternProperties": {"^_": {}},
            "additionalProperties": False,
        }
        required = [field.key for field in self.fields if field.required]
        return schema | ({"required": required} if required else {})


def _described(field: Field) -> dict[str, Any]:
    schema = field.shape.schema() | {"description": field.dead or field.help}
    if field.default is not None and not field.dead:
        schema["default"] = field.default
    return schema | ({"deprecated": True} if field.dead else {})
