"""The command line of Claude Code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmauto.backends.claude import BACKEND
from llmauto.model import Link
from tests.support.calls import SESSION, order

CLAUDE = ("/bin/claude",)
END = ["--output-format", "stream-json", "--verbose"]


def argv(link: Link | None = None, **changes: Any) -> list[str]:
    return list(BACKEND.launch(order(link=link, **changes), CLAUDE).argv)


def after(flag: str, words: list[str]) -> str:
    return words[words.index(flag) + 1]


def test_a_first_call_chooses_the_session_and_a_later_one_resumes_it() -> None:
    assert argv() == ["/bin/claude", "-p", "--session-id", SESSION, *END]
    assert argv(resume=True) == ["/bin/claude", "-p", "--resume", SESSION, *END]


def test_a_call_without_a_session_leaves_none_behind() -> None:
    assert argv(session="") == ["/bin/claude", "-p", "--no-session-persistence", *END]


def test_every_setting_of_a_link_has_its_flag() -> None:
    link = Link(
        name="w",
        permission_mode="acceptEdits",
        allowed_tools=("Read", "Bash(git log, x)"),
        disallowed_tools=("WebFetch",),
        effort="high",
        agent="rev",
        add_dirs=("/a", "/b c"),
        settings="settings.json",
        mcp_config="mcp.json",
        max_turns=5,
        backend_args=("--betas", "x"),
    )

    assert argv(link, model="opus", budget_usd=1.5) == [
        *["/bin/claude", "-p", "--model", "opus", "--effort", "high", "--agent", "rev"],
        *["--permission-mode", "acceptEdits", "--allowedTools", "Read,Bash(git log, x)"],
        *["--disallowedTools", "WebFetch", "--add-dir", "/a", "--add-dir", "/b c"],
        *["--settings", "settings.json", "--mcp-config", "mcp.json"],
        *["--max-turns", "5", "--max-budget-usd", "1.5000", "--betas", "x", "--session-id", SESSION, *END],
    ]


def test_nothing_of_prompts_and_secrets_stands_in_argv() -> None:
    secret = "s3cret"
    link = Link(
        name="w",
        system_prompt=f"Never say {secret}.",
        settings=f'{{"env": {{"KEY": "{secret}"}}}}',
        mcp_config=f' {{"mcpServers": {{"a": "{secret}"}}}}',
        env={"KEY": secret},
    )
    command = BACKEND.launch(order(Path("/r"), link, prompt=secret), CLAUDE)

    assert secret not in " ".join(command.argv)
    assert command.files["system_prompt.md"] == f"Never say {secret}."
    assert after("--append-system-prompt-file", list(command.argv)) == str(
        Path("/r/calls/r1/0001-worker/system_prompt.md")
    )
    assert set(command.files) == {"system_prompt.md", "settings.json", "mcp_config.json"}


def test_the_own_fallback_of_the_cli_is_not_used() -> None:
    assert "--fallback-model" not in argv(Link(name="w", fallback_model="haiku"), model="opus")


def test_what_the_reader_needs_counts_whatever_the_backend_args_say() -> None:
    words = argv(Link(name="w", backend_args=("--output-format", "text", "--allowedTools", "Read")))

    assert words[-3:] == END
    assert words.index("--session-id") > words.index("--allowedTools")


@pytest.mark.parametrize(("budget", "said"), [(0.25, "0.2500"), (0.0, "0.0001"), (1e-9, "0.0001")])
def test_a_budget_is_never_a_zero_that_the_cli_refuses(budget: float, said: str) -> None:
    assert after("--max-budget-usd", argv(budget_usd=budget)) == said


def test_the_clis_own_retries_and_background_tasks_are_bounded() -> None:
    assert BACKEND.launch(order(), CLAUDE).env == {
        "CLAUDE_CODE_MAX_RETRIES": "2",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
