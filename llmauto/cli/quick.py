"""Which command lines are read without argparse? Those of `status`, which are typed, and polled, most.

Building the whole parser takes longer than all that `chain status` does. What is not plainly one of
these few forms is left to argparse, with its help, its other options and its mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace


def quick(argv: Sequence[str]) -> SimpleNamespace | None:
    """The words as the parser would give them; None where it is to be asked."""
    home: str | None = None
    words: list[str] = []
    as_json = False
    rest = iter(argv)
    for word in rest:
        if word == "--home":
            home = next(rest, "-")
            if home.startswith("-"):
                return None
        elif word.startswith("--home="):
            home = word.removeprefix("--home=")
        elif word == "--json":
            as_json = True
        elif word.startswith("-"):
            return None
        else:
            words.append(word)
    return None if home == "" else _status(words, home, as_json)


def _status(words: list[str], home: str | None, as_json: bool) -> SimpleNamespace | None:
    if words == ["status"]:
        return SimpleNamespace(command="status:status", json=as_json, home=home, debug=False)
    if words[:2] == ["chain", "status"] and len(words) <= 3:
        name = words[2] if len(words) == 3 else None
        return SimpleNamespace(command="status:chain_status", name=name, json=as_json, home=home, debug=False)
    return None
