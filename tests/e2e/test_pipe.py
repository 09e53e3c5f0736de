"""`llmauto pipe` on the real Claude Code CLI: the answer, its form, its session, its failures."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.messages_api import Fail, Hang, MessagesApi, Say, Use, dollars, usage_limit
from tests.support.project import Project

pytestmark = pytest.mark.e2e

ANSWER_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.fixture
def project(claude_env: dict[str, str], tmp_path: Path) -> Project:
    return at_home(tmp_path / "repo", claude_env)


def at_home(folder: Path, env: dict[str, str]) -> Project:
    """A project with a home of its own: without a chain in it, the one of this checkout would be found."""
    project = Project(folder, env)
    (folder / ".llmauto").mkdir()
    return project


def asked(project: Project, *words: str, stdin: bytes | None = None) -> dict[str, Any]:
    """What `pipe --json` says of a call that ends well."""
    done = project.run("pipe", *words, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_the_answer_alone_is_on_stdout_with_one_line_feed(project: Project, api: MessagesApi) -> None:
    api.on(Say("Marbles roll.\nDownhill, mostly — “always”.\n\n"))
    done = project.run("pipe", "Explain", "marbles")
    assert (done.returncode, done.stdout) == (0, "Marbles roll.\nDownhill, mostly — “always”.\n")
    assert done.stderr == ""
    assert api.requests[0].prompt == "Explain marbles"
    assert api.requests[0].model == "claude-sonnet-4-6"


def test_what_comes_by_a_pipe_is_joined_to_the_prompt(project: Project, api: MessagesApi) -> None:
    api.on(Say("because"))
    assert project.run("pipe", "why?", stdin=b"line 1\nline 2\n").stdout == "because\n"
    assert api.requests[0].prompt.strip() == "why?\n\nline 1\nline 2"


def test_a_prompt_of_one_mebibyte_in_a_file_reaches_the_model_byte_for_byte(
    project: Project, api: MessagesApi
) -> None:
    text = "word " * (1024 * 1024 // 5)
    file = project.prompt("big.txt", text)
    api.on(Say("read"))
    done = project.run("pipe", "-f", str(file), "--model", "claude-opus-5-5")
    assert done.returncode == 0, done.stderr
    assert api.requests[0].prompt_sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_agent_works_in_the_current_folder_and_only_its_last_words_are_the_answer(
    project: Project, api: MessagesApi
) -> None:
    (project.folder / "CLAUDE.md").write_text("Always speak of marbles.", encoding="utf-8")
    target = project.folder / "made.txt"
    api.on(Use("Write", {"file_path": str(target), "content": "made\n"}, say="I write it."), Say("Written."))
    done = project.run("pipe", "write it")
    assert (done.returncode, done.stdout) == (0, "Written.\n"), done.stderr
    assert target.read_text(encoding="utf-8") == "made\n"
    assert api.requests[0].knows("Always speak of marbles.")


def test_json_has_the_figures_of_the_call(project: Project, api: MessagesApi) -> None:
    api.on(Say("forty-two", usage=dollars(0.3)))
    value = asked(project, "how much?")
    assert (value["text"], value["outcome"], value["model"]) == ("forty-two", "done", "claude-sonnet-4-6")
    assert value["usage"] == {"input": 0, "output": 20000, "cache": 0}
    assert value["cost_usd"] == pytest.approx(0.3)
    assert value["session"] == api.requests[0].session
    assert 0 < value["ms"] < 60_000
    assert value["structured"] is None


def test_a_schema_brings_json_that_meets_it(project: Project, api: MessagesApi) -> None:
    (project.folder / "schema.json").write_text(json.dumps(ANSWER_SCHEMA), encoding="utf-8")
    api.on(Use("StructuredOutput", {"answer": 42}), Say("There it is."))
    done = project.run("pipe", "how much?", "--schema", "schema.json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"answer": 42}
    assert asked(project, "again", "--schema", "schema.json")["structured"] == {"answer": 42}


def test_an_answer_without_the_structure_is_mended_once_in_its_session(
    project: Project, api: MessagesApi
) -> None:
    (project.folder / "schema.json").write_text(json.dumps(ANSWER_SCHEMA), encoding="utf-8")
    api.on(Say("It is 42."))
    api.on(Use("StructuredOutput", {"answer": 42}), when="Give it again")
    done = project.run("pipe", "how much?", "--schema", "schema.json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"answer": 42}
    assert len({request.session for request in api.requests}) == 1


def test_an_answer_that_never_gets_the_structure_is_no_answer(project: Project, api: MessagesApi) -> None:
    (project.folder / "schema.json").write_text(json.dumps(ANSWER_SCHEMA), encoding="utf-8")
    api.on(Say("It is 42."))
    done = project.run("pipe", "how much?", "--schema", "schema.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: bad_output" in done.stderr
    assert "It is 42." in done.stderr


def test_continue_goes_on_with_the_last_session_of_this_folder(project: Project, api: MessagesApi) -> None:
    api.on(Say("Nice to meet you."))
    first = asked(project, "I am called Ada.", "-m", "claude-opus-5-5")
    second = asked(project, "-c", "What am I called?")
    assert second["session"] == first["session"]
    assert api.requests[-1].prompts == ("I am called Ada.", "What am I called?")
    assert api.requests[-1].model == "claude-opus-5-5", "the model stays the session's"
    assert second["cost_usd"] == pytest.approx(first["cost_usd"]), (
        "the cost is this call's, not the session's"
    )


def test_the_fallback_model_answers_where_the_first_one_is_overloaded(
    project: Project, api: MessagesApi
) -> None:
    api.on(Fail(529))
    api.rule(lambda request: Say("here") if request.model == "claude-haiku-4-5" else None)
    done = project.run("pipe", "who is there?", "--fallback", "claude-haiku-4-5")
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
    assert [request.model for request in api.requests] == ["claude-sonnet-4-6"] * 3 + ["claude-haiku-4-5"]
    assert api.requests[-1].prompt == "who is there?"


def test_without_a_fallback_an_overload_is_an_error(project: Project, api: MessagesApi) -> None:
    api.on(Fail(529))
    done = project.run("pipe", "who is there?")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: overloaded" in done.stderr
    assert "--fallback" in done.stderr


def test_a_tool_that_was_refused_and_nothing_done_is_no_success(project: Project, api: MessagesApi) -> None:
    api.on(Use("WebFetch", {"url": "http://127.0.0.1:9/", "prompt": "read it"}), Say("I may not do that."))
    done = project.run("pipe", "look it up")
    assert (done.returncode, done.stdout) == (1, "")
    assert "I may not do that." in done.stderr
    assert "error: denied: a tool was refused, and nothing was changed: WebFetch" in done.stderr
    assert "default_allowed_tools" in done.stderr


def test_on_a_terminal_the_text_comes_while_the_model_still_speaks(
    project: Project, api: MessagesApi
) -> None:
    api.on(Hang(after="The first half"))
    main, side = pty.openpty()
    child = subprocess.Popen(
        project.argv("pipe", "-q", "speak"), cwd=project.folder, env=project.env, stdin=side, stdout=side,
        stderr=side,
    )  # fmt: skip
    os.close(side)
    shown = b""
    with os.fdopen(main, "rb", buffering=0) as terminal:
        while b"The first half" not in shown:
            shown += terminal.read(4096)
        assert child.poll() is None
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how Linux says that nobody writes there any more
            while data := terminal.read(4096):
                shown += data
    assert child.wait(20) == 130
    assert shown.startswith(b"The first half")


def test_a_key_that_is_refused_is_exit_7_with_the_way_out(project: Project, api: MessagesApi) -> None:
    api.on(Fail(401))
    done = project.run("pipe", "hello")
    assert (done.returncode, done.stdout) == (7, "")
    assert "error: auth" in done.stderr
    assert "hint: " in done.stderr


def test_the_days_budget_is_kept_before_the_next_call(project: Project, api: MessagesApi) -> None:
    (project.folder / ".llmauto" / "config.json").write_text('{"daily_budget_usd": 0.25}', encoding="utf-8")
    api.on(Say("dear", usage=dollars(0.2)))
    assert project.run("pipe", "one").returncode == 0
    api.on(Say("dearer", usage=dollars(0.1)))
    project.run("pipe", "two")
    before = len(api.requests)
    done = project.run("pipe", "three")
    assert (done.returncode, done.stdout) == (4, "")
    assert "daily_budget_usd" in done.stderr
    assert len(api.requests) == before


def test_a_usage_limit_is_exit_6_and_names_the_reset(
    subscriber_env: dict[str, str], api: MessagesApi, tmp_path: Path
) -> None:
    project = at_home(tmp_path / "repo", subscriber_env)
    api.on(usage_limit(int(time.time()) + 7200))
    done = project.run("pipe", "hello")
    assert (done.returncode, done.stdout) == (6, "")
    assert "error: limited" in done.stderr
    assert "in 1h59" in done.stderr
    assert len(api.requests) == 1
