"""Records what the real CLI prints in each scene, as fixtures for the tests of its parser.

    python -m tests.support.record_claude             all scenes, some 30 seconds
    python -m tests.support.record_claude NAME…       these

Each scene of `claude_scenes` becomes `tests/fixtures/claude/NAME.jsonl`, the stdout of its last call;
`calls.json` there has the exit codes and what was on stderr; `recording(NAME)` reads both.

Nothing of the recording machine or moment is kept: folders become `/repo` and `/home/user`, ids are counted,
times and durations are fixed, and the long lists of `init` are cut down. So a second recording differs only
in what the CLI itself has changed.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.claude_cli import VERSION, installed
from tests.support.claude_scenes import SCENES, play_in_a_temporary_folder
from tests.support.claude_stage import Event, Played, Run

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "claude"
RESETS_AT = 1795568400
"""Stands for the moment at which a limit ends: 2026-11-25, 1:00 in UTC, as the texts then say."""

_LISTS = ("slash_commands", "terminal_slash_commands", "agents", "skills", "plugins", "capabilities")
_TOOLS = ("Task", "Bash", "Edit", "Read", "Write")
_TIMES = {"timestamp": "2026-11-25T00:00:00.000Z", "end_time": 1795564800000, "resetsAt": RESETS_AT}
_TIMES["overageResetsAt"] = RESETS_AT
_COUNTED = ("task_id", "run_id", "runId", "agent_id", "backgroundTaskId")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FIXED = {
    r"claude-\d+/": "claude-1000/",
    r"cc-socks/\d+\.sock": "cc-socks/1000.sock",
    r"~\d+ tokens": "~2500 tokens",
    r"duration_ms: \d+": "duration_ms: 100",
    r"resets \d+(?::\d+)?[ap]m \(UTC\)": "resets 1am (UTC)",
}


def recorded(played: Played) -> list[Event]:
    """The events of the scene's last call, without what belongs to this machine and moment."""
    run = played.run
    replacements = _replacements(played, list(run.events))
    return [_cleaned(event, replacements) for event in run.events]


def _replacements(played: Played, events: list[Event]) -> list[tuple[str, str]]:
    """Text to be replaced, the longest first, so that no part of another is left over."""
    stage, text = played.stage, played.run.stdout + played.run.stderr
    home, cwd = str(stage.home), str(stage.cwd)
    pairs = {
        re.sub(r"[^A-Za-z0-9]", "-", cwd): "-repo",
        home: "/home/user",
        cwd: "/repo",
        str(Path(tempfile.gettempdir())): "/tmp",
        stage.api.url.removeprefix("http://"): "127.0.0.1:8080",
    }
    for place, found in enumerate(dict.fromkeys(_UUID.findall(text)), start=1):
        pairs[found] = f"00000000-0000-4000-8000-{place:012}"
    counted = (value for key, value in _items(events) if key in _COUNTED and isinstance(value, str))
    for place, found in enumerate(dict.fromkeys(counted), start=1):
        pairs[found] = f"id-{place}"
    return sorted(pairs.items(), key=lambda pair: -len(pair[0]))


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _items(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _items(inner)


def _cleaned(value: Any, replacements: list[tuple[str, str]], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(inner, replacements, name) for name, inner in value.items()}
    if key in _TIMES and value is not None:
        return _TIMES[key]
    if isinstance(value, list):
        return _short(key, [_cleaned(inner, replacements) for inner in value])
    if key.endswith(("_ms", "Ms")) and isinstance(value, int):
        return 100
    return _replaced(value, replacements) if isinstance(value, str) else value


def _short(key: str, values: list[Any]) -> list[Any]:
    if key in _LISTS:
        return []
    return [tool for tool in values if tool in _TOOLS] if key == "tools" else values


def _replaced(text: str, replacements: list[tuple[str, str]]) -> str:
    for found, instead in replacements:
        text = text.replace(found, instead)
    for pattern, instead in _FIXED.items():
        text = re.sub(pattern, instead, text)
    return text


def recording(name: str) -> Run:
    """The recorded last call of a scene."""
    call = json.loads((FIXTURES / "calls.json").read_text(encoding="utf-8"))[name]
    stdout = (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8")
    return Run(exit_code=call["exit_code"], stdout=stdout, stderr=call["stderr"])


def main(names: list[str]) -> int:
    """Record these scenes, or all."""
    if installed().path is None:
        sys.stderr.write(f"error: no Claude Code {VERSION}: {installed().why_not}\n")
        return 1
    if unknown := [name for name in names if name not in SCENES]:
        sys.stderr.write(f"error: no scene `{unknown[0]}`\nhint: there are {', '.join(SCENES)}\n")
        return 2
    FIXTURES.mkdir(parents=True, exist_ok=True)
    index = FIXTURES / "calls.json"
    calls = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    for name in names or SCENES:
        played = play_in_a_temporary_folder(name)
        lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in recorded(played)]
        (FIXTURES / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
        stderr = _replaced(played.run.stderr, _replacements(played, list(played.run.events)))
        calls[name] = {"exit_code": played.run.exit_code, "stderr": stderr}
        sys.stdout.write(f"{name}: {len(lines)} events\n")
    ordered = {name: calls[name] for name in SCENES if name in calls}
    index.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
