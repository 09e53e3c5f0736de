"""How is each outcome brought about, and what is measured then? Tests play it; the reference shows it.

A row plays one link of a single pass with the fake `claude`, as a real process, through the whole command
line: its first calls end in the outcome, then calls are done. `calls` and `sessions` are read from the
agents' own ledger, `waits` and `ends` from the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmauto.outcomes import Outcome, StopReason
from llmauto.testing.clock import START

Steps = list[dict[str, Any]]
WORKED: Steps = [{"assistant": "I begin"}]
SILENT: Steps = [*WORKED, {"sleep": 60}]
RESET_AT = START + 2 * 3600
"""Two hours after the begin."""

FOR_EVER = 60
"""More calls than any row makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """`first` is what a call that ends so does, after its agent had begun to work where it can.

    `once`: (calls, seconds waited at least and at most) where it happens once, then all is well.
    `always`: the same where it never stops, and `ends` why the run then ends. `session` of the second call:
    "same", "fresh", or "" where there is none.
    """

    outcome: Outcome
    first: Steps
    session: str = ""
    once: tuple[int, float, float] = (1, 0.0, 0.0)
    always: tuple[int, int, float] = (1, 1, 0.0)
    ends: StopReason = StopReason.LINK_FAILED
    chain: Mapping[str, Any] = field(default_factory=dict)
    link: Mapping[str, Any] = field(default_factory=dict)


def _error(status: int | None, text: str, error: str = "server_error") -> Steps:
    return [{"api_error": status or 0, "text": text, "error": error}]


_O, _R = Outcome, StopReason
_AGAIN: dict[str, Any] = {"session": "same", "once": (2, 0.0, 0.0), "always": (2, 2, 0.0)}
_FRESH: dict[str, Any] = {"session": "fresh", "once": (2, 0.0, 0.0), "always": (2, 2, 0.0)}
_AWAY: dict[str, Any] = {"session": "same", "once": (2, 2.5, 5.0), "always": (10, 17, 1800.0)}
_CAP: dict[str, Any] = {
    "subtype": "error_max_budget_usd",
    "is_error": True,
    "errors": ["Reached maximum budget ($0.5)"],
}

ROWS: tuple[OutcomeRow, ...] = (
    OutcomeRow(outcome=_O.DONE, first=[{"say": "done", "cost": 0.1}], ends=_R.COMPLETED),
    OutcomeRow(outcome=_O.SKIPPED, first=[{"say": "SKIPPED"}], ends=_R.COMPLETED),
    OutcomeRow(
        outcome=_O.BLOCKED,
        first=[{"write": "$LLMAUTO_HANDOFF", "text": "Status: BLOCKED"}, {"say": "see there"}],
        ends=_R.COMPLETED,
    ),
    OutcomeRow(outcome=_O.DENIED, first=[{"say": "I may not", "denied": ["Write"]}]),
    OutcomeRow(
        outcome=_O.LIMITED,
        first=[*WORKED, {"limit": "You've hit your limit", "resets_at": RESET_AT}],
        session="same",
        once=(2, 7200 + 60, 7200 + 120),
        always=(20, 26, 24 * 3600.0),
        ends=_R.LIMIT_WAIT,
    ),
    OutcomeRow(outcome=_O.OVERLOADED, first=[*WORKED, *_error(529, "API Error: 529 Overloaded.")], **_AWAY),
    OutcomeRow(
        outcome=_O.OFFLINE,
        first=[*WORKED, *_error(None, "API Error: Connection refused (ECONNREFUSED)")],
        **_AWAY,
    ),
    OutcomeRow(
        outcome=_O.AUTH,
        first=_error(401, "Invalid API key · Fix external API key", "authentication_failed"),
        ends=_R.NO_BACKEND,
    ),
    OutcomeRow(outcome=_O.BAD_REQUEST, first=_error(400, "API Error: 400 bad", "unknown")),
    OutcomeRow(
        outcome=_O.NO_MODEL,
        first=_error(404, "There's an issue with the selected model (x)", "model_not_found"),
    ),
    OutcomeRow(
        outcome=_O.CONTEXT_FULL,
        first=[*WORKED, *_error(400, "Prompt is too long", "invalid_request")],
        **_FRESH,
    ),
    OutcomeRow(
        outcome=_O.SESSION_BROKEN,
        first=[
            *WORKED,
            *_error(
                400, "API Error: 400 … `tool_use` ids were found without `tool_result` blocks", "unknown"
            ),
        ],
        **_FRESH,
    ),
    OutcomeRow(outcome=_O.TIMEOUT, first=SILENT, link={"timeout_seconds": 1}, **_AGAIN),
    OutcomeRow(outcome=_O.STALLED, first=SILENT, chain={"stall_seconds": 1}, **_AGAIN),
    OutcomeRow(outcome=_O.CRASHED, first=[*WORKED, {"signal": "SEGV"}], **_AGAIN),
    OutcomeRow(outcome=_O.BAD_OUTPUT, first=[*WORKED, {"exit": 0}], **_AGAIN),
    OutcomeRow(outcome=_O.BUDGET, first=[*WORKED, {"result": _CAP}]),
    OutcomeRow(
        outcome=_O.UNKNOWN, first=[*WORKED, {"result": {"result": "odd", "is_error": True}}], **_AGAIN
    ),
)
"""The others are brought about by the machine, by people, or by no program: `ELSEWHERE`."""

ELSEWHERE: Mapping[Outcome, str] = {
    _O.MISSING: "`test_outcome_rows.py` too, with a program that goes in the middle of a run",
    _O.NEEDS_HUMAN: "no backend reports it yet; a question ends the run by its verdict or gate",
    _O.DISK: "`test_process_crashes.py`, on a small file system",
    _O.MEMORY: "`test_resources.py`",
    _O.LOST: "`test_kills.py`, by kills of runner and keeper",
    _O.STOPPED: "`test_steering.py`, and `test_chains_on_the_real_cli.py`",
}
"""Where what cannot be scripted is tested."""
