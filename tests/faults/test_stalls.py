"""P7 through the whole command line: an agent that hangs is ended, one at work in silence is left alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from tests.support.nights import WORKER, Night

pytestmark = pytest.mark.faults

Step = dict[str, Any]
DONE: Step = {"say": "done", "cost": 0.1}
BEGUN: Step = {"assistant": "I begin"}
HANGS: Step = {"sleep": 60}
"""Far beyond all limits of these tests."""


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    night = Night(tmp_path, monkeypatch)
    limited(night)
    return night


def limited(night: Night, *, stall_s: float = 1.5, start_s: float = 20.0, **keys: Any) -> None:
    night.chain(mode="once", stall_seconds=stall_s, start_silence_seconds=start_s, grace_seconds=1, **keys)


def took(night: Night) -> tuple[int, float]:
    """The exit code, and seconds by the real clock."""
    began = time.monotonic()
    return night.start(), time.monotonic() - began


def test_p7_an_agent_that_falls_silent_is_ended_and_goes_on_in_its_session_once(night: Night) -> None:
    night.script([BEGUN, HANGS], [{"read": True}, DONE])
    code, seconds = took(night)
    assert (code, night.outcomes()) == (0, ["stalled", "done"])
    assert seconds < 15, "the stall was not waited out, nor the time limit of the call"
    first, second = night.calls
    assert second["session"] == first["session"]
    assert "--resume" in second["argv"]
    again = [event for event in night.events() if isinstance(event, ev.CallStarted)][1]
    assert (again.resumed, again.why) == (True, "after stalled")


def test_p7_an_agent_that_stalls_again_has_failed_with_no_third_call(night: Night) -> None:
    night.script(*[[BEGUN, HANGS]] * 5)
    code, _ = took(night)
    assert (code, night.outcomes()) == (1, ["stalled", "stalled"])
    assert "nothing moved for" in night.ends()[0].message


def test_p7_an_agent_that_never_says_a_word_has_a_limit_of_its_own(night: Night) -> None:
    limited(night, stall_s=30, start_s=1)
    night.script([HANGS], [DONE])
    code, seconds = took(night)
    assert (code, night.outcomes()) == (0, ["stalled", "done"])
    assert seconds < 15
    assert "said nothing for" in night.ends()[0].message
    first, second = night.calls
    assert "--resume" not in second["argv"], "it had not begun: the whole prompt again"
    assert first["session"] != second["session"]


def test_p7_an_agent_that_was_put_to_sleep_by_a_signal_is_killed(night: Night) -> None:
    night.script([BEGUN, {"signal": "STOP"}, HANGS], [DONE])
    code, _ = took(night)
    assert (code, night.outcomes()) == (0, ["stalled", "done"])


@pytest.mark.parametrize(
    "work",
    [{"burn_child": 5}, {"burn": 5}, {"touch": "$HERE/at-work.txt", "for": 5}],
    ids=["a child at work", "itself at work", "a file that changes"],
)
def test_p7_work_in_silence_is_no_stall(night: Night, work: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", str(night.folder / "repo"))
    night.script([BEGUN, work, DONE])
    code, _ = took(night)
    assert (code, night.outcomes()) == (0, ["done"])


def test_p7_a_stalled_link_of_a_loop_is_not_the_end_of_it(night: Night) -> None:
    night.chain(
        max_rounds=2, stall_seconds=1, grace_seconds=1, breakers={"no_progress": 0},
        links=[WORKER, {"name": "other", "prompt": "Do more."}],
    )  # fmt: skip
    night.script(worker=[[BEGUN, HANGS], [BEGUN, HANGS], [DONE]], other=[[DONE], [DONE]])
    assert night.start() == 0
    assert night.stop_reason() == "max_rounds"
    assert night.outcomes() == ["stalled", "stalled", "done", "done", "done"]
