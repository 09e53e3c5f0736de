"""How events are said to people."""

from __future__ import annotations

import pytest

from llmauto import events as ev
from llmauto.sayings import QUIET, saying, sentence, subject

HOSTILE = "\x1b]0;owned\x07a\nb\x1b[31mc\u202ed"


def test_every_kind_of_event_is_said_or_known_to_be_quiet() -> None:
    samples: list[ev.Event] = [
        ev.RunStarted(run="r", chain="c", links=("a",)),
        ev.RunResumed(links=("a",)),
        ev.CallStarted(call=1, round=1, link="a"),
        ev.CallEnded(call=1, round=1, link="a", attempt=1, outcome="done"),
        ev.LinkEnded(round=1, link="a", outcome="timeout", failed=True),
        ev.LinkSkipped(round=1, link="a"),
        ev.RoundEnded(round=1),
        ev.WaitStarted(round=1, link="a", until=60.0, why="limit"),
        ev.WaitEnded(),
        ev.StopAsked(),
        ev.HandoffKept(round=1, link="a", sha="s", size=1),
        ev.Noted(code="warning", message="m"),
        ev.NoticeSent(channel="telegram", delivered=True),
        ev.WindowSeen(name="five_hour", used=0.5),
        ev.RunEnded(reason="max_rounds"),
        ev.PauseAsked(),
        ev.IdleBegan(why="pause"),
        ev.IdleEnded(),
        ev.Steered(text="left"),
        ev.GateOpened(round=1, link="a"),
        ev.GateAnswered(link="a", approved=True),
        ev.CheckBaseline(link="a"),
        ev.CanaryEnded(link="a", passed=True),
        ev.Reviewed(round=1, link="a", verdict="APPROVED"),
        ev.Checkpointed(round=1, link="a", when="before", commit="1a2b3c4d5e6f"),
    ]
    assert {type(event) for event in samples} | set(QUIET) == set(ev.KINDS.values())
    assert [event for event in samples if not sentence(event)] == []


def test_a_call_is_said_with_its_time_and_cost() -> None:
    ended = ev.CallEnded(
        call=1, round=2, link="worker", attempt=1, outcome="done", seconds=432.0, cost_usd=0.42,
        input_tokens=30_000, output_tokens=1_200,
    )  # fmt: skip
    assert sentence(ended) == "r2 worker  done in 7m12s, $0.42 · 31.2k tokens"


def test_a_stop_by_a_file_is_also_one_that_chain_stop_wrote() -> None:
    said = saying(ev.StopAsked(source="file", reason="late"))
    assert said == "a stop after this link was asked for by `chain stop` or another STOP file: late"


def test_a_handoff_that_was_there_need_not_be_a_person_s() -> None:
    kept = ev.HandoffKept(round=1, link="", sha="s", size=321, source="person")
    assert saying(kept) == "handoff found at the start, 321 B"


def test_an_unknown_cost_is_said_to_be_unknown_and_a_free_call_has_none() -> None:
    values = {"call": 1, "round": 1, "link": "a", "attempt": 1}
    assert "cost unknown" in saying(ev.CallEnded(outcome="timeout", **values))  # type: ignore[arg-type]
    free = ev.CallEnded(outcome="missing", charged=False, message="no `claude`", **values)  # type: ignore[arg-type]
    assert saying(free) == "missing after 0s: no `claude`"


def test_a_link_that_is_simply_done_says_nothing_beyond_its_call() -> None:
    assert saying(ev.LinkEnded(round=1, link="a", outcome="done", goto="b")) == ""
    said = saying(
        ev.LinkEnded(round=1, link="a", outcome="done", verdict="NEEDS_FIX", claims="ALL_DONE", asks="why?")
    )
    assert said == "verdict NEEDS_FIX · says ALL_DONE · asks: why?"


def test_a_further_attempt_says_why() -> None:
    again = ev.CallStarted(
        call=2, round=1, link="a", attempt=2, model="opus", resumed=True, fallback=True, why="after timeout"
    )
    assert saying(again) == "attempt 2 begins in its session with the fallback model opus (after timeout)"


@pytest.mark.parametrize("until", [float("nan"), float("inf"), 1e30, -1e30])
def test_a_time_that_no_calendar_knows_is_said_to_be_unknown(until: float) -> None:
    assert "until unknown" in saying(ev.WaitStarted(round=1, link="a", until=until, why="limit"))


@pytest.mark.parametrize(
    "event",
    [
        ev.Noted(code="tamper", message=HOSTILE),
        ev.RunEnded(reason="stop_requested", message=HOSTILE),
        ev.StopAsked(reason=HOSTILE, source=HOSTILE),
        ev.CallEnded(call=1, round=1, link=HOSTILE, attempt=1, outcome=HOSTILE, message=HOSTILE),
        ev.LinkEnded(round=1, link=HOSTILE, outcome="x", failed=True, message=HOSTILE, verdict=HOSTILE),
        ev.RunStarted(run=HOSTILE, chain="c", links=(), task=HOSTILE, workdir=HOSTILE),
        ev.RunResumed(links=(), changes=(HOSTILE,), from_link=HOSTILE),
        ev.LinkSkipped(round=1, link="a", why=HOSTILE),
        ev.WindowSeen(name=HOSTILE, used=1e300),
    ],
    ids=lambda event: event.kind,
)
def test_a_sentence_is_one_harmless_line(event: ev.Event) -> None:
    said = sentence(event)
    assert "\n" not in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_long_text_is_cut() -> None:
    assert len(sentence(ev.Noted(code="tamper", message="x" * 10_000))) < 400


def test_the_subject_is_round_and_link_or_the_run() -> None:
    assert subject(ev.RoundEnded(round=3)) == "r3"
    assert subject(ev.Noted(code="c", message="m", link="a")) == "a"
    assert subject(ev.RunEnded(reason="disk")) == "run"
