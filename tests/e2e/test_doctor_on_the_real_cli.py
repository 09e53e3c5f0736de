"""`doctor` on the real Claude Code CLI: what it sees of it, and what one live call proves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.messages_api import MessagesApi, Request, Say, Turn, Use
from tests.support.project import Project

pytestmark = pytest.mark.e2e

CHECK = "This is a check of what you may do"


@pytest.fixture
def project(claude_env: dict[str, str], tmp_path: Path) -> Project:
    project = Project(tmp_path / "repo", claude_env)
    project.chain("mine", max_rounds=1, links=[{"name": "worker"}])  # what makes the folder a home
    return project


def obedient(request: Request) -> Turn | None:
    """A model that does the three steps of the check, as its prompt words them."""
    if not request.says(CHECK):
        return None
    prompt = request.prompts[0]
    word = re.search(r"word (proof-\w+)", prompt)
    paths = re.findall(r" into (?:the file )?(/\S+?)[.,]?\s", prompt)
    assert word is not None
    steps: tuple[Turn, ...] = (
        Use("Write", {"file_path": paths[0], "content": word[1]}),
        Use("Bash", {"command": "true"}),
        Use("Write", {"file_path": paths[1], "content": f"Status: DONE\n{word[1]}\n"}),
        Say("done"),
    )
    return steps[min(request.step, len(steps) - 1)]


def checks(project: Project, *words: str) -> dict[str, dict[str, str]]:
    done = project.run("doctor", "--json", *words)
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_the_default_rights_suffice_to_write_run_and_hand_over(project: Project, api: MessagesApi) -> None:
    api.rule(obedient)
    found = checks(project, "--live")
    for name in ("claude", "login", "call", "write", "command", "handoff"):
        assert found[name]["level"] == "ok", found


def test_rights_that_do_not_suffice_are_named_with_what_to_allow(project: Project, api: MessagesApi) -> None:
    config = {"default_allowed_tools": ["Read"]}
    (project.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    api.rule(obedient)
    found = checks(project, "--live")
    assert {found[name]["level"] for name in ("write", "handoff")} == {"fail"}, found
    assert "Write" in found["write"]["message"]


def test_a_workspace_that_nobody_trusted_is_told_as_the_cli_sees_it(
    project: Project, api: MessagesApi
) -> None:
    settings = project.folder / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"permissions": {"allow": ["Bash(ls:*)"]}}), encoding="utf-8")
    assert checks(project)["trust"]["level"] == "warn"
    state = Path(project.env["CLAUDE_CONFIG_DIR"]) / ".claude.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    trusted = {"projects": {str(project.folder): {"hasTrustDialogAccepted": True}}}
    state.write_text(json.dumps(trusted), encoding="utf-8")
    assert checks(project)["trust"]["level"] == "ok"
