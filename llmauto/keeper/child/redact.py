"""How the secrets of the agent's environment are kept out of its spooled output.

What finds them is `llmauto/rules/redaction.py`, which is loaded by its place, and only where there are any.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from llmauto.rules.redaction import StreamRedactor


class Named(str):
    """A secret that knows its variable, so that people can tell what was taken out."""

    __slots__ = ("name",)
    name: str


def streams(secrets: list[tuple[bytes, bytes]], count: int) -> list[StreamRedactor | None]:
    """One redactor for each of `count` streams; None where there is nothing to be hidden.

    `secrets` are names and values. Raises `ImportError` where the redaction cannot be loaded: then nothing
    may be spooled.
    """
    if not secrets:
        return [None] * count
    named = []
    for name, value in secrets:
        secret = Named(os.fsdecode(value))
        secret.name = os.fsdecode(name)
        named.append(secret)
    redactor = load().Redactor(named)
    return [redactor.stream() for _ in range(count)]


def load() -> ModuleType:
    """The redaction. Raises `ImportError`."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path.insert(0, os.path.join(here, "..", "..", "rules"))  # noqa: PTH118
    try:
        return __import__("redaction")
    finally:
        del sys.path[0]
