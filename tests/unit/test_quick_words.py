"""How words and options are read: those of `status` without argparse, all others with it."""

from __future__ import annotations

import pytest

from llmauto.cli.parser import parse
from llmauto.cli.quick import quick
from llmauto.errors import UsageError


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "status --json",
        "--home h status",
        "status --home=h",
        "chain status",
        "chain status x",
        "chain status --json x",
        "--home h chain status x --json",
        "chain status x --home h",
    ],
)
def test_they_are_read_as_argparse_would(line: str) -> None:
    words = quick(line.split())
    assert words is not None
    asked = parse(line.split())
    assert vars(words).items() <= vars(asked).items()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "status --help",
        "chain",
        "chain status x y",
        "chain status -x",
        "chain status x --debug",
        "chain log x --json",
        "pipe status",
        "--home",
        "--home --json status",
        "chain status -- x",
        "status x",
        "statsu",
    ],
)
def test_all_else_is_left_to_argparse(line: str) -> None:
    assert quick(line.split()) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("chain stop x --now it is late", {"name": "x", "reason": ["it", "is", "late"], "now": True}),
        ("chain stop x it --now is", {"name": "x", "reason": ["it", "is"], "now": True}),
        ("chain stop x -- --now", {"name": "x", "reason": ["--now"], "now": False}),
        ("chain log x -f 7", {"name": "x", "count": 7, "follow": True}),
        ("chain log -f x 7", {"name": "x", "count": 7, "follow": True}),
        ("chain log x -f", {"name": "x", "count": 50, "follow": True}),
        ("pipe why -m opus not", {"prompt": ["why", "not"], "model": "opus"}),
        ("pipe -- -x y", {"prompt": ["-x", "y"]}),
        ("chain create --yes new", {"name": "new", "yes": True}),
    ],
)
def test_words_may_stand_behind_options(line: str, expected: dict[str, object]) -> None:
    assert expected.items() <= vars(parse(line.split())).items()


@pytest.mark.parametrize("line", ["chain check a b", "status a", "chain stop x --nw", "chain log x y"])
def test_words_too_many_are_still_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line.split())
