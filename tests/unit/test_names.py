from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.errors import UsageError
from llmauto.rules.names import case_twins, check_name, did_you_mean, nearest, problem_with

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "7",
        "my-chain",
        "v1.2_b",
        "x" * 64,
        "A..b",
        "console",
        "nul-chain",
        "com10",
        "lpt",
        "auxiliary.x",
        "a-",
    ],
)
def test_a_name_of_the_allow_list_is_good(name: str) -> None:
    assert problem_with(name) is None
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        ("../../x", "begins with `.`"),
        ("..", "begins with `.`"),
        (".hidden", "begins with `.`"),
        ("/abs", "begins with `/`"),
        ("-rf", "begins with `-`"),
        ("_x", "begins with `_`"),
        (" x", "begins with ` `"),
        ("a/b", "holds `/`"),
        ("a\\b", "holds `\\`"),
        ("C:x", "holds `:`"),
        ("chain\n", "holds `\\n`"),
        ("a\0b", "holds `\\u0000`"),
        ("a b", "holds ` `"),
        ("caf\u00e9", "holds `\u00e9`"),
        ("cafe\u0301", "holds `\u0301`"),
        ("\u0663", "begins with `\u0663`"),
        ("\ud800", "begins with `\\ud800`"),
        ("x" * 65, "has 65 characters, 64 are allowed"),
        ("x" * 300, "has 300 characters, 64 are allowed"),
        ("x.", "ends in a dot"),
        ("x..", "ends in a dot"),
    ],
)
def test_any_other_name_is_refused_with_its_reason(name: str, problem: str) -> None:
    assert problem_with(name) == problem


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "con",
        "Prn",
        "AUX",
        "nul",
        "nul.txt",
        "NUL.tar.gz",
        "com0",
        "COM9",
        "lpt1.json",
        "LPT0",
        "con.",
        "CONIN$",
        "conout$",
    ],
)
def test_a_device_of_windows_is_refused_in_any_case_and_with_an_extension(name: str) -> None:
    assert problem_with(name) == "is reserved by Windows"


@given(st.text(max_size=70))
def test_what_is_good_is_in_the_allow_list(name: str) -> None:
    if problem_with(name) is None:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{4,63}", fullmatch=True))
def test_what_is_in_the_allow_list_is_good(name: str) -> None:
    assert problem_with(name) is None


def test_a_refused_name_says_what_it_is_the_name_of_and_how_names_look() -> None:
    with pytest.raises(UsageError, match=r"^link name `a/b` holds `/`$") as caught:
        check_name("a/b", "link")
    assert caught.value.hint is not None
    assert "letters" in caught.value.hint


def test_an_empty_name_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match=r"^the chain name is empty$"):
        check_name("")


def test_a_refused_name_cannot_write_to_the_terminal() -> None:
    with pytest.raises(UsageError) as caught:
        check_name("\x1b]0;x\x07" + "y" * 500)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


def test_twins_differ_by_case_alone() -> None:
    assert case_twins(["Work", "review", "work", "review", "WORK", "work"]) == [
        ("Work", "work"),
        ("Work", "WORK"),
    ]


def test_different_names_have_no_twins() -> None:
    assert case_twins(["a", "b", "a"]) == []


@pytest.mark.parametrize(
    ("word", "known", "name"),
    [
        ("modle", ["model", "mode", "role"], "model"),
        ("MODEL", ["model"], "model"),
        ("opus-wroker", ["Opus-Worker", "reviewer"], "Opus-Worker"),
        ("rev", ["worker", "reviewer"], "reviewer"),
        ("re", ["reviewer", "resetter"], None),
        ("xyz", ["worker"], None),
        ("", ["worker"], None),
        ("a", [], None),
        ("x" * 1_000_000, ["x" * 999_999], None),
    ],
)
def test_the_nearest_known_word_is_found(word: str, known: list[str], name: str | None) -> None:
    assert nearest(word, iter(known)) == name


def test_the_hint_asks() -> None:
    assert did_you_mean("modle", ["model"]) == 'did you mean "model"?'
    assert did_you_mean("xyz", ["model"]) is None


def test_names_are_checked_without_loading_difflib() -> None:
    code = "import sys, llmauto.rules.names as n; n.check_name('a'); sys.exit('difflib' in sys.modules)"
    assert subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, check=False).returncode == 0
