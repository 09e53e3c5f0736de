"""The command lines that are read without argparse."""

from __future__ import annotations

import pytest

from llmauto.cli.parser import parse
from llmauto.cli.quick import quick


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
