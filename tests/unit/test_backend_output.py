"""Output without end is held in little memory."""

from __future__ import annotations

import pytest

from llmauto.backends.output import Lines, Shown
from llmauto.ports import Activity


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_in_whatever_pieces_they_come(size: int) -> None:
    data = b"one\n\ntwo\r\nthree"
    lines = Lines()
    found = [line for at in range(0, len(data), size) for line in lines.split(data[at : at + size])]

    assert [*found, *lines.rest()] == [b"one", b"", b"two\r", b"three"]
    assert list(lines.rest()) == []


def test_a_line_over_the_limit_is_told_and_not_held() -> None:
    lines = Lines(limit=10)

    assert list(lines.split(b"x" * 10 + b"\n" + b"x" * 11 + b"\nshort\n")) == [b"x" * 10, None, b"short"]
    assert [line for _ in range(100) for line in lines.split(b"x" * 1000)] == []
    assert len(lines._open) == 0
    assert list(lines.split(b"x\nshort")) == [None]
    assert list(lines.rest()) == [b"short"]


def test_a_last_line_over_the_limit_is_told_too() -> None:
    lines = Lines(limit=10)

    assert list(lines.split(b"x" * 11)) == []
    assert list(lines.rest()) == [None]


def test_activities_that_nobody_looks_at_go_oldest_first() -> None:
    shown = Shown(limit=1000)
    shown.add([Activity(kind="text", text=str(number)) for number in range(100)])
    kept = [each.text for each in shown.take()]

    assert kept == [str(number) for number in range(100 - len(kept), 100)]
    assert 1 <= len(kept) <= 5
    assert shown.take() == ()


def test_one_large_activity_is_kept() -> None:
    shown = Shown(limit=10)
    shown.add([Activity(kind="text", text="x" * 100)])

    assert len(shown.take()) == 1
