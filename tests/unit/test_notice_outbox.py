from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from llmauto.notices.outbox import LONGEST_WAIT_S, ROOM, Outbox, Tried
from tests.support.bot_api import Waits

OK = Tried(delivered=True)
FAILED = Tried(delivered=False, why="HTTP 500", again=True)
REFUSED = Tried(delivered=False, why="HTTP 403")


class Channel:
    """Answers by a script, the last one again and again. Holds each try back where `gate` is given."""

    def __init__(self, *script: Tried, gate: threading.Event | None = None) -> None:
        self.script = script or (OK,)
        self.texts: list[str] = []
        self.limits: list[float] = []
        self.begun = threading.Event()
        self.gate = gate

    def __call__(self, text: str, timeout_s: float) -> Tried:
        self.texts.append(text)
        self.limits.append(timeout_s)
        self.begun.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        return self.script[min(len(self.texts), len(self.script)) - 1]


class Stop:
    """A `Wait` in which the outbox is closed, or whatever else is to happen in the first one."""

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do
        self.asked: list[float] = []

    def __call__(self, bell: threading.Event, seconds: float) -> bool:
        self.asked.append(seconds)
        if len(self.asked) == 1:
            self.do()
        return bell.is_set()


def ended(outbox: Outbox, count: int = 1) -> list[tuple[str, bool, str]]:
    """The results, once there are so many."""
    found = list(outbox.results())
    pause = threading.Event()
    for _ in range(2000):
        if len(found) >= count:
            return found
        pause.wait(0.005)
        found += outbox.results()
    raise AssertionError(f"only {found}")


def test_a_notice_is_delivered_and_says_so_once() -> None:
    channel = Channel()
    outbox = Outbox("telegram", channel)
    outbox.put("night: all_done", "text")
    assert ended(outbox) == [("telegram", True, "night: all_done")]
    assert outbox.results() == []
    assert channel.texts == ["text"]
    outbox.close(1)


def test_handing_over_waits_for_nothing() -> None:
    gate = threading.Event()
    channel = Channel(gate=gate)
    outbox = Outbox("telegram", channel)
    for number in range(3):
        outbox.put(str(number), str(number))
    assert outbox.results() == []
    gate.set()
    outbox.close(5)
    assert [delivered for _, delivered, _ in outbox.results()] == [True] * 3


def test_no_thread_stays_when_there_is_nothing_to_send() -> None:
    outbox = Outbox("idle", Channel())
    assert not threads("idle")
    for _ in range(3):
        outbox.put("t", "x")
        ended(outbox)
    for thread in threads("idle"):
        thread.join(5)
    assert not threads("idle")


def threads(channel: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"notices-{channel}"]


def test_it_is_tried_four_times_with_longer_waits_between() -> None:
    waits = Waits()
    channel = Channel(FAILED)
    outbox = Outbox("telegram", channel, wait=waits)
    outbox.put("t", "x")
    assert ended(outbox) == [("telegram", False, "t: HTTP 500, 4 tries")]
    assert waits.asked == [1.0, 5.0, 25.0]
    assert len(channel.texts) == 4


def test_a_later_try_may_deliver_it() -> None:
    outbox = Outbox("telegram", Channel(FAILED, FAILED, OK), wait=Waits())
    outbox.put("t", "x")
    assert ended(outbox) == [("telegram", True, "t")]


def test_what_another_try_cannot_change_is_not_tried_again() -> None:
    channel = Channel(REFUSED)
    outbox = Outbox("telegram", channel, wait=Waits())
    outbox.put("t", "x")
    assert ended(outbox) == [("telegram", False, "t: HTTP 403")]
    assert len(channel.texts) == 1


def test_the_other_side_may_ask_for_a_longer_wait() -> None:
    waits = Waits()
    busy = Tried(delivered=False, why="HTTP 429", again=True, after_s=30.0)
    outbox = Outbox("telegram", Channel(busy, OK), wait=waits, monotonic=lambda: 100.0)
    outbox.put("t", "x")
    ended(outbox)
    assert waits.asked == [30.0]


def test_a_wait_that_is_too_long_is_not_waited() -> None:
    waits = Waits()
    busy = Tried(delivered=False, why="HTTP 429", again=True, after_s=LONGEST_WAIT_S + 1)
    outbox = Outbox("telegram", Channel(busy), wait=waits)
    outbox.put("t", "x")
    assert ended(outbox) == [("telegram", False, "t: HTTP 429")]
    assert waits.asked == []


def test_when_too_many_wait_the_oldest_is_given_up_and_that_is_said() -> None:
    gate = threading.Event()
    channel = Channel(gate=gate)
    outbox = Outbox("telegram", channel)
    outbox.put("first", "first")
    assert channel.begun.wait(5)
    for number in range(ROOM + 2):
        outbox.put(str(number), str(number))
    assert outbox.results() == [
        ("telegram", False, "0: too many were waiting"),
        ("telegram", False, "1: too many were waiting"),
    ]
    gate.set()
    assert [detail for _, _, detail in ended(outbox, ROOM + 1)][:2] == ["first", "2"]


def test_an_error_that_nobody_foresaw_is_a_failed_notice_and_tells_no_secret() -> None:
    def deliver(text: str, timeout_s: float) -> Tried:
        raise RuntimeError("https://api.example/bot123:geheim/sendMessage")

    outbox = Outbox("telegram", deliver)
    outbox.put("t", "x")
    assert ended(outbox) == [("telegram", False, "t: an unforeseen RuntimeError")]


def test_closing_lets_the_last_notice_out() -> None:
    channel = Channel()
    outbox = Outbox("telegram", channel)
    outbox.put("end", "x")
    outbox.close(10)
    assert outbox.results() == [("telegram", True, "end")]


def test_closing_with_nothing_to_send_takes_no_time_and_starts_nothing() -> None:
    outbox = Outbox("closed", Channel())
    outbox.close(10)
    outbox.close(10)
    assert not threads("closed")


def test_what_hangs_is_given_up_when_the_time_for_closing_is_over() -> None:
    gate = threading.Event()
    channel = Channel(gate=gate)
    outbox = Outbox("telegram", channel)
    outbox.put("link", "1")
    assert channel.begun.wait(5)
    outbox.put("end", "2")
    outbox.close(0.05)
    why = "no answer came before the run was over"
    assert outbox.results() == [("telegram", False, f"link: {why}"), ("telegram", False, f"end: {why}")]
    gate.set()  # an answer that comes later changes nothing of what was said
    for thread in threads("telegram"):
        thread.join(5)
    assert outbox.results() == []
    assert channel.texts == ["1"]


def test_a_try_while_closing_has_no_more_time_than_is_left() -> None:
    channel = Channel()
    outbox = Outbox("telegram", channel, try_s=7.0, monotonic=lambda: 100.0)
    outbox.put("t", "x")
    ended(outbox)
    gate = threading.Event()
    channel.gate = gate
    outbox.put("t", "x")
    outbox.put("end", "x")
    closing = threading.Thread(target=outbox.close, args=(3.0,))
    closing.start()
    gate.set()
    closing.join(5)
    assert channel.limits[0] == 7.0
    assert channel.limits[-1] in (3.0, 7.0)


def test_at_the_end_the_newest_notice_goes_first_and_a_wait_for_an_older_one_is_cut_short() -> None:
    channel = Channel(FAILED, OK, OK)
    closing = threading.Thread()

    def close() -> None:
        nonlocal closing
        outbox.put("end", "end")
        closing = threading.Thread(target=outbox.close, args=(10.0,))
        closing.start()
        while not hurry.wait(0.005):
            pass

    outbox = Outbox("telegram", channel, wait=Stop(close))
    hurry = outbox._hurry
    outbox.put("link", "link")
    results = ended(outbox, 2)
    closing.join(5)
    assert channel.texts == ["link", "end", "link"]
    assert results == [("telegram", True, "end"), ("telegram", True, "link")]


def test_while_closing_no_wait_is_begun_that_ends_too_late() -> None:
    channel = Channel(FAILED)
    gate = threading.Event()
    channel.gate = gate
    waits = Waits()
    outbox = Outbox("telegram", channel, wait=waits, monotonic=lambda: 100.0)
    outbox.put("end", "x")
    assert channel.begun.wait(5)
    closing = threading.Thread(target=outbox.close, args=(4.0,))
    closing.start()
    assert outbox._hurry.wait(5)
    gate.set()
    closing.join(5)
    assert outbox.results() == [("telegram", False, "end: HTTP 500, and no time is left to wait")]
    assert waits.asked == [1.0]


def test_after_the_end_nothing_more_is_sent() -> None:
    channel = Channel()
    outbox = Outbox("telegram", channel)
    outbox.close(1)
    outbox.put("late", "x")
    assert outbox.results() == [("telegram", False, "late: the run was over")]
    assert channel.texts == []


def test_a_system_without_threads_costs_the_notice_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox("telegram", Channel())

    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "Thread", NoThread)
    outbox.put("t", "x")
    assert outbox.results() == [("telegram", False, "t: no thread could be started")]
