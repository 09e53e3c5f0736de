from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from llmauto.clock import SystemClock
from llmauto.ports import Clock
from llmauto.testing.clock import FakeClock


def test_both_clocks_are_clocks() -> None:
    clocks: list[Clock] = [SystemClock(), FakeClock()]
    assert [clock.poll_s for clock in clocks] == [0.5, float("inf")]


def test_a_pause_lasts_as_long_as_asked() -> None:
    clock = SystemClock()
    before = time.monotonic()
    clock.pause(0.03)
    assert 0.02 <= time.monotonic() - before < 1


def test_no_pause_is_no_wait() -> None:
    clock = SystemClock()
    before = time.monotonic()
    clock.pause(0)
    clock.pause(-5)
    assert time.monotonic() - before < 1


def test_a_wake_before_the_pause_ends_it_and_counts_once() -> None:
    clock = SystemClock()
    clock.wake()
    clock.wake()
    before = time.monotonic()
    clock.pause(60)
    assert time.monotonic() - before < 5
    clock.pause(0.03)
    assert time.monotonic() - before >= 0.02


def test_a_wake_from_another_thread_ends_the_pause() -> None:
    clock = SystemClock()
    timer = threading.Timer(0.02, clock.wake)
    timer.start()
    before = time.monotonic()
    clock.pause(60)
    timer.join()
    assert time.monotonic() - before < 5


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_a_signal_handler_may_end_the_pause() -> None:
    clock = SystemClock()
    old = signal.signal(signal.SIGUSR1, lambda *_: clock.wake())
    timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        before = time.monotonic()
        clock.pause(60)
        assert time.monotonic() - before < 5
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, old)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc/self/fd")
def test_clocks_that_are_gone_hold_no_files() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = count()
    for _ in range(20):
        SystemClock().wake()
    assert count() == before


def test_a_fake_pause_moves_both_clocks() -> None:
    clock = FakeClock(start=1000.0)
    clock.pause(30)
    clock.advance(12)
    assert (clock.now(), clock.monotonic(), clock.pauses) == (1042.0, 42.0, [30])


def test_a_jump_of_the_wall_clock_leaves_the_monotonic_one() -> None:
    clock = FakeClock(start=1000.0)
    clock.jump_wall(-3600)
    assert (clock.now(), clock.monotonic()) == (-2600.0, 0.0)


def test_what_is_planned_happens_in_order_and_ends_the_pause() -> None:
    clock = FakeClock(start=0.0)
    seen: list[tuple[str, float]] = []
    clock.after(20, lambda: seen.append(("second", clock.monotonic())))
    clock.after(10, lambda: seen.append(("first", clock.monotonic())))
    clock.pause(60)
    assert seen == [("first", 10.0)]
    clock.advance(60)
    assert seen == [("first", 10.0), ("second", 20.0)]
    assert clock.monotonic() == 70.0


def test_a_pause_without_end_is_a_mistake_of_the_test() -> None:
    with pytest.raises(AssertionError, match="without end"):
        FakeClock().pause(float("inf"))
