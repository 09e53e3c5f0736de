"""The table of the fault suite: which test belongs where, and what a row then says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import table
from tests.faults.table import Seen


@pytest.mark.parametrize(
    ("test", "row"),
    [
        ("tests/faults/test_kills.py::test_p4_with_the_policy_stop", "P4"),
        ("tests/faults/test_terminals.py::test_p11_ctrl_c_once[x]", "P11"),
        ("tests/unit/test_names.py::test_anything", "B4"),
        ("tests/unit/test_any_history.py::TestAnyHistory::runTest", "S1"),
        ("tests/faults/test_x.py::test_anything", table.OTHER),
    ],
)
def test_a_test_belongs_to_the_row_that_it_is_named_after_or_that_its_file_is_of(test: str, row: str) -> None:
    assert table.row_of(test) == row


def test_a_row_says_how_its_tests_ended_and_their_figures() -> None:
    text = table.markdown(
        [
            Seen("a::test_s1_x", "passed", 1.0, {"kills": 60}),
            Seen("a::test_r2_x", "skipped", 0.0, {}, "no control group"),
            Seen("a::test_p1_x", "failed", 0.0, {}),
        ]
    )
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines()}
    assert lines["S1"].endswith("| 1 | holds | kills: 60 |")
    assert "not run: no control group" in lines["R2"]
    assert "**1 failed**" in lines["P1"]
    assert "not run: no test here" in lines["P2"]


def test_what_was_seen_can_be_kept(tmp_path: Path) -> None:
    seen = [Seen("a::test_s1_x", "passed", 1.0, {"kills": 60}, "")]
    table.write(tmp_path / "f", seen)
    assert table.read(tmp_path / "f") == seen


def test_every_file_of_a_row_is_there() -> None:
    root = Path(__file__).parents[2]
    assert [path for paths in table.FILES.values() for path in paths if not (root / path).exists()] == []
    assert set(table.FILES) <= set(table.ROWS)
