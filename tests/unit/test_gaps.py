"""Leaps of time, and what is said of them."""

from __future__ import annotations

from llmauto.rules.gaps import Look, leap

HOUR = 3600.0


def told(wall: float, up: float, longest_pause_s: float = 0.5) -> str:
    found = leap(Look(0.0, 0.0), Look(wall, up), longest_pause_s)
    return found[0] if found else ""


def test_two_clocks_that_go_on_together_are_no_leap() -> None:
    assert told(0.5, 0.5) == ""
    assert told(59.0, 59.0) == ""


def test_a_pause_that_was_asked_for_is_no_leap() -> None:
    assert told(HOUR, HOUR, longest_pause_s=float("inf")) == ""


def test_a_machine_that_slept_by_its_clock_or_by_both_is_told() -> None:
    assert told(8 * HOUR, 0.5) == "suspended"
    assert told(8 * HOUR, 8 * HOUR) == "suspended"


def test_a_clock_that_was_set_back_is_told() -> None:
    assert told(-HOUR, 0.5) == "clock"


def test_the_sentence_names_the_length() -> None:
    found = leap(Look(0.0, 0.0), Look(8 * HOUR, 0.0), 0.5)
    assert found is not None
    assert "8h00" in found[1]
