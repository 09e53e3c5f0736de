"""From a rehearsal's script to values: every mistake is told at once, against the chain that it plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmauto.authoring.by_role import only_verdicts
from llmauto.authoring.compounds import split
from llmauto.authoring.problems import Problems
from llmauto.authoring.reader import read_file
from llmauto.authoring.rehearsal_keys import EXPECT, PLAY, REHEARSAL
from llmauto.home import shown
from llmauto.model import NO_ENV, Chain, Link, Role
from llmauto.outcomes import Outcome
from llmauto.rules.names import nearest
from llmauto.rules.review import Finding
from llmauto.rules.text import quoted

ANY_LINK = "*"
_AGENTS = frozenset(
    {
        "verdict",
        "findings",
        "assigns",
        "text",
        "handoff",
        "status",
        "worked",
        "denials",
        "resets_after_seconds",
    }
)
_CALLS = frozenset({"outcome", "message", "cost_usd", "changes", "steer", "stop"})
_ANY = frozenset({"seconds", "times"})
_BY_ROLE = {
    Role.CHECK: _ANY | _CALLS | {"exit_code", "output"},
    Role.GATE: _ANY | {"answer", "reason"},
}
_OF_AGENTS = _ANY | _CALLS | _AGENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedPlay:
    """One turn of a link. What each means stands in `rehearsal_keys`; None and "" mean nothing was said."""

    verdict: str = ""
    findings: tuple[Finding, ...] = ()
    assigns: tuple[str, ...] = ()
    text: str = "done"
    handoff: str | None = None
    status: str = ""
    outcome: Outcome = Outcome.DONE
    message: str = ""
    worked: bool = True
    resets_after_s: float | None = None
    denials: tuple[str, ...] = ()
    changes: bool = True
    seconds: float = 60.0
    cost_usd: float | None = 0.0
    exit_code: int = 0
    output: str = ""
    answer: str = ""
    reason: str = ""
    steer: str = ""
    stop: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """How the run has to go. None = nothing is said of it."""

    stop_reason: str | None = None
    exit_code: int | None = None
    rounds: int | None = None
    calls: int | None = None
    path: tuple[str, ...] | None = None
    most_cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A rehearsal. `plays` are the turns of each link, `times` written out."""

    plays: Mapping[str, tuple[ScriptedPlay, ...]]
    task: str = ""
    inputs: Mapping[str, str] = field(default_factory=lambda: NO_ENV)
    rounds: int | None = None
    budget_usd: float | None = None
    starts: int = 1
    most_calls: int = 1000
    expect: Expect = Expect()

    def of(self, link: str) -> tuple[ScriptedPlay, ...]:
        """The turns of a link; empty where the script says nothing of it."""
        return self.plays.get(link, self.plays.get(ANY_LINK, ()))


def load_script(path: Path, chain: Chain) -> Script:
    """Read and check a script for this chain.

    Raises:
        ChainError: it cannot be read, or holds mistakes; `problems` has every one of them.
    """
    document = read_file(path, name=shown(path))
    problems = Problems(document)
    problems.judge(REHEARSAL)
    problems.raise_any()
    values = document.value
    assert isinstance(values, dict)
    plays = {name: turns for name, turns in values["plays"].items() if not name.startswith("_")}
    _check_links(problems, chain, plays)
    _check_path(problems, chain, values.get("expect") or {})
    problems.raise_any()
    return Script(
        plays={name: _turns(turns) for name, turns in plays.items()},
        task=values.get("task", ""),
        inputs={k: v for k, v in values.get("inputs", {}).items() if not k.startswith("_")},
        rounds=_whole(values.get("rounds")),
        budget_usd=values.get("budget_usd"),
        starts=int(values.get("starts", 1)),
        most_calls=int(values.get("most_calls", 1000)),
        expect=_expect(values.get("expect") or {}),
    )


def _check_links(problems: Problems, chain: Chain, plays: Mapping[str, Any]) -> None:
    names = [link.name for link in chain.links]
    for name, turns in plays.items():
        link = chain.link(name)
        if link is None:
            if name != ANY_LINK:
                near = nearest(name, names)
                guess = f', did you mean "{near}"?' if near else f": its links are {', '.join(names)}"
                message = f"the chain `{chain.name}` has no link {quoted(name)}{guess}"
                problems.error(("plays", name), message, of_key=True)
            continue
        for place, turn in enumerate(turns):
            _check_turn(problems, link, names, ("plays", name, place), turn)


def _check_turn(
    problems: Problems, link: Link, names: list[str], path: tuple[str | int, ...], turn: Mapping[str, Any]
) -> None:
    known = _BY_ROLE.get(link.role, _OF_AGENTS)
    for key in turn:
        if not key.startswith("_") and key not in known:
            problems.error((*path, key), f"means nothing for a {link.role.value}", of_key=True)
    verdict, words = str(turn.get("verdict", "")).upper(), only_verdicts(link)
    if verdict and link.role not in _BY_ROLE and words and verdict not in words:
        said = ", ".join(f"`{word}`" for word in words)
        problems.error((*path, "verdict"), f"a structured review says one of {said}")
    for name in split(turn.get("assigns")):
        if name not in names:
            problems.error((*path, "assigns"), f"there is no link {quoted(name)} to assign")


def _check_path(problems: Problems, chain: Chain, expect: Mapping[str, Any]) -> None:
    for place, name in enumerate(expect.get("path", ())):
        if chain.link(name) is None:
            problems.error(("expect", "path", place), f"there is no link {quoted(name)}")


def _turns(turns: list[dict[str, Any]]) -> tuple[ScriptedPlay, ...]:
    found: list[ScriptedPlay] = []
    for turn in turns:
        found += [_play(turn)] * int(turn.get("times", 1))
    return tuple(found)


def _play(turn: Mapping[str, Any]) -> ScriptedPlay:
    given = {key: value for key, value in turn.items() if PLAY.field(key) is not None and key != "times"}
    if "resets_after_seconds" in given:
        given["resets_after_s"] = given.pop("resets_after_seconds")
    if "verdict" in given:
        given["verdict"] = given["verdict"].upper()
    given["findings"] = tuple(_finding(one) for one in given.get("findings", ()))
    given["outcome"] = Outcome(given.get("outcome", "done"))
    given["exit_code"] = int(given.get("exit_code", 0))
    for key in ("assigns", "denials"):
        given[key] = split(given.get(key))
    return ScriptedPlay(**given)


def _finding(one: str | Mapping[str, str]) -> Finding:
    given = {"id": one} if isinstance(one, str) else {k: v for k, v in one.items() if not k.startswith("_")}
    return Finding(**{"severity": "high", "text": "a finding", **given})


def _expect(given: Mapping[str, Any]) -> Expect:
    values = {key: value for key, value in given.items() if EXPECT.field(key) is not None}
    for key in ("exit_code", "rounds", "calls"):
        if key in values:
            values[key] = int(values[key])
    if "path" in values:
        values["path"] = tuple(values["path"])
    return Expect(**values)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
