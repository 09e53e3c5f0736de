"""When an agent has worked too long, or too long said nothing: on a clock of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmauto.keeper.child.clock import ActiveClock
from llmauto.keeper.child.limits import Limits
from llmauto.keeper.child.process import Process, belonging, descendants
from llmauto.keeper.child.watch import Activity, changed_since
from llmauto.keeper.child.wire import Order


class Scene:
    """Limits of a call whose clock and tree are played."""

    def __init__(self, **limits: float) -> None:
        order = Order()
        for name, value in limits.items():
            setattr(order, name, value)
        self.now = 1000.0
        self.cpu_s = 0.0
        self.pids = {7}
        self.is_changed = False
        self.asked: list[float] = []
        self.limits = Limits(order, self.now, lambda: (self.cpu_s, set(self.pids)), self._changed)

    def _changed(self, quiet_s: float) -> bool:
        self.asked.append(quiet_s)
        return self.is_changed

    def until(self, seconds: float, cpu_share: float = 0.0) -> tuple[str, float]:
        """What passes within so many seconds, and after how many."""
        begun = self.now
        while self.now < begun + seconds:
            self.now += 0.25
            self.cpu_s += 0.25 * cpu_share
            passed = self.limits.passed(self.now)
            if passed:
                return passed, self.now - begun
        return "", seconds


def test_a_call_has_its_time() -> None:
    assert Scene(timeout_s=60).until(100) == ("timeout", 60.0)


def test_without_a_limit_nothing_passes() -> None:
    assert Scene().until(100_000)[0] == ""


def test_the_first_word_must_come_in_time() -> None:
    assert Scene(start_silence_s=120).until(500) == ("start_silence", 120.0)


def test_after_the_first_word_silence_is_measured_otherwise() -> None:
    scene = Scene(start_silence_s=120, stall_s=900)
    scene.limits.heard(scene.now)

    passed, after = scene.until(2_000)
    assert passed == "stall"
    assert 900 <= after <= 901


def test_words_put_the_stall_off() -> None:
    scene = Scene(stall_s=900)
    scene.limits.heard(scene.now)
    assert scene.until(890)[0] == ""
    scene.limits.heard(scene.now)

    assert scene.until(890)[0] == ""


def test_work_of_the_tree_puts_the_stall_off() -> None:
    scene = Scene(stall_s=900)
    scene.limits.heard(scene.now)

    assert scene.until(5_000, cpu_share=0.5)[0] == ""
    passed, after = scene.until(5_000)
    assert passed == "stall"
    assert after <= 900 + 900 / 8


def test_the_ticking_of_a_program_that_waits_is_no_work() -> None:
    scene = Scene(stall_s=900)
    scene.limits.heard(scene.now)

    assert scene.until(2_000, cpu_share=0.001)[0] == "stall"


def test_a_new_process_puts_the_stall_off() -> None:
    scene = Scene(stall_s=900)
    scene.limits.heard(scene.now)
    for pid in range(8, 20):
        assert scene.until(200)[0] == ""
        scene.pids = {7, pid}

    assert scene.until(200)[0] == ""


def test_changed_files_put_the_stall_off_and_are_looked_at_only_then() -> None:
    scene = Scene(stall_s=900)
    scene.limits.heard(scene.now)
    scene.is_changed = True

    assert scene.until(1_700)[0] == ""
    assert len(scene.asked) == 1


def test_sleep_of_the_machine_counts_for_no_limit() -> None:
    scene = Scene(timeout_s=100, stall_s=50)
    scene.limits.heard(scene.now)
    scene.until(40)
    scene.now += 8 * 3600
    assert scene.limits.passed(scene.now) == ""
    scene.limits.heard(scene.now)

    assert scene.limits.suspended_s == 8 * 3600
    assert scene.until(45)[0] == ""


def test_a_clock_never_goes_back() -> None:
    clock = ActiveClock(100.0)

    assert [clock.look(now) for now in (101.0, 100.5, 101.5, 200.0, 201.0)] == [1.0, 1.0, 1.5, 1.5, 2.5]
    assert clock.hidden_s == 98.5


@pytest.mark.parametrize(
    ("seconds", "used", "worked"),
    [(0.25, 0.0, False), (0.25, 0.01, True), (100, 0.9, False), (100, 1.0, True)],
)
def test_what_counts_as_work(seconds: float, used: float, worked: bool) -> None:
    activity = Activity(0.0, 5.0, {1})

    assert activity.moved(seconds, 5.0 + used, {1}) is worked


def test_a_process_that_ended_is_no_work() -> None:
    assert Activity(0.0, 5.0, {1, 2}).moved(1.0, 4.0, {1}) is False


def test_files_that_changed_are_seen_deep_down_but_not_in_git(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    at = max(path.stat().st_mtime for path in (deep, tmp_path, deep.parent))
    root = str(tmp_path).encode()

    assert changed_since(root, at - 1) is True
    assert changed_since(root, at + 1) is False
    assert changed_since(b"/nowhere", 0) is False


def a_process(pid: int, parent: int, *, group: int = 0, session: int = 0, start: int = 50) -> Process:
    return Process(pid, parent, group, session, start)


def test_descendants_come_parents_first() -> None:
    table = {one.pid: one for one in (a_process(2, 1), a_process(3, 2), a_process(4, 1), a_process(5, 99))}
    found = [one.pid for one in descendants(1, table)]

    assert sorted(found) == [2, 3, 4]
    assert found.index(2) < found.index(3)


def test_who_belongs_is_known_by_session_group_mark_and_descent() -> None:
    people = [
        a_process(10, 1, session=10),
        a_process(11, 1, session=10),
        a_process(12, 1, group=10),
        a_process(13, 11),
        a_process(14, 1, start=60),
        a_process(15, 1, start=61),
        a_process(16, 1, session=16),
    ]
    table = {one.pid: one for one in people}
    found = belonging(10, 50, {14: 60, 15: 60}, table)

    assert sorted(one.pid for one in found) == [10, 11, 12, 13, 14]


def test_a_foreign_process_with_the_pid_of_the_agent_is_left_alone() -> None:
    people = [a_process(10, 1, session=10, start=900), a_process(11, 10, session=10, start=901)]

    assert belonging(10, 50, {}, {one.pid: one for one in people}) == []
