"""Does the state folder notice that somebody wrote the same handoff once more?"""

from __future__ import annotations

import os
from pathlib import Path

from llmauto.desk import StateDesk
from llmauto.ports import Mirror


def desk(tmp_path: Path) -> StateDesk:
    made = StateDesk(tmp_path, "c")
    made.publish(Mirror(status="RUNNING", rounds_done=0, started_at=1.0, handoff="BLOCKED: no"))
    return made


def test_the_same_text_written_again_is_told(tmp_path: Path) -> None:
    one = desk(tmp_path)
    path = one.folder / "handoff.md"
    path.write_text("BLOCKED: no", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    inbox = one.collect()
    assert (inbox.handoff, inbox.handoff_again) == (None, True)


def test_a_file_that_nobody_touched_is_not(tmp_path: Path) -> None:
    assert desk(tmp_path).collect().handoff_again is False


def test_what_publish_writes_itself_is_not(tmp_path: Path) -> None:
    one = desk(tmp_path)
    one.publish(Mirror(status="RUNNING", rounds_done=1, started_at=1.0, handoff="next"))
    assert one.collect().handoff_again is False


def in_a_workdir(tmp_path: Path) -> tuple[StateDesk, Path]:
    """A desk whose agents work elsewhere, and the folder that they may write to there."""
    second = tmp_path / "project" / "state" / "c"
    second.mkdir(parents=True)
    return StateDesk(tmp_path / "home", "c", tmp_path / "project"), second


def say(made: StateDesk) -> StateDesk:
    made.publish(Mirror(status="RUNNING", rounds_done=0, started_at=1.0, handoff="BLOCKED: no"))
    return made


def test_the_same_text_written_in_the_workdir_is_told(tmp_path: Path) -> None:
    one, second = in_a_workdir(tmp_path)
    say(one)
    (second / "handoff.md").write_text("BLOCKED: no", encoding="utf-8")
    inbox = one.collect()
    assert (inbox.handoff, inbox.handoff_again) == (None, True)
    assert say(one).collect().handoff_again is False


def test_the_same_text_written_over_its_copy_in_the_workdir_is_told(tmp_path: Path) -> None:
    one, second = in_a_workdir(tmp_path)
    (second / "handoff.md").write_text("an older one", encoding="utf-8")
    assert say(one).collect().handoff_again is False
    (second / "handoff.md").write_text("BLOCKED: no", encoding="utf-8")
    os.utime(second / "handoff.md", ns=(1, 1))
    assert one.collect().handoff_again is True


def test_a_copy_in_the_workdir_that_goes_is_not(tmp_path: Path) -> None:
    one, second = in_a_workdir(tmp_path)
    (second / "handoff.md").write_text("BLOCKED: no", encoding="utf-8")
    say(one)
    (second / "handoff.md").unlink()
    assert one.collect().handoff_again is False
