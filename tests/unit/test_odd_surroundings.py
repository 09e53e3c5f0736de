"""Streams that are closed or full, folders that may not be looked into, words that are empty."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmauto.awake import helper
from llmauto.backends.programs import find_program
from llmauto.cli import live, main
from llmauto.cli.ending import print_ending
from llmauto.cli.output import Output
from llmauto.errors import BackendError
from llmauto.events import RunEnded
from llmauto.model import Chain
from llmauto.rules.progress import Progress
from tests.support.checkout import ROOT
from tests.support.command_line import llmauto

posix = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")
ONE_LINK = '{"max_rounds": 1, "links": [{"name": "w", "backend": "demo"}]}'


def in_shell(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    """A command line with redirections, as a person types it; `$L` is llmauto."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DEMO_PACE": "0", "LLMAUTO_HOME": str(folder)}
    env["L"] = f"{sys.executable} -m llmauto"
    return subprocess.run(
        ["/bin/sh", "-c", words], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


def chains(home: Path, *names: str) -> None:
    (home / "chains").mkdir(exist_ok=True)
    for name in names:
        (home / "chains" / f"{name}.json").write_text(ONE_LINK, encoding="utf-8")


# --- Ctrl-C --------------------------------------------------------------------------------------------

EARLY_CTRL_C = """
import sys
module = sys.argv[1]
class Interrupts:
    def find_spec(self, name, *rest):
        if name == module:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
import llmauto.__main__
sys.argv[1:] = ["status"]
sys.exit(llmauto.__main__.main())
"""


@pytest.mark.parametrize("module", ["llmauto.cli", "llmauto.cli.context", "llmauto.cli.status"])
def test_ctrl_c_is_no_traceback_however_early_it_comes(module: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", EARLY_CTRL_C, module]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "interrupted")


# --- files -------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("most", [7, 8, 9, 10, 11, 12, 14])
def test_where_no_more_files_can_be_opened_that_is_no_fault_of_ours(tmp_path: Path, most: int) -> None:
    chains(tmp_path, "c")
    done = in_shell(tmp_path, f"ulimit -n {most}; $L chain start c")
    assert done.returncode == 1
    assert "fault in llmauto" not in done.stderr
    assert "Traceback" not in done.stderr


# --- streams -----------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    "words", ["$L version >&-", "$L status >&-", "$L chain list >&- 2>&- <&-", "$L 2>&-"]
)
def test_a_closed_stream_is_no_fault(tmp_path: Path, words: str) -> None:
    done = in_shell(tmp_path, words)
    assert (done.returncode, done.stderr) == (0, "")


@posix
def test_a_run_is_played_to_its_end_with_all_streams_closed(tmp_path: Path) -> None:
    chains(tmp_path, "c")
    assert in_shell(tmp_path, "$L chain start c <&- >&- 2>&-").returncode == 0
    assert (tmp_path / "state" / "c" / "round_counter.txt").read_text("utf-8") == "1\n"


@posix
def test_a_pipe_with_stdin_closed_has_its_prompt_alone(tmp_path: Path) -> None:
    done = in_shell(tmp_path, "$L pipe --backend demo hi <&-")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_behind_stdout_is_said_to_be_that(tmp_path: Path) -> None:
    done = in_shell(tmp_path, "$L schema > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


@posix
def test_a_start_in_the_background_says_json_where_json_is_asked_for(tmp_path: Path) -> None:
    chains(tmp_path, "c")
    begun = json.loads(in_shell(tmp_path, "$L chain start c --bg --json").stdout)
    assert sorted(begun) == ["chain", "pid", "run"]
    in_shell(tmp_path, "until grep -qs STOPPED state/c/status.txt; do sleep 0.02; done")
    assert json.loads(in_shell(tmp_path, "$L chain status c --json").stdout)["run"] == begun["run"]


# --- folders of another user -------------------------------------------------------------------------


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be looked into; root may, so that the look itself is made to fail."""
    folder = Path("/forbidden/bin")
    really = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if folder in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    return folder


def test_a_folder_on_path_of_another_user_is_passed_over(forbidden: Path) -> None:
    env = {"PATH": str(forbidden)}
    assert helper(env, "x", "linux", 1) == ()
    with pytest.raises(BackendError, match="is not on PATH"):
        find_program("claude", paths={}, env=env, cwd=Path("/"), backend="claude", hint="")


def test_a_program_that_may_not_be_seen_is_told_as_one_that_is_missing(forbidden: Path) -> None:
    env = {"LLMAUTO_CLAUDE_PATH": str(forbidden / "claude")}
    with pytest.raises(BackendError, match="there is no"):
        find_program("claude", paths={}, env=env, cwd=Path("/"), backend="claude", hint="")


def test_missing_permission_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(ctx: object) -> int:
        raise PermissionError(13, "Permission denied", str(tmp_path / "journal.db"))

    monkeypatch.setattr("llmauto.cli.status.status", refuse)
    assert main(["--home", str(tmp_path), "status"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: no permission to use `{tmp_path / 'journal.db'}`\nhint: ")


@posix
def test_a_current_folder_that_was_removed_is_said_to_be(tmp_path: Path) -> None:
    done = in_shell(tmp_path, "mkdir gone; cd gone; rmdir ../gone; unset LLMAUTO_HOME; $L status")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, "error: the folder that you are in has been removed",
    )  # fmt: skip


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--home", "", "status"), ("--home=", "chain", "list"), ("chain", "start", "c", "--from", ""),
        ("chain", "stats", ""), ("pipe", "-t", "", "--backend", "demo"),
    ],
)  # fmt: skip
def test_an_empty_word_from_an_unset_variable_is_a_mistake(tmp_path: Path, words: tuple[str, ...]) -> None:
    chains(tmp_path, "c")
    said = llmauto(tmp_path, *words)
    assert said.code == 2
    assert "expected a text that is not empty" in said.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("words", [("check", "Night"), ("show", "night"), ("start", "night", "--dry-run")])
def test_chains_that_differ_by_case_alone_are_refused_in_every_command(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    chains(tmp_path, "night", "Night")
    said = llmauto(tmp_path, "chain", *words)
    assert said.code == 2
    assert "differ by case alone" in said.err


def test_a_chain_file_that_has_a_twin_in_the_home_is_refused_by_its_path_too(tmp_path: Path) -> None:
    chains(tmp_path, "night")
    other = tmp_path / "NIGHT.json"
    other.write_text(ONE_LINK, encoding="utf-8")
    assert "differ by case alone" in llmauto(tmp_path, "chain", "check", str(other)).err


def test_a_name_with_json_behind_it_is_told_how_the_chain_is_called(tmp_path: Path) -> None:
    chains(tmp_path, "night")
    said = llmauto(tmp_path, "chain", "start", "night.json")
    assert said.code == 2
    assert "hint: the chain is called `night`" in said.err


def test_a_missing_input_is_told_before_anything_is_made(tmp_path: Path) -> None:
    chains(tmp_path)
    chain = '{"max_rounds": 1, "inputs": {"area": null}, "links": [{"name": "w", "backend": "demo"}]}'
    (tmp_path / "chains" / "c.json").write_text(chain, encoding="utf-8")
    said = llmauto(tmp_path, "chain", "start", "c")
    assert (said.code, said.err) == (2, "error: the chain `c` must be given `area`\nhint: add --set area=…\n")
    assert [path.name for path in tmp_path.iterdir()] == ["chains"]


# --- what is shown -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "under_way", "shown"),
    [(0, False, "1/2"), (1, False, "1/2"), (1, True, "2/2"), (2, False, "2/2")],
)
def test_the_live_line_names_no_round_behind_the_last(done: int, under_way: bool, shown: str) -> None:
    progress = Progress(rounds_done=done, round_open=under_way)
    line = live.status_line(Chain(name="c", links=(), max_rounds=2), progress, "", 0, (0.0, 0.0))
    assert f"round {shown} " in line


@pytest.mark.parametrize(
    ("earlier_s", "said"), [(0.0, "2 files changed"), (9.0, "2 files changed since this start")]
)
def test_the_files_of_a_run_that_went_on_are_said_to_be_those_of_this_start(
    earlier_s: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(rounds_done=2, earlier_s=earlier_s)
    ended = RunEnded(reason="stop_requested", message="I had\r\x1b[31menough")
    print_ending(Output(sys.stdout, sys.stderr, {}), Chain(name="c", links=()), progress, ended, 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "STOPPED  c: I had enough"
    assert lines[1].endswith(f" · {said}")
