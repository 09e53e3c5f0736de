from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from llmauto.journal.memory import MemoryJournal
from llmauto.journal.migrations import FORMAT
from llmauto.journal.rows import COLUMNS
from llmauto.journal.sqlite import SqliteJournal
from llmauto.ports import Journal, KeptHandoff, RunSummary
from llmauto.testing.journal_checks import CHECKS, FullJournal, a_run, check_journal


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_sqlite_journal_passes(check: Callable[[FullJournal], None], tmp_path: Path) -> None:
    with SqliteJournal.open(tmp_path / "journal.db") as journal:
        check(journal)


def test_the_memory_journal_passes_every_check() -> None:
    check_journal(MemoryJournal)


def test_both_are_journals_of_the_engine(tmp_path: Path) -> None:
    with SqliteJournal.open(tmp_path / "journal.db") as journal:
        journals: list[Journal] = [journal, MemoryJournal()]
        assert [j.latest("none") for j in journals] == [None, None]


def test_the_columns_are_the_fields_of_a_summary() -> None:
    assert RunSummary._fields == COLUMNS


def test_this_program_writes_format_3() -> None:
    assert FORMAT == 3


def test_prose_takes_about_half_its_room(tmp_path: Path) -> None:
    words = Path(__file__).read_text(encoding="utf-8").split()
    rng = random.Random(1)
    texts = [" ".join(rng.choices(words, k=500)) for _ in range(100)]
    with SqliteJournal.open(tmp_path / "journal.db") as journal:
        for number, text in enumerate(texts):
            journal.append([], a_run(), [KeptHandoff(sha=f"{number:064}", text=text)])
        assert [journal.handoff(f"{number:064}") for number in range(100)] == texts
    assert (tmp_path / "journal.db").stat().st_size < 0.7 * sum(map(len, texts))
