"""Which parts of the reference are made from the code?

`python -m tests.support.reference_pages` brings them up to date; a test fails where they are not. In a page
that people write, such a part stands between `<!-- made: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from llmauto.authoring.config_keys import CONFIG, TELEGRAM
from llmauto.backends import BUILT_IN
from llmauto.events import KINDS, Event
from llmauto.outcomes import ENDINGS, Outcome
from llmauto.rules import table
from llmauto.rules.table import TABLE, Pool, Row
from llmauto.rules.text import human_duration
from tests.support.outcome_rows import ELSEWHERE, ROWS, OutcomeRow

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
_MADE = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

OF_NO_PROGRAM = frozenset({"check", "command", "demo"})
"""Backends that have no program of their own, whose path could be named."""

SAME = "its own, if the agent had begun to work"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The lines of a table."""
    lines = [_line(head), "|" + "---|" * len(head), *(_line(row) for row in rows)]
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# --- outcomes --------------------------------------------------------------------------------------


def outcomes() -> str:
    """What follows from each outcome."""
    head = (
        "outcome", "charged", "tried again", "waits", "falls back", "session", "counts as a round",
        "tells a person", "and then",
    )  # fmt: skip
    return markdown_table(head, [_outcome(outcome, row) for outcome, row in TABLE.items()])


def _outcome(outcome: Outcome, row: Row) -> tuple[str, ...]:
    again, waits, back, session = _POOLS[row.pool]
    return (
        f"[`{outcome.value}`](#{outcome.value})",
        {"maybe": "as the CLI reports it"}.get(row.charged, row.charged),
        again,
        waits,
        back,
        session,
        "yes" if row.counts else "no",
        "yes" if row.tells else "no",
        _then(row),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"


_BACK_OFF = f"{table.TRANSIENT_FIRST_S:g} s, doubling to {_minutes(table.TRANSIENT_MOST_S)}"
_STEPS = ", ".join(f"{seconds / 60:g}" for seconds in table.LIMIT_STEPS_S)
_RESET = f"{table.LIMIT_SLACK_S:g}–{table.LIMIT_SLACK_S + table.LIMIT_JITTER_S:g} s"

_POOLS: dict[Pool, tuple[str, str, str, str]] = {
    Pool.NONE: ("no", "no", "no", ""),
    Pool.HARD: (_times(table.ATTEMPTS_AGAIN[Pool.HARD]), "no", "no", SAME),
    Pool.FRESH: (_times(table.ATTEMPTS_AGAIN[Pool.FRESH]), "no", "no", "a fresh one, from the handoff"),
    Pool.TRANSIENT: (f"for {_minutes(table.TRANSIENT_TOTAL_S)}", _BACK_OFF, "after one call", SAME),
    Pool.LIMIT: (
        "after the wait",
        f"until the reset and {_RESET} more; where none is named, or it is past: {_STEPS} min",
        "no",
        SAME,
    ),
    Pool.LOST: (_times(table.ATTEMPTS_AGAIN[Pool.LOST]), "no", "no", SAME),
    Pool.MODEL: ("with `fallback_model`", "no", "at once", SAME),
    Pool.CAP: ("no", "no", "no", ""),
    Pool.END: ("no", "no", "no", ""),
}
"""pool: (tried again, waits, falls back, session of the next attempt)"""


def _then(row: Row) -> str:
    ends = f"the run ends: `{row.ends.value}`" if row.ends is not None else ""
    if row.pool is Pool.END:
        return ends
    if row.pool is Pool.LIMIT:
        return f"past `max_limit_wait_hours` {ends}"
    if row.pool is Pool.CAP:
        return "the link has failed; where it was the run's or the day's budget the run ends: `budget`"
    if row.pool is Pool.MODEL:
        return f"without one {ends}"
    return "the link has failed" if row.failed else "the next link"


def measured() -> str:
    """What the tests measure of each outcome."""
    head = ("outcome", "calls if it comes once", "waited", "session", "calls if it never stops", "waited",
            "the run ends")  # fmt: skip
    rows = [_measured(row) for row in ROWS]
    others = "; ".join(f"`{outcome.value}`: {where}" for outcome, where in ELSEWHERE.items())
    return f"{markdown_table(head, rows)}\nThe others are brought about elsewhere. {others}.\n"


def _measured(row: OutcomeRow) -> tuple[str, ...]:
    calls, least_s, most_s = row.once
    least, most, total_s = row.always
    return (
        f"`{row.outcome.value}`",
        str(calls),
        f"{human_duration(least_s)} to {human_duration(most_s)}" if most_s else "",
        row.session,
        str(least) if least == most else f"{least} to {most}",
        f"{human_duration(total_s)} at the most" if total_s else "",
        f"`{row.ends.value}`, exit code {ENDINGS[row.ends].exit_code}",
    )


# --- how runs end --------------------------------------------------------------------------------


def endings() -> dict[str, tuple[str, str, str]]:
    """stop reason: (status word, exit code, finished), as the page has them."""
    return {
        reason.value: (end.status.value, str(end.exit_code), "yes" if end.finished else "no")
        for reason, end in ENDINGS.items()
    }


# --- variables -------------------------------------------------------------------------------------


def variables() -> str:
    """Every variable that overrides a key of config.json."""
    keys: list[tuple[str, ...]] = [
        (one.key,) for one in CONFIG.fields if one.key not in ("telegram", "backends", "env")
    ]
    keys += [("telegram", one.key) for one in TELEGRAM.fields]
    rows = [(f"`{variable(*words)}`", f"`{'.'.join(words)}`") for words in keys]
    rows += [
        (f"`LLMAUTO_{name.upper()}_PATH`", f"`backends.{name}.path`")
        for name in sorted(set(BUILT_IN) - OF_NO_PROGRAM)
    ]
    return markdown_table(("variable", "key"), rows)


def variable(*words: str) -> str:
    """The variable of a key."""
    return "LLMAUTO_" + "_".join(words).upper()


# --- events ----------------------------------------------------------------------------------------


def events() -> str:
    """Every kind of event with its keys."""
    return "\n".join(_event(event) for event in KINDS.values())


def _event(event: type[Event]) -> str:
    said = " ".join((event.__doc__ or "").split()).replace(" None", " null")
    own = [one for one in fields(event) if one.name not in ("at", "up")]
    rows = [(f"`{one.name}`", _type(one), _default(one)) for one in own]
    keys = "\n" + markdown_table(("key", "type", "default"), rows) if rows else ""
    return f"### {event.kind}\n\n{said}\n{keys}"


_TYPES = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "true, false",
    "int | None": "number, null",
    "float | None": "number, null",
    "tuple[str, ...]": "array of text",
    "Mapping[str, str]": "object",
}


def _type(one: Field[Any]) -> str:
    return _TYPES[str(one.type)]


def _default(one: Field[Any]) -> str:
    if one.default is MISSING:
        return "" if one.default_factory is MISSING else "`{}`"
    whole = isinstance(one.default, float) and one.default.is_integer()
    return f"`{json.dumps(int(one.default) if whole else one.default)}`"


# --- the pages ---------------------------------------------------------------------------------------

PARTS: Mapping[str, Callable[[], str]] = {
    "outcomes": outcomes,
    "variables": variables,
    "events": events,
    "measured": measured,
}


def made(text: str) -> str:
    """The page as it should be: what is made from the code made anew, all else as it stands."""
    return _MADE.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}", text)


def parts_in(text: str) -> list[str]:
    """Which parts a page has."""
    return [name for _, name, _ in _MADE.findall(text)]


def write() -> None:
    """Bring all pages up to date."""
    for page in sorted(REFERENCE.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (wanted := made(text)) != text:
            page.write_text(wanted, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
