"""Does `doctor` see what would spoil a night, say what to do, and give no secret away?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmauto.cli import checkup_home, checkup_machine, versions
from llmauto.cli.claude_config import CLOUDS, KEYS
from llmauto.keeper import lock
from llmauto.keeper.child.folder import Folder
from tests.support.cli import Cli

SECRET = "sk-very-secret"

posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in for the CLI is a script")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    cli = Cli(tmp_path, monkeypatch)
    for name in (*KEYS, *CLOUDS, "IS_SANDBOX", "TELEGRAM_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(checkup_machine, "is_root", lambda: False)
    monkeypatch.setattr("llmauto.cli.checkup_agents.is_root", lambda: False)
    return cli


def stand_in(cli: Cli, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """A `claude` that runs this Python."""
    path = cli.folder / "claude"
    path.write_text(f"#!{sys.executable} -IS\nimport sys, os, re, json, time\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("LLMAUTO_CLAUDE_PATH", str(path))
    return path


VERSION = 'if "--version" in sys.argv: print("2.1.331 (Claude Code)"); sys.exit()'


def found(cli: Cli, name: str, *argv: str) -> list[dict[str, Any]]:
    checks: list[dict[str, Any]] = cli.run("doctor", "--json", *argv).json()["checks"]
    return [check for check in checks if check["name"] == name]


def one(cli: Cli, name: str) -> tuple[str, str, str]:
    checks = found(cli, name)
    assert len(checks) == 1, checks
    return checks[0]["level"], checks[0]["message"], checks[0]["hint"] or ""


@posix
def test_a_machine_that_is_ready_says_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(cli, monkeypatch, VERSION)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    cli.chain("one")
    ran = cli.run("doctor")
    assert ran.code == 0, ran.out
    assert "FAIL" not in ran.out
    assert "2.1.331 (Claude Code)" in ran.out
    assert f"{cli.home}, named by `--home`" in ran.out


@posix
def test_no_secret_is_ever_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(cli, monkeypatch, VERSION)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", SECRET)
    config = {"telegram": {"enabled": True, "chat_id": "1"}}
    (cli.home / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for words in (("doctor",), ("doctor", "--json")):
        ran = cli.run(*words)
        assert SECRET not in ran.out + ran.err
    assert one(cli, "telegram") == ("ok", "on, with the token in `TELEGRAM_BOT_TOKEN`", "")


def test_a_missing_program_fails_with_the_way_to_install_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(cli.folder))
    level, message, hint = one(cli, "claude")
    assert (level, message) == ("fail", "`claude` is not on PATH")
    assert "npm install" in hint
    assert cli.run("doctor").code == 1


@posix
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.stderr.write('no binary'); sys.exit(3)", "exit code 3, no binary"),
        ("pass", "nothing was printed"),
        ("time.sleep(60)", "it did not answer in"),
    ],
)
def test_a_program_that_is_no_claude_fails(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr(versions, "WITHIN_S", 0.5)
    stand_in(cli, monkeypatch, body)
    level, message, _ = one(cli, "claude")
    assert level == "fail"
    assert said in message


@posix
def test_an_old_version_is_a_warning(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(cli, monkeypatch, 'print("1.0.9 (Claude Code)")')
    assert one(cli, "claude")[0] == "warn"


def test_a_login_is_found_without_asking_anybody(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(cli, "login")[0] == "warn"
    state = cli.user / ".claude.json"
    state.write_text(json.dumps({"oauthAccount": {"emailAddress": "x@example.org"}}), encoding="utf-8")
    assert one(cli, "login") == ("ok", "logged in, by `.claude.json`", "")
    (cli.user / ".claude").mkdir()
    (cli.user / ".claude" / ".credentials.json").write_text("{}", encoding="utf-8")
    assert one(cli, "login") == ("ok", "logged in, by its credentials file", "")
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", SECRET)
    assert one(cli, "login") == ("ok", "`CLAUDE_CODE_OAUTH_TOKEN` is set", "")


def test_permissions_of_a_project_that_nobody_trusted_are_a_warning(cli: Cli) -> None:
    assert one(cli, "trust")[0] == "ok"
    (cli.folder / ".claude").mkdir()
    settings = {"permissions": {"allow": ["Bash(ls:*)", "Write"]}}
    (cli.folder / ".claude" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    level, message, hint = one(cli, "trust")
    assert (level, "2 entries" in message, f"in {cli.folder} and accept" in hint) == ("warn", True, True)
    projects = {"projects": {cli.folder.as_posix(): {"hasTrustDialogAccepted": True}}}
    (cli.user / ".claude.json").write_text(json.dumps(projects), encoding="utf-8")
    assert one(cli, "trust")[0] == "ok"


def test_in_a_repository_it_is_its_root_that_is_trusted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q"], cwd=cli.folder, check=True)
    sub = cli.folder / "sub"
    (sub / ".claude").mkdir(parents=True)
    settings = {"permissions": {"allow": ["Write"]}}
    (sub / ".claude" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    monkeypatch.chdir(sub)
    assert one(cli, "trust")[0] == "warn"
    projects = {"projects": {cli.folder.as_posix(): {"hasTrustDialogAccepted": True}}}
    (cli.user / ".claude.json").write_text(json.dumps(projects), encoding="utf-8")
    assert one(cli, "trust")[0] == "ok"


def test_as_root_skipping_permissions_fails_outside_of_a_sandbox(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup_machine, "is_root", lambda: True)
    monkeypatch.setattr("llmauto.cli.checkup_agents.is_root", lambda: True)
    link = {"name": "w", "prompt": "do it", "permission_mode": "bypassPermissions"}
    cli.chain("one", links=[link])
    level, message, hint = one(cli, "rights")
    assert (level, "one/w" in message, "IS_SANDBOX=1" in hint) == ("fail", True, True)
    monkeypatch.setenv("IS_SANDBOX", "1")
    assert found(cli, "rights") == []
    monkeypatch.delenv("IS_SANDBOX")
    cli.chain("one", links=[{**link, "env": {"IS_SANDBOX": "1"}}])
    assert found(cli, "rights") == []


def test_a_wrong_config_fails_and_hides_nothing_else(cli: Cli) -> None:
    (cli.home / "config.json").write_text('{"default_modle": "x"}', encoding="utf-8")
    level, message, _ = one(cli, "settings")
    assert (level, "default_modle" in message) == ("fail", True)
    assert one(cli, "chains")[0] == "ok"


def test_chains_with_mistakes_are_a_warning(cli: Cli) -> None:
    cli.chain("good")
    cli.chain("bad", modle="x")
    level, message, hint = one(cli, "chains")
    assert (level, message) == ("warn", "1 of 2 have mistakes: bad")
    assert hint == "`llmauto chain check bad` names them"


def test_a_damaged_journal_fails_with_the_way_out(cli: Cli) -> None:
    cli.ended_run("one", "r1")
    assert one(cli, "journal")[0] == "ok"
    for path in cli.home.glob("journal.db*"):
        path.unlink()
    (cli.home / "journal.db").write_bytes(b"no database at all" * 1000)
    level, _, hint = one(cli, "journal")
    assert (level, bool(hint)) == ("fail", True)


def test_little_room_is_a_warning(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmauto.files.free_bytes", lambda _: 5 << 20)
    level, message, _ = one(cli, "space")
    assert (level, message) == ("warn", "only 5 MiB are free")


def test_folders_that_cannot_be_written_fail(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup_home, "_takes_files", lambda folder: folder.name != "home")
    level, message, _ = one(cli, "folders")
    assert (level, str(cli.home) in message) == ("fail", True)


def test_notices_without_a_token_are_a_warning(cli: Cli) -> None:
    assert one(cli, "telegram") == ("ok", "off", "")
    (cli.home / "config.json").write_text('{"telegram": {"enabled": true}}', encoding="utf-8")
    level, message, _ = one(cli, "telegram")
    assert level == "warn"
    assert "`TELEGRAM_BOT_TOKEN`" in message
    assert "`telegram.chat_id`" in message


def test_what_a_killed_runner_left_is_a_warning(cli: Cli) -> None:
    assert one(cli, "runs") == ("ok", "none is left over", "")
    folder = cli.under_way("one", "r1")
    level, message, hint = one(cli, "runs")
    assert (level, "was killed" in message, "chain start one" in hint) == ("warn", True, True)
    held = lock.take(Folder(os.fsencode(folder)))
    level, message, hint = one(cli, "runs")
    os.close(held)
    assert (level, "still works" in message, "chain stop one --now" in hint) == ("warn", True, True)


def test_looking_leaves_nothing_behind(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.run("doctor")
    assert cli.files() == set()
    cli.home = cli.folder / "not" / "there"
    cli.run("doctor")
    assert not cli.home.parent.exists()


# --- --live ---

PLAYS = """
text = sys.stdin.read()
word, proof = re.search(r"word (proof-\\w+) into the file (\\S+)\\.\\n", text).groups()
handoff = re.search(r"two lines into (\\S+),", text)[1]
"""
WRITES = """
open(proof, "w").write(word)
open(handoff, "w").write("Status: DONE\\n" + word + "\\n")
"""
ANSWERS = """
print(json.dumps({"type": "system", "subtype": "init", "session_id": "s", "model": "m"}))
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "done",
    "session_id": "s", "num_turns": 4, "total_cost_usd": 0.01, "usage": {}, "permission_denials": DENIED}))
"""


@posix
def test_one_live_call_proves_that_agents_may_do_their_work(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(cli, monkeypatch, VERSION + PLAYS + WRITES + ANSWERS.replace("DENIED", "[]"))
    ran = cli.run("doctor", "--live")
    assert ran.code == 0, ran.out + ran.err
    for step in ("a file in the project", "a command in a shell", "a handoff outside of the project"):
        assert f"{step}: allowed" in ran.out
    assert cli.files() == set()


@posix
def test_a_live_call_that_is_denied_says_what_to_allow(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = '[{"tool_name": "Write"}, {"tool_name": "Bash"}]'
    stand_in(cli, monkeypatch, VERSION + PLAYS + ANSWERS.replace("DENIED", denied))
    ran = cli.run("doctor", "--live", "--json")
    checks = {check["name"]: check for check in ran.json()["checks"]}
    assert ran.code == 1
    assert {checks[name]["level"] for name in ("write", "command", "handoff")} == {"fail"}
    assert "Write" in checks["write"]["message"]
    assert "default_allowed_tools" in checks["write"]["hint"]


@posix
def test_a_live_call_that_does_not_succeed_says_why(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(cli, monkeypatch, VERSION + "\nsys.stderr.write('broken'); sys.exit(9)")
    check = found(cli, "call", "--live")[0]
    assert (check["level"], "crashed" in check["message"]) == ("fail", True)
