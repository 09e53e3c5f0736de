"""Which keys mean something for a check, which for a gate, and which verdicts does a role give?

An agent's keys say nothing of a command or of a person: they are not taken from the chain's `defaults`,
and where the link itself has one, that is worth a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmauto.authoring.document import ValuePath
from llmauto.authoring.problems import Problems
from llmauto.model import Link, Role
from llmauto.rules.checks import FAILED, PASSED
from llmauto.rules.gates import APPROVED, DENIED
from llmauto.rules.review import VERDICTS as REVIEW_VERDICTS

_ANYBODY = frozenset(
    {"name", "role", "description", "timeout_seconds", "max_visits", "on", "telegram_update"}
)
_CHECK = _ANYBODY | {"run", "env", "env_only", "workdir", "baseline", "failures"}
_GATE = _ANYBODY | {"gate_default"}
_OWN = {"gate_default": Role.GATE, "baseline": Role.CHECK, "failures": Role.CHECK}
"""Keys that mean something for this one role only."""
_WHAT = {Role.CHECK: "a check, which runs a command", Role.GATE: "a gate, which asks a person"}
_ELSEWHERE = ("run", "skip_unless_assigned")
"""Told of, or put right, where the link is read."""

AGENT_VERDICTS = frozenset(REVIEW_VERDICTS)
"""What an agent is asked to say. It can say other words, too."""


def means(role: Role, key: str) -> bool:
    """Whether the key says anything about a link of that role."""
    if role is Role.CHECK:
        return key in _CHECK
    if role is Role.GATE:
        return key in _GATE
    return key not in _OWN


def verdicts(link: Link) -> frozenset[str]:
    """The verdicts that end the link's way on to the next one, if its routes take each of them."""
    if link.role is Role.CHECK:
        return frozenset({PASSED, FAILED})
    if link.role is Role.GATE:
        return frozenset({APPROVED})  # without a route, a denial leads nowhere: it ends the run
    return AGENT_VERDICTS


def only_verdicts(link: Link) -> tuple[str, ...]:
    """All verdicts that the link can give; empty where it may say anything."""
    if link.role is Role.CHECK:
        return (PASSED, FAILED)
    if link.role is Role.GATE:
        return (APPROVED, DENIED)
    return REVIEW_VERDICTS if link.returns == "review" else ()


def warn_of_meaningless(problems: Problems, path: ValuePath, given: Mapping[str, Any], role: Role) -> None:
    """Note each key of the link itself that does nothing in it. A value that means off is none."""
    for key, value in given.items():
        if key.startswith("_") or key in _ELSEWHERE or means(role, key) or not value:
            continue
        if key in _OWN:
            problems.warn((*path, key), f'means nothing without `"role": "{_OWN[key].value}"`')
        elif role in _WHAT and key != "parallel":
            problems.warn((*path, key), f"means nothing for {_WHAT[role]}")
