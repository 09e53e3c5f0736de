"""The small JSON files of a call's folder: what was started, who holds it, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, TypeGuard

from llmauto.keeper.child.folder import Folder
from llmauto.keeper.child.result import NAME as RESULT
from llmauto.keeper.child.result import RESERVE
from llmauto.keeper.values import Ended, Launch

SPEC = "spec.json"
NOTES = "keeper.json"
FLAG = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a follower must know of the launch; the defaults are for a folder whose spec is damaged."""

    timeout_s: float = 7200.0
    grace_s: float = 10.0
    output_cap: int = 50 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Who is at work: pids with their start in clock ticks, valid for one boot of the machine."""

    guard: int = 0
    guard_start: int = 0
    keeper: int = 0
    keeper_start: int = 0
    agent: int = 0
    agent_start: int = 0
    mark: str = ""
    group: str = ""
    boot: str = ""
    started_at: float = 0.0


def spec_text(launch: Launch, mark: str) -> bytes:
    """The launch for the folder, without the environment: that may hold secrets."""
    values = {
        "argv": list(launch.argv),
        "cwd": launch.cwd,
        "stdin": launch.stdin,
        "timeout_s": launch.timeout_s,
        "start_silence_s": launch.start_silence_s,
        "stall_s": launch.stall_s,
        "grace_s": launch.grace_s,
        "finish_alone": launch.finish_alone,
        "output_cap": launch.output_cap,
        "memory_cap": launch.memory_cap,
        "mark": mark,
    }
    return json.dumps(values, indent=1).encode() + b"\n"


def bounds_of(launch: Launch) -> Bounds:
    """What a follower must know of it."""
    return Bounds(timeout_s=launch.timeout_s, grace_s=launch.grace_s, output_cap=launch.output_cap)


def bounds(folder: Folder) -> Bounds:
    """The launch's bounds, as far as they can be read."""
    return Bounds(**_fitting(Bounds, _object(folder.read(SPEC)) or {}))


def mark(folder: Folder) -> str:
    """The call's mark, "" where it cannot be read."""
    return str((_object(folder.read(SPEC)) or {}).get("mark", ""))


def notes(folder: Folder) -> Notes | None:
    """Who is at work; None where no agent was ever started."""
    data = _object(folder.read(NOTES))
    return None if data is None else Notes(**_fitting(Notes, data))


def result(folder: Folder) -> Ended | None:
    """How the call ended, None where that was not written. A keeper that was killed may have written it
    whole without having given it its name.
    """
    return ended(folder.read(RESULT)) or ended(folder.read(RESERVE))


def ended(text: bytes | None) -> Ended | None:
    """The result, None where the text is none."""
    data = _object(text)
    if data is None or not isinstance(data.get("ended_by"), str):
        return None
    code = data.get("exit_code")
    return Ended(**{**_fitting(Ended, data), "exit_code": code if _is_number(code) else None})


def _fitting(kind: type[Bounds | Notes | Ended], data: dict[str, Any]) -> dict[str, Any]:
    """Those values that the record has a place for, and that are of that field's kind."""
    fit: dict[str, Any] = {}
    for field in fields(kind):
        value = data.get(field.name)
        if field.type == "str":
            if isinstance(value, str):
                fit[field.name] = value
        elif _is_number(value):
            fit[field.name] = float(value) if field.type == "float" else int(value)
    return fit


def _object(text: bytes | None) -> dict[str, Any] | None:
    try:
        data = json.loads(text or b"")
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
