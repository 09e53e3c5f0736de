"""`llmauto pipe` from outside: prompts from everywhere, the answer on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import llmauto
from tests.support.project import ROOT, Project

FAKE_CLAUDE = ROOT / "llmauto" / "testing" / "fake_agent.py"
DEMO = ("pipe", "--backend", "demo")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "repo" / ".llmauto").mkdir(parents=True)
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return Project(tmp_path / "repo", keep)


def plays(project: Project, *steps: dict[str, Any]) -> Path:
    """Let `claude` be a process that plays these steps; the ledger of its calls."""
    ledger = project.folder.parent / "ledger"
    project.env |= {
        "LLMAUTO_CLAUDE_PATH": str(FAKE_CLAUDE), "FAKE_STEPS": json.dumps(steps), "FAKE_LEDGER": str(ledger),
    }  # fmt: skip
    return ledger


def prompt_of_last_call(project: Project) -> str:
    folder = max((project.folder / ".llmauto" / "calls").glob("2*"), key=lambda path: path.stat().st_mtime)
    return (folder / "0001-pipe" / "prompt.md").read_text(encoding="utf-8")


def test_the_answer_is_on_stdout_and_nothing_beside_it(project: Project) -> None:
    done = project.run(*DEMO, "hello", "you")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "This is the demo backend: no model has read your prompt of 2 words.\n"
    assert not (project.folder / ".llmauto" / "state").exists(), "a pipe needs no state folder"


def test_prompt_file_and_stdin_stand_one_under_the_other(project: Project) -> None:
    project.prompt("more.txt", "from a file\n\n")
    done = project.run(*DEMO, "why?", "-f", "prompts/more.txt", stdin=b"from stdin\n")
    assert done.returncode == 0, done.stderr
    assert prompt_of_last_call(project) == "why?\n\nfrom a file\n\nfrom stdin\n"


def test_a_prompt_of_the_home_is_filled_in(project: Project) -> None:
    (project.folder / ".llmauto" / "prompts").mkdir()
    text = "Explain {TASK} to {HOME}; {braces} stay."
    (project.folder / ".llmauto" / "prompts" / "explain.txt").write_text(text, encoding="utf-8")
    done = project.run(*DEMO, "-t", "explain", "marbles", stdin=b"with a log")
    assert done.returncode == 0, done.stderr
    said = f"Explain marbles to {project.env['HOME']}; {{braces}} stay.\n\nwith a log"
    assert prompt_of_last_call(project) == said


def test_what_is_no_text_is_replaced_and_said(project: Project) -> None:
    done = project.run(*DEMO, "why?", stdin=b"caf\xe9 \x00 end")
    assert done.returncode == 0
    assert "warning: stdin is not UTF-8 throughout" in done.stderr
    assert prompt_of_last_call(project) == "why?\n\ncaf\ufffd \ufffd end"


def test_json_is_one_object_with_all_figures(project: Project) -> None:
    plays(project, {"say": "four", "cost": 0.25})
    done = project.run("pipe", "two and two?", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("session")
    assert said.pop("ms") > 0
    assert said == {
        "text": "four", "outcome": "done", "message": None, "model": "claude-sonnet-4-6",
        "usage": {"input": 10, "output": 5, "cache": 0}, "cost_usd": 0.25, "structured": None,
    }  # fmt: skip


def test_the_answer_is_exact_whatever_the_encoding_of_the_terminal(project: Project) -> None:
    plays(project, {"assistant": "I look."}, {"tool": "Read", "input": {}}, {"say": "“é” \x1b[31m→ 漢"})
    project.env |= {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        project.argv("pipe", "x"), cwd=project.folder, env=project.env, stdin=subprocess.DEVNULL,
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "“é” \x1b[31m→ 漢\n".encode()), done.stderr


def test_a_failed_agents_text_is_on_stderr(project: Project) -> None:
    plays(project, {"api_error": 400, "text": "API Error: 400 nonsense", "error": "invalid_request"})
    done = project.run("pipe", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: bad_request: ")
    said = json.loads(project.run("pipe", "x", "--json").stdout)
    assert (said["outcome"], said["text"]) == ("bad_request", "")


def test_a_missing_program_is_exit_7_and_says_how_to_get_it(project: Project) -> None:
    project.env |= {"PATH": str(project.folder)}
    done = project.run("pipe", "x")
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.startswith("error: missing: `claude` is not on PATH\nhint: install it")


def in_a_terminal(project: Project, *words: str) -> tuple[int, str]:
    """Exit code and all that stands on the terminal in the end."""
    main, side = pty.openpty()
    env = {**project.env, "TERM": "xterm"}
    child = subprocess.Popen(
        project.argv(*words), cwd=project.folder, env=env, stdin=side, stdout=side, stderr=side
    )
    os.close(side)
    shown = b""
    with os.fdopen(main, "rb", buffering=0) as terminal:
        try:
            while data := terminal.read(4096):
                shown += data
        except OSError:  # how Linux says that nobody writes there any more
            pass
    return child.wait(10), shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_texts_come_as_they_are_said_and_tools_are_dimmed(project: Project) -> None:
    piece = {"type": "stream_event", "event": {"delta": {"type": "text_delta", "text": "Four\x1b[2J"}}}
    rest = {"type": "stream_event", "event": {"delta": {"type": "text_delta", "text": "ty-two."}}}
    plays(
        project, {"tool": "Read", "input": {"file_path": "a.py"}}, {"event": piece}, {"event": rest},
        {"say": "Fourty-two.", "cost": 0.1},
    )  # fmt: skip
    code, shown = in_a_terminal(project, "pipe", "how much?")
    assert code == 0
    assert shown.startswith("\x1b[2m  > Read a.py\x1b[0m\nFourty-two.\n\x1b[2m  claude-sonnet-4-6 · ")
    assert shown.count("Fourty-two.") == 1
    code, shown = in_a_terminal(project, "pipe", "-q", "how much?")
    assert (code, shown) == (0, "Fourty-two.\n")


def test_on_a_terminal_without_a_prompt_nothing_is_waited_for(project: Project) -> None:
    code, shown = in_a_terminal(project, *DEMO)
    assert code == 2
    assert "there is no prompt" in shown
    assert "-f FILE" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x", "--backend", "command"), "the backend `command` needs `run`"),
        (("x", "--backend", "cloude"), 'did you mean "claude"?'),
        (("x", "--backend", "codex"), "not built yet"),
        (("x", "--backend", "demo", "--schema", "s.json"), "--schema `s.json`: no such file"),
        (("x", "--schema", "s.json"), "no such file"),
        (("x", "-f", "no.txt"), "--file `no.txt`: no such file"),
        (("-t", "no-such-prompt"), "--template: there is no prompt `no-such-prompt`"),
        (("-t", "two words"), "is no name of a prompt"),
        (("-c", "x"), "no earlier `pipe` with a session of `claude`"),
        ((), "the prompt is empty"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_nothing_is_asked(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = llmauto(tmp_path / "home", "pipe", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (tmp_path / "home" / "calls").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("note.md", ': no such file or directory\nhint: did you mean "notes.md"?\n'),
        ("su", ": no such file or directory\n"),
        ("sub", ": is a directory\n"),
    ],
)
def test_a_file_that_cannot_be_read_names_a_near_one_and_no_folder(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").write_text("hi", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    done = llmauto(tmp_path / "home", *DEMO, "-f", name)
    assert (done.code, done.err) == (2, f"error: --file `{name}`{said}")


def test_a_home_that_cannot_be_written_is_an_error_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    done = llmauto(tmp_path / "file" / "home", *DEMO, "x")
    assert (done.code, done.out) == (1, "")
    assert "--home DIR" in done.err


def test_a_prompt_that_is_too_large_is_exit_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "big.txt").write_text("x" * 10_000_001, encoding="utf-8")
    done = llmauto(tmp_path / "home", "pipe", "-f", "big.txt")
    assert done.code == 2
    assert "`claude` takes 9.5 MiB" in done.err
