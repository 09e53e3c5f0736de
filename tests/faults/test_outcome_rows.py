"""The table of outcomes, row by row, through the whole command line; the money is read from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmauto.outcomes import ENDINGS, Outcome
from llmauto.rules.table import TABLE
from tests.support.nights import FAKE, WORKER, Night
from tests.support.outcome_rows import ELSEWHERE, FOR_EVER, ROWS, OutcomeRow

pytestmark = pytest.mark.faults

by_outcome = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.outcome.value)
TRIED_AGAIN = [row for row in ROWS if row.session]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, monkeypatch)


def play(night: Night, row: OutcomeRow, times: int) -> int:
    """The exit code of a single pass of one link whose first calls end in the row's outcome."""
    night.chain(**{"mode": "once", "grace_seconds": 1, "links": [WORKER | dict(row.link)]} | dict(row.chain))
    night.script(*[row.first] * times)
    return night.start()


def test_every_outcome_is_played_here_or_elsewhere() -> None:
    assert {row.outcome for row in ROWS} | set(ELSEWHERE) == set(Outcome)
    assert len(ROWS) + len(ELSEWHERE) == len(Outcome)


@by_outcome
def test_what_never_stops_ends_the_run_as_the_table_says(night: Night, row: OutcomeRow) -> None:
    code = play(night, row, FOR_EVER)
    least, most, waits = row.always
    assert set(night.outcomes()) == {row.outcome.value}
    assert (night.stop_reason(), code) == (row.ends.value, ENDINGS[row.ends].exit_code)
    assert least <= len(night.calls) <= most
    assert sum(night.waited()) <= waits
    assert (night.stop_reason() == "completed") is not TABLE[row.outcome].failed


@pytest.mark.parametrize("row", TRIED_AGAIN, ids=lambda row: row.outcome.value)
def test_what_happens_once_is_tried_again_in_the_session_that_the_table_names(
    night: Night, row: OutcomeRow
) -> None:
    assert play(night, row, 1) == 0
    calls, least, most = row.once
    assert night.outcomes() == [row.outcome.value, "done"]
    assert len(night.calls) == calls
    assert least <= sum(night.waited()) <= most
    first, second = night.calls
    same = second["session"] == first["session"]
    assert (same, "--resume" in second["argv"]) == ((row.session == "same"),) * 2


@by_outcome
def test_what_was_paid_is_what_the_ledger_says(night: Night, row: OutcomeRow) -> None:
    paid = [{"say": "paid", "cost": 0.25}]
    night.chain(
        mode="once",
        on_link_failure="continue",
        links=[WORKER | dict(row.link), {"name": "other", "prompt": "x y"}],
        **row.chain,
    )
    night.script(worker=[row.first], other=[paid])
    night.start()
    told = sum(end.cost_usd or 0.0 for end in night.ends())
    assert told == pytest.approx(night.cost)
    assert TABLE[row.outcome].charged != "no" or not night.ends()[0].charged


@by_outcome
def test_the_round_goes_on_behind_a_failed_link_where_the_table_says_so(
    night: Night, row: OutcomeRow
) -> None:
    other = {"name": "other", "prompt": "x y"}
    night.chain(mode="once", on_link_failure="continue", links=[WORKER | dict(row.link), other], **row.chain)
    night.script(worker=[row.first] * FOR_EVER, other=[[{"say": "well"}]])
    night.start()
    assert ("other" in [end.link for end in night.ends()]) == TABLE[row.outcome].counts


def test_a_program_that_goes_in_the_middle_of_a_run_ends_it_with_no_retry(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = night.folder / "claude"
    program.symlink_to(FAKE)
    monkeypatch.setenv("LLMAUTO_CLAUDE_PATH", str(program))
    night.chain(max_rounds=5, on_link_failure="continue")
    night.script([{"remove": str(program)}, {"say": "done", "cost": 0.1}])
    assert night.start() == 7
    assert night.outcomes() == ["done", "missing"]
    assert night.stop_reason() == "no_backend"
    assert len(night.calls) == 1
    assert night.waited() == []
