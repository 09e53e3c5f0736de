"""What mends it? One sentence for a person, for an outcome and what the CLI said with it."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmauto.outcomes import Outcome
from llmauto.rules.folding import folded_line
from llmauto.rules.table import TABLE

_LOGINS = {
    "claude": "run `claude` and type `/login`, or set `ANTHROPIC_API_KEY`",
    "codex": "run `codex login`, or set `OPENAI_API_KEY`",
    "gemini": "run `gemini` and choose how to log in, or set `GEMINI_API_KEY`",
    "opencode": "run `opencode auth login`",
}

_ANY_PROGRAM = ("command", "check")
"""Backends of which nobody knows how their program is installed."""


class _Hint(NamedTuple):
    """`pattern` is looked for in the text (in `folding.folded_line` form); None fits every text."""

    outcome: Outcome
    pattern: str | None
    says: str


_HINTS = (
    _Hint(
        Outcome.AUTH,
        r"credit balance|insufficient (?:credits|balance|funds)|billing",
        "add credit to the account of `{backend}`, or log in with another one",
    ),
    _Hint(
        Outcome.AUTH,
        r"organization (?:has been disabled|does not have access)|account does not have access"
        r"|usage_not_included|chatgpt plan",
        "this account may not use `{backend}`: log in with another one",
    ),
    _Hint(
        Outcome.AUTH,
        r"missing environment variable",
        "set that variable in the environment, or in the link's `env`",
    ),
    _Hint(Outcome.AUTH, None, "{login}"),
    _Hint(
        Outcome.NO_MODEL,
        r"extra usage is required",
        "turn on extra usage for this account, or name a `model` without the long context",
    ),
    _Hint(
        Outcome.NO_MODEL,
        None,
        "name a `model` that `{backend}` knows and this account may use, or set a `fallback_model`",
    ),
    _Hint(
        Outcome.BAD_REQUEST,
        r"cannot be used with root",
        "run as another user than root, or set `IS_SANDBOX=1` in the link's `env` inside a container",
    ),
    _Hint(
        Outcome.BAD_REQUEST,
        r"not inside a trusted directory",
        "make the workdir a git repository, or add `--skip-git-repo-check` to `backend_args`",
    ),
    _Hint(
        Outcome.BAD_REQUEST,
        r"stdin input exceeds|input exceeds the maximum",
        "shorten the prompt, or put its long parts into files that it names",
    ),
    _Hint(
        Outcome.BAD_REQUEST,
        r"unknown (?:option|argument|flag|command)|unexpected argument|unrecognized",
        "update `{backend}`, and look at `backend_args` of the link",
    ),
    _Hint(Outcome.BAD_REQUEST, r"error loading config", "mend the configuration file of `{backend}`"),
    _Hint(
        Outcome.BAD_OUTPUT,
        r"output token maximum",
        "ask for shorter answers, or set `CLAUDE_CODE_MAX_OUTPUT_TOKENS` in the link's `env`",
    ),
    _Hint(
        Outcome.OFFLINE,
        r"self[- ]signed|certificate",
        "set `NODE_EXTRA_CA_CERTS` to the certificate of your network in the link's `env`",
    ),
    _Hint(Outcome.OFFLINE, None, "look at the network, and at proxy and base URL of `{backend}`"),
    _Hint(
        Outcome.DENIED,
        r"not been trusted",
        "run `{backend}` once by hand in the workdir and trust it, so that its permissions count",
    ),
    _Hint(
        Outcome.DENIED, None, "allow the tools that were refused in `allowed_tools`, or set `permission_mode`"
    ),
    _Hint(Outcome.BUDGET, r"turns", "raise `max_turns` of the link, or give it a smaller task"),
    _Hint(Outcome.BUDGET, None, "raise `max_cost_usd` of the link, or give it a smaller task"),
    _Hint(Outcome.CONTEXT_FULL, None, "give the link a smaller task, or a shorter prompt and handoff"),
    _Hint(
        Outcome.BLOCKED,
        r"safeguards|usage policy|violate our",
        "reword the task: the model refuses it as it stands",
    ),
    _Hint(Outcome.MISSING, None, "install `{backend}`, or name its program in `backends.{backend}.path`"),
)
"""The first row that fits counts."""


def hint_for(outcome: Outcome, text: str, *, backend: str = "claude") -> str | None:
    """What a person can do about `outcome`; None where waiting or trying again is all there is."""
    if outcome is Outcome.MISSING and backend in _ANY_PROGRAM:
        return None
    said = folded_line(text)
    for row in _HINTS:
        if row.outcome is outcome and (row.pattern is None or re.search(row.pattern, said, re.IGNORECASE)):
            what = "its program" if backend in _ANY_PROGRAM else f"`{backend}`"
            login = _LOGINS.get(backend, f"log in to {what} by hand, then start again")
            return row.says.format(backend=backend, login=login)
    return None


def with_hint(said: str, outcome: Outcome, text: str, *, backend: str) -> str:
    """What is said of a link that failed, and what mends it where the table says that only a person can."""
    hint = hint_for(outcome, text, backend=backend) if TABLE[outcome].tells else None
    return f"{said}; {hint}" if hint else said
