"""The logs that people read with any pager."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from llmauto import events as ev
from llmauto.logs import FILES, LogWriter
from llmauto.ports import Activity

CALL = ev.CallStarted(call=1, round=1, link="worker", model="opus")


def written(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_events_go_into_the_chains_log_and_activity_into_the_links(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "logs", "x", now=lambda: 0.0)
    for item in (
        ev.RunStarted(run="r1", chain="x", links=("worker",)),
        CALL,
        Activity(kind="text", text="I look at it.\nThen I mend it."),
        Activity(kind="tool", tool="Edit", detail="src/a.py"),
        Activity(kind="usage", input_tokens=5),
        ev.CallEnded(call=1, round=1, link="worker", attempt=1, outcome="done", seconds=3.0, cost_usd=0.0),
        ev.BaselineTaken(),
    ):
        log(item)
    log.close()
    chain = written(tmp_path / "logs" / "x.log").splitlines()
    assert [line.split("  ", 1)[1] for line in chain] == [
        "run  r1 begins with 1 link",
        "r1 worker  begins with opus",
        "r1 worker  done in 3s, $0.00",
    ]
    link = written(tmp_path / "logs" / "x_worker.log")
    assert "I look at it.\n    Then I mend it." in link
    assert "> Edit src/a.py" in link
    assert "done in 3s" in link


def test_an_adopted_call_is_logged_under_its_link(tmp_path: Path) -> None:
    with LogWriter(tmp_path, "x", link="reviewer") as log:
        log(Activity(kind="text", text="going on"))
    assert "going on" in written(tmp_path / "x_reviewer.log")


def test_what_a_terminal_would_obey_is_taken_out(tmp_path: Path) -> None:
    with LogWriter(tmp_path, "x") as log:
        log(CALL)
        log(Activity(kind="text", text="a\x1b]0;owned\x07b\x1b[2Jc\r\nd\udc80"))
        log(Activity(kind="tool", tool="Ba\x1b[1msh", detail="x\ny"))
    text = written(tmp_path / "x_worker.log")
    assert "\x1b" not in text
    assert "abc" in text
    assert "> Bash x y" in text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_logs_are_private_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with LogWriter(tmp_path / "logs", "x", largest=200) as log:
            for _ in range(20):
                log(ev.Noted(code="warning", message="x" * 50))
    finally:
        os.umask(before)
    paths = [tmp_path / "logs", *(tmp_path / "logs").iterdir()]
    assert len(paths) == 1 + FILES
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_log_is_turned_over_and_the_newest_lines_stay(tmp_path: Path) -> None:
    with LogWriter(tmp_path, "x", largest=1_000) as log:
        for number in range(200):
            log(ev.Noted(code="warning", message=f"line {number}"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["x.log", "x.log.1", "x.log.2", "x.log.3", "x.log.4"]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    assert "line 199" in written(tmp_path / "x.log")
    assert "line 199" not in written(tmp_path / "x.log.1")


def test_a_log_that_cannot_be_written_stops_nothing_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file", encoding="utf-8")
    told: list[str] = []
    log = LogWriter(tmp_path / "logs", "x", told.append)
    log(CALL)
    log(Activity(kind="text", text="x"))
    assert len(told) == 1
    assert "the logs cannot be written" in told[0]


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine", encoding="utf-8")
    (tmp_path / "logs").mkdir(mode=0o700)
    (tmp_path / "logs" / "x.log").symlink_to(outside)
    told: list[str] = []
    LogWriter(tmp_path / "logs", "x", told.append)(CALL)
    assert written(outside) == "mine"
    assert len(told) == 1


def test_logging_begins_again_when_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.write_text("a file", encoding="utf-8")
    with LogWriter(folder, "x") as log:
        log(CALL)
        folder.unlink()
        log(CALL)
    assert "begins with opus" in written(folder / "x.log")
