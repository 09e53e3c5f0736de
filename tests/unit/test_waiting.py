"""What people are told of a wait: in the log, and by a notice where it is long."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from llmauto import events as ev
from llmauto.model import Chain, Link, Quota
from llmauto.outcomes import Outcome
from llmauto.ports import Reply, Window
from llmauto.sayings import sentence
from llmauto.testing.agents import Play, ends, says
from llmauto.testing.clock import START
from tests.unit.bench import Bench

CHAIN = Chain(name="c", links=(Link(name="worker", prompt="Work."),), max_rounds=1)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of day are those of UTC: a run begins at 08:53."""
    import time

    monkeypatch.setattr(time, "localtime", time.gmtime)


def waits(bench: Bench) -> list[ev.WaitStarted]:
    return [event for event in bench.seen if isinstance(event, ev.WaitStarted)]


def titles(bench: Bench) -> list[str]:
    return [title for title, _ in bench.notices.sent]


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are told to the minute: what is added by chance must not turn one into the next."""
    monkeypatch.setattr("llmauto.rules.retry.jitter", lambda seed: 0.0)


def limited(hours: float, cost: float | None = 0.25) -> Play:
    return ends(Outcome.LIMITED, "a limit", reset_at=START + hours * 3600, cost=cost, worked=True)


def test_one_line_says_what_is_waited_for_until_when_at_what_cost_and_what_ends_it() -> None:
    chain = replace(CHAIN, deadline=datetime(2025, 10, 9, 18, 0, tzinfo=timezone.utc))
    bench = Bench(chain, {"*": [limited(2), says()]})
    bench.run()
    (wait,) = waits(bench)
    assert sentence(wait) == (
        "r1 worker  waits until 10:54 (2h00) for the usage limit's reset · $0.25 so far"
        " · ends at 18:00 at the latest, `deadline`"
    )


def test_the_tries_of_the_cli_are_counted_with_ours() -> None:
    away = ends(Outcome.OVERLOADED, "529")
    away = replace(away, reply=replace(away.reply, cli_retries=2))
    bench = Bench(CHAIN, {"*": [away, away, says()]})
    bench.run()
    assert [wait.tries for wait in waits(bench)] == [3, 6]
    assert " for the service, which is overloaded · 6 tries" in sentence(waits(bench)[1])
    call = next(event for event in bench.seen if isinstance(event, ev.CallEnded))
    assert "asked 3 times" in sentence(call)


def test_a_cost_that_is_unknown_is_told_as_unknown() -> None:
    bench = Bench(CHAIN, {"*": [limited(2, cost=None), says()]})
    bench.run()
    assert "cost unknown so far" in sentence(waits(bench)[0])


def test_the_earlier_of_two_bounds_of_time_is_named() -> None:
    chain = replace(CHAIN, deadline=datetime(2025, 10, 9, 18, 0, tzinfo=timezone.utc), runtime_s=4 * 3600.0)
    bench = Bench(chain, {"*": [limited(2), says()]})
    bench.run()
    assert sentence(waits(bench)[0]).endswith("ends at 12:53 at the latest, `runtime_hours`")


def test_a_long_wait_is_told_once_with_its_end_and_the_cost() -> None:
    bench = Bench(CHAIN, {"*": [limited(2), limited(4), says()]})
    bench.run()
    assert len(waits(bench)) == 2
    told = [(title, facts) for title, facts in bench.notices.sent if "waits until" in title]
    ((title, facts),) = told
    assert title == "c: waits until 10:54 for the usage limit's reset"
    assert (facts["until"], facts["status"], facts["cost"]) == ("10:54", "WAITING", "$0.25")
    assert facts["next"] == "llmauto chain status c"


@pytest.mark.parametrize("outcome", [Outcome.OVERLOADED, Outcome.OFFLINE, Outcome.LIMITED])
def test_a_short_wait_is_not_worth_a_notice(outcome: Outcome) -> None:
    bench = Bench(CHAIN, {"*": [ends(outcome), ends(outcome), says()]})
    bench.run()
    assert len(waits(bench)) == 2
    assert not [title for title in titles(bench) if "waits" in title]


def test_a_reserve_that_is_waited_for_is_told_too() -> None:
    windows = (Window(name="five_hour", used=0.9, resets_at=START + 3 * 3600),)
    play = Play(reply=Reply(outcome=Outcome.DONE, text="done", worked=True, cost_usd=0.0, windows=windows))
    chain = replace(CHAIN, quota=Quota(reserve_5h=0.2), max_rounds=2)
    bench = Bench(chain, {"*": [play, says()]})
    bench.run()
    assert [title for title in titles(bench) if "waits until" in title]
    assert "`reserve_5h` keeps 20%" in sentence(waits(bench)[0])
