"""What a person is told to do about an outcome."""

from __future__ import annotations

import pytest

from llmauto.outcomes import Outcome
from llmauto.rules.hints import hint_for


@pytest.mark.parametrize(
    ("backend", "word"),
    [
        ("claude", "`/login`"),
        ("codex", "`codex login`"),
        ("gemini", "GEMINI_API_KEY"),
        ("mine", "`mine`"),
        ("command", "its program"),
    ],
)
def test_a_login_is_told_in_the_words_of_the_backend(backend: str, word: str) -> None:
    assert word in (hint_for(Outcome.AUTH, "Not logged in", backend=backend) or "")


@pytest.mark.parametrize(
    ("outcome", "text", "word"),
    [
        (Outcome.AUTH, "Credit balance is too low", "credit"),
        (Outcome.AUTH, "This organization has been disabled.", "another"),
        (Outcome.AUTH, "Missing environment variable: `OPENAI_API_KEY`.", "variable"),
        (Outcome.NO_MODEL, "Extra usage is required for long context requests.", "extra usage"),
        (Outcome.NO_MODEL, "There's an issue with the selected model (x).", "fallback_model"),
        (Outcome.BAD_REQUEST, "--x cannot be used with root/sudo privileges", "IS_SANDBOX"),
        (Outcome.BAD_REQUEST, "Not inside a trusted directory", "--skip-git-repo-check"),
        (Outcome.BAD_REQUEST, "piped stdin input exceeds 10MB", "shorten"),
        (Outcome.BAD_REQUEST, "error: unknown option '--frob'", "backend_args"),
        (Outcome.BAD_OUTPUT, "exceeded the 32000 output token maximum", "CLAUDE_CODE_MAX_OUTPUT_TOKENS"),
        (
            Outcome.OFFLINE,
            "Unable to connect to API: Self-signed certificate detected",
            "NODE_EXTRA_CA_CERTS",
        ),
        (Outcome.DENIED, "this workspace has not been trusted.", "trust"),
        (Outcome.BUDGET, "Reached maximum number of turns (2)", "max_turns"),
        (Outcome.BUDGET, "Reached maximum budget ($0.5)", "max_cost_usd"),
        (Outcome.MISSING, "", "install `claude`"),
    ],
)
def test_a_hint_names_the_way_out(outcome: Outcome, text: str, word: str) -> None:
    hint = hint_for(outcome, text, backend="claude")
    assert hint is not None
    assert word in hint
    assert not hint.endswith(".")


@pytest.mark.parametrize("outcome", [Outcome.LIMITED, Outcome.OVERLOADED, Outcome.DONE, Outcome.CRASHED])
def test_where_only_waiting_helps_there_is_no_hint(outcome: Outcome) -> None:
    assert hint_for(outcome, "", backend="claude") is None


def test_braces_in_the_name_or_the_text_do_no_harm() -> None:
    assert hint_for(Outcome.MISSING, "{x}", backend="{y}") == (
        "install `{y}`, or name its program in `backends.{y}.path`"
    )
