from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmauto.notices.message import LIMIT, cut, message_text


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_a_message_is_a_title_and_a_line_for_each_fact() -> None:
    text = message_text("night: all_done", {"round": "3", "cost": "$0.42"}, str)
    assert text == "night: all_done\nround: 3\ncost: $0.42"


def test_what_an_agent_said_is_made_plain_and_stays_one_line() -> None:
    assert (
        message_text("t\x1b[31m", {"why": "a\nb\x1b]0;x\x07\u202e c", "k\n": "v"}, str)
        == "t\nwhy: a b c\nk: v"
    )


def test_an_empty_fact_is_left_out_and_an_empty_title_is_not() -> None:
    assert message_text(" ", {"why": ""}, str) == "llmauto"


def test_a_long_value_does_not_push_the_next_command_out() -> None:
    text = message_text("t" * 5000, {"why": "x" * 100_000, "next": "llmauto chain status night"}, str)
    assert text.endswith("\nnext: llmauto chain status night")


def test_secrets_are_taken_out_before_anything_is_cut_and_after_colours_are() -> None:
    def clean(text: str) -> str:
        return text.replace("geheim-42", "[redacted]")

    facts = {"why": "x" * 595 + "geheim-42", "geheim-42": "ge\x1b[1mheim-42"}
    text = message_text("geheim-42", facts, clean)
    assert "geheim" not in text
    assert text.startswith("[redacted]\n")


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=60), st.text(max_size=900), max_size=12))
def test_a_message_is_never_empty_nor_too_long(title: str, facts: dict[str, str]) -> None:
    text = message_text(title, facts, str)
    assert 0 < units(text) <= LIMIT
    assert text.strip()


def test_a_message_of_large_characters_is_cut_between_them() -> None:
    text = message_text("t", {str(number): "😀" * 700 for number in range(9)}, str)
    assert units(text) in (LIMIT - 1, LIMIT)
    assert text.endswith("😀…")


@given(st.text(max_size=30), st.integers(1, 40))
def test_a_cut_text_has_as_many_units_as_are_allowed(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert units(short) <= limit
    assert short == text or text.startswith(short.removesuffix("…"))
