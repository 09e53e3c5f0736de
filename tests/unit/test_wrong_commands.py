"""What is said to commands that cannot be meant as they were typed? Never a hint that leads nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.command_line import llmauto
from tests.support.told_runs import ToldHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToldHome:
    monkeypatch.chdir(tmp_path)
    return ToldHome(tmp_path / "home")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        # no guess is an option of another command
        (
            ["--rounds"],
            "error: unrecognized arguments: --rounds\nhint: `llmauto --help` lists what there is\n",
        ),
        (["ui", "--opne"], 'error: unrecognized arguments: --opne\nhint: did you mean "--open"?\n'),
        (
            ["clean", "--keep", "-1"],
            "error: argument --keep: expected a whole number from 0, got '-1'\n"
            "hint: `llmauto clean --help` lists what there is\n",
        ),
        (
            ["init", ""],
            "error: the project's name is empty\nhint: name its folder; without one it is this folder\n",
        ),
        (
            ["init", "~nosuch"],
            "error: the project `~nosuch` does not exist\nhint: name the folder of a project\n",
        ),
        (
            ["pipe", "-f", "~nosuch/a.md"],
            "error: --file `~nosuch/a.md`: no such file or directory\n",
        ),
        (["chain", "check", "./home"], "error: there is no chain file `./home`, it is a folder\n"),
        (["chain", "rehearse", "x", "--script", "no.json"], "no.json: error: there is no such file\n"),
    ],
)
def test_a_wrong_word_is_exit_2_with_a_hint_that_leads_somewhere(
    home: ToldHome, words: list[str], said: str
) -> None:
    found = llmauto(home.path, *words)
    assert (found.code, found.out, found.err) == (2, "", said)
    assert not (Path.cwd() / ".llmauto").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["handoff", "x"], "chain `x` has no handoff yet\nhint: `llmauto chain start x` begins a run\n"),
        (["open", "x", "nobody"], "chain `x` has not run yet\nhint: `llmauto chain start x` runs it\n"),
    ],
)
def test_what_a_chain_has_not_got_yet_comes_with_a_run(home: ToldHome, words: list[str], said: str) -> None:
    found = llmauto(home.path, "chain", *words)
    assert (found.code, found.err) == (1, f"error: {said}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loop", "too many levels of symbolic links"),
        ("a" * 300, "file name too long"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="in the words of POSIX")
def test_a_home_that_can_be_no_folder_is_no_fault_of_ours(
    home: ToldHome, tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    said = llmauto(tmp_path / name, "chain", "start", "demo")
    assert said.code == 2
    assert f"` cannot be a folder: {reason}\nhint: name a folder" in said.err.replace("…", "")
