from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.rules.text import (
    cost_words,
    decode,
    dollars,
    human_bytes,
    human_duration,
    one_line,
    plain,
    quoted,
    utc,
    without_markdown,
)

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
NASTY = st.text(
    st.one_of(st.sampled_from("\x1b[]P;0m\x07\\\x9b\x9c\x9d\r\n\t\u202e a"), st.characters()), max_size=60
)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;2;1;2;3mrgb", "rgb"),
        ("\x9b31mred", "red"),
        ("a\x1b[2J\x1b[1;1Hb", "ab"),
        ("a\x1b[?25lb", "ab"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d0;title\x9ctext", "text"),
        ("\x1bPq#0;2;0~~\x1b\\text", "text"),
        ("\x1b_Gf=100;AAAA\x1b\\text", "text"),
        ("\x1bXsos\x1b\\\x1b^pm\x1b\\text", "text"),
        ("\x1b(Btext\x1bc\x1b7", "text"),
        ("over\x08write\x7f\x00\x0b\x0c", "overwrite"),
        ("a\r\nb\rc\n\td", "a\nb\nc\n\td"),
        ("evil\u202etxt.exe\u2066\u2069", "eviltxt.exe"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("Grüße ✓ 😀 \u200d", "Grüße ✓ 😀 \u200d"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(written: str, shown: str) -> None:
    assert plain(written) == shown


@pytest.mark.parametrize("opening", ["\x1b]0;", "\x1bP", "\x9d", "\x1b_", "\x1b]0;a\r"])
def test_a_sequence_that_is_never_closed_hides_no_more_than_its_line(opening: str) -> None:
    assert plain(f"before {opening}payload\nafter").splitlines()[-1] == "after"
    assert "\x1b" not in plain(f"before {opening}payload")


@pytest.mark.parametrize("cut", ["\x1b", "\x1b[", "\x1b[3", "\x1b[31;", "\x1b(", "\x9b1"])
def test_a_sequence_that_is_cut_off_leaves_nothing(cut: str) -> None:
    assert plain(f"text{cut}") == "text"


@given(NASTY)
def test_nothing_that_is_obeyed_comes_through(text: str) -> None:
    assert not OBEYED.search(plain(text))


@given(NASTY)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_a_flood_of_openings_takes_linear_time() -> None:
    assert plain("\x1b]" * 200_000 + "\x1b[" * 200_000 + "0;" * 200_000 + "\nend") == "\nend"


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("  a \n\t b  ", 10, "a b"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd efg", 6, "abcd…"),
        ("\x1b[1mbold\x1b[0m", 4, "bold"),
        ("ab", 1, "…"),
        ("", 5, ""),
    ],
)
def test_one_line_is_short_and_plain(text: str, limit: int, line: str) -> None:
    assert one_line(text, limit) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a b", "`a b`"), ("a\nb\x1b", "`a\\nb\\u001b`"), ("\u202e", "`\\u202e`"), ("x" * 41, f"`{'x' * 40}…`")],
)
def test_a_quoted_text_hides_nothing(text: str, shown: str) -> None:
    assert quoted(text) == shown


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("Grüße".encode(), "Grüße"),
        (b"\xef\xbb\xbfALL_DONE", "ALL_DONE"),
        (b"\xff\xfe" + "ALL_DONE".encode("utf-16-le"), "ALL_DONE"),
        (b"\xfe\xff" + "ALL_DONE".encode("utf-16-be"), "ALL_DONE"),
        (b"\xff\xfe\0\0" + "x".encode("utf-32-le"), "x"),
        (b"Gr\xfc\xdfe", "Gr\ufffd\ufffde"),
        (b"cut \xf0\x9f\x98", "cut \ufffd"),
        (b"\xff\xfeA", "\ufffd"),
    ],
)
def test_bytes_become_text_whatever_they_are(data: bytes, text: str) -> None:
    assert decode(data) == text


@given(st.binary(max_size=40))
def test_decoding_never_fails_and_can_be_written_again(data: bytes) -> None:
    decode(data).encode("utf-8")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("## Status: BLOCKED ##", "Status: BLOCKED"),
        ("**Verdict:** APPROVED", "Verdict:** APPROVED"),
        ("> - **BLOCKED**", "BLOCKED"),
        ("1. `done`", "done"),
        ("12) done", "done"),
        ("- [ ] open", "open"),
        ("* [x] closed", "closed"),
        ("| Status: | BLOCKED |", "Status: | BLOCKED"),
        ("~~gone~~", "gone"),
        ("__done__", "done"),
        ("\ufeffdone", "done"),
        ("3.5 hours", "3.5 hours"),
        ("snake_case stays", "snake_case stays"),
        ("-----", ""),
        ("```", ""),
        ("", ""),
    ],
)
def test_markdown_around_a_line_is_taken_off(line: str, text: str) -> None:
    assert without_markdown(line) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (-5, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (256 * 1024, "256 KiB"),
        (1024**2 - 1, "1 MiB"),
        (5 * 1024**3, "5 GiB"),
        (5000 * 1024**4, "5,000 TiB"),
    ],
)
def test_bytes_are_written_in_binary_units(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3.0, "0s"),
        (0.4, "0s"),
        (12.9, "12s"),
        (60, "1m00s"),
        (423, "7m03s"),
        (3599.9, "59m59s"),
        (3600, "1h00"),
        (11_520, "3h12"),
        (86_400, "1d00h"),
        (2 * 86_400 + 3 * 3600, "2d03h"),
        (float("inf"), "unknown"),
        (float("nan"), "unknown"),
    ],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (float("nan"), "unknown"),
        (0.0, "$0.00"),
        (0.004, "<$0.01"),
        (0.42, "$0.42"),
        (1234.5, "$1,234.50"),
        (-0.42, "-$0.42"),
        (-0.001, "$0.00"),
    ],
)
def test_money_that_is_not_known_is_not_nothing(amount: float | None, text: str) -> None:
    assert dollars(amount) == text


def test_a_moment_that_no_calendar_has_is_unknown() -> None:
    assert utc(1_760_000_000) == "2025-10-09 08:53 UTC"
    assert [utc(at) for at in (1e18, float("nan"), float("inf"))] == ["an unknown time"] * 3


@pytest.mark.parametrize(
    ("usd", "unknown", "text"),
    [
        (1.5, 0, "$1.50"),
        (0.0, 0, "$0.00"),
        (1.5, 1, "$1.50 + 1 call of unknown cost"),
        (1.5, 2, "$1.50 + 2 calls of unknown cost"),
        (0.0, 2, "unknown"),
    ],
)
def test_a_cost_says_what_of_it_is_unknown(usd: float, unknown: int, text: str) -> None:
    assert cost_words(usd, unknown) == text
