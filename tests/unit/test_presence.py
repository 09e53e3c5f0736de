"""Are runners in one folder noticed, whatever their homes are?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmauto.presence import at_work_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock a folder")


def test_each_runner_but_the_first_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    with at_work_in(tmp_path) as first, at_work_in(tmp_path) as second, at_work_in(tmp_path) as third:
        assert (first, second, third) == (False, True, True)
        assert list(tmp_path.iterdir()) == []
    with at_work_in(tmp_path) as again:
        assert not again


def test_the_second_one_is_noticed_when_the_first_has_gone(tmp_path: Path) -> None:
    first = at_work_in(tmp_path)
    first.__enter__()
    with at_work_in(tmp_path):
        first.__exit__(None, None, None)
        with at_work_in(tmp_path) as third:
            assert third


def test_another_folder_or_one_that_cannot_be_opened_is_nobody_s(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with at_work_in(tmp_path), at_work_in(tmp_path / "a") as below, at_work_in(tmp_path / "gone") as gone:
        assert (below, gone) == (False, False)
    with at_work_in(None) as alone:
        assert not alone
