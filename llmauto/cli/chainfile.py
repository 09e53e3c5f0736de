"""What of a chain file depends on where it stands? Its `$schema`, by which editors check and complete it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from llmauto import files
from llmauto.authoring.document import Document
from llmauto.authoring.reader import read_file
from llmauto.authoring.schema import committed
from llmauto.errors import DiskError, UsageError
from llmauto.home import Home, shown
from llmauto.rules.names import check_alone, check_name
from llmauto.rules.text import quoted

SCHEMA_NAME = "chain.schema.json"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def schema_for(home: Home, folder: Path) -> str | None:
    """The `$schema` of a chain file in `folder`; None where the home has no schema to point to.

    A private home gets a copy of the schema where it has none: nothing there is a project's.
    """
    places = (home.path / SCHEMA_NAME, home.path / "llmauto" / SCHEMA_NAME)
    found = next((place for place in places if place.is_file()), None)
    if found is None and home.private:
        found = _copied(places[0])
    return None if found is None else Path(os.path.relpath(found, folder)).as_posix()


def _copied(place: Path) -> Path | None:
    """An editor's help is nothing that a command may fail for."""
    try:
        if not place.parent.exists():
            files.make_private_dir(place.parent)
        files.write_atomic(place, committed("chain"))
    except (OSError, DiskError):
        return None
    return place


def with_schema(values: Mapping[str, object], schema: str | None) -> dict[str, object]:
    """A chain's values with that `$schema` first, and without what is a template's alone."""
    rest = {key: value for key, value in values.items() if key not in ("$schema", "_template")}
    return {"$schema": schema, **rest} if schema else rest


def as_text(values: Mapping[str, object]) -> str:
    """A chain file's text."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def moved_text(path: Path, home: Home, folder: Path) -> str:
    """The text of a chain file as it has to read in `folder`: comments and all, its `$schema` put right.

    Raises `ChainError` where the file cannot be read as JSON with comments.
    """
    document = read_file(path, name=shown(path))
    text = document.source.text
    values = document.value
    if not isinstance(values, dict) or not isinstance(values.get("$schema"), str):
        return text
    if re.match(r"[a-z]+:", values["$schema"]):  # an address holds everywhere
        return text
    schema = schema_for(home, folder)
    if schema is None:
        return text
    start = _offset(document)
    return text[:start] + _STRING.sub(lambda _: json.dumps(schema), text[start:], count=1)


def _offset(document: Document) -> int:
    """Where the value of `$schema` begins, in characters."""
    line, column = document.place(("$schema",))
    text = document.source.text
    ends = [match.end() for match in re.finditer(r"\r\n?|\n", text)]
    return (0 if line == 1 else ends[line - 2]) + column - 1


def check_free(home: Home, name: str) -> None:
    """Raise `UsageError` where a new chain may not be called so: a wrong name, or one that is taken.

    A shipped chain's name is free in any other home: the home's own chains come first.
    """
    check_name(name)
    for chain in home.list_chains():
        if chain.name == name and not chain.shipped:
            hint = f"choose another name, or `llmauto chain delete {name}` first"
            raise UsageError(f"there is a chain {quoted(name)} already, `{shown(chain.path)}`", hint=hint)
    check_alone(name, [chain.name for chain in home.list_chains()])
