"""Which keys may a link have?"""

from __future__ import annotations

import json
from typing import Any

from llmauto.authoring.compounds import Either, Items, Named, nullable, split, texts
from llmauto.authoring.fields import Field, Table
from llmauto.authoring.shapes import Anything, Choice, Flag, Number, Text
from llmauto.model import Fallback, HandoffFrom, OnLimit, Role

ONE_MONTH_S = 31 * 86400
MOST_DOLLARS = 1_000_000
MOST_TOKENS = 10**12

TEXT = Text()
FILLED = Text(filled=True, what="a text that is not empty")
NAME = Text(filled=True, what="a name")
PATH = Text(filled=True, what="a path")
# A word that begins with `-` would be read as an option by the program that it is handed to.
MODEL = Text(filled=True, pattern="^[^-]", what="the name of a model")
ARGUMENTS = Items(item=TEXT, least=1, what="an array of a program and its arguments")
ENV = Named(
    value=TEXT,
    key_pattern="^[^=\\u0000]+$",
    key_words="a variable's name without `=`",
    notes=False,
)
VERDICT_PATTERN = r"^([A-Za-z0-9][A-Za-z0-9_-]*|\*)$(?!\n)"

# The efforts and permission modes are the backend's words and grow with it: they are not checked here.
_WORD = nullable(Text(filled=True, pattern="^[^-]", what="a word"))
_JSON_OR_PATH = nullable(
    Either(of=(FILLED, Named(value=Anything(), key_pattern="^", key_words="a key", notes=False)))
)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _routes(value: dict[str, str]) -> dict[str, str]:
    return {word.upper(): target for word, target in value.items() if not word.startswith("_")}


def _fallback(value: dict[str, str]) -> Fallback:
    return Fallback(backend=value["backend"], model=value.get("model"))


FALLBACK = Table(
    (
        Field(key="backend", shape=NAME, help="the other backend", required=True),
        Field(key="model", shape=nullable(MODEL), help="its model"),
    ),
    "a fallback",
)

WHAT = (
    Field(key="name", shape=NAME, attr="name", inherit=False, default_words="its role and place: `worker-1`",
          help="what the link is called, once in a chain"),
    Field(key="role", shape=Choice(of=tuple(role.value for role in Role)), default="worker", attr="role",
          to=Role,
          help="what the link is for; `check` runs a command, `gate` waits for a person"),
    Field(key="description", shape=TEXT, default="", attr="description", help="for people"),
    Field(key="backend", shape=NAME, default="claude", attr="backend",
          help="whose agent plays the link: `claude`, `command`, `demo`, …"),
    Field(key="model", shape=nullable(MODEL), attr="model", config="default_model",
          default_words="`default_model` of config.json", help="the model, as the backend's CLI names it"),
    Field(key="fallback_model", shape=nullable(MODEL), attr="fallback_model", default_words="none",
          help="the model when the first is overloaded or unknown; the session goes on"),
    Field(key="prompt", shape=FILLED, attr="prompt", default_words="the shipped `prompts/<role>.txt`",
          help="the name of an entry of `prompts`, a file in `prompts/`, a path, or the text itself"),
    Field(key="run", shape=ARGUMENTS, attr="run", to=tuple, default_words="none",
          help="the program and its arguments, for the backend `command` and for a check; no shell reads it; "
               "in a check's arguments placeholders are filled in"),
)  # fmt: skip

SESSION = (
    Field(key="continue", shape=Flag(), default=False, attr="keeps_session",
          help="the link's own session goes on in every round"),
    Field(key="until_full", shape=Flag(), default=False, attr="until_full",
          help="do as many tasks as fit into the context, then hand over"),
    Field(key="preamble", shape=Flag(), default=True, attr="preamble",
          help="put the short block before the prompt that names chain, link, round, files and how to end"),
    Field(key="system_prompt", shape=nullable(FILLED), attr="system_prompt", default_words="none",
          help="a text that is added to the agent's system prompt"),
    Field(key="context_hint", shape=TEXT, default="", attr="context_hint",
          help="a sentence for the block before the prompt"),
    Field(key="agent", shape=_WORD, attr="agent", default_words="none", help="a persona in `.claude/agents`"),
    Field(key="effort", shape=_WORD, attr="effort", default_words="the backend's",
          help="how hard the model thinks, in the backend's words"),
    Field(key="settings", shape=_JSON_OR_PATH, attr="settings", to=_as_text, default_words="none",
          help="settings for the agent's CLI: a file, or an object"),
    Field(key="mcp_config", shape=_JSON_OR_PATH, attr="mcp_config", to=_as_text, default_words="none",
          help="MCP servers for the agent: a file, or an object"),
    Field(key="backend_args", shape=Items(item=TEXT, what="an array of arguments"), default=[],
          attr="backend_args", to=tuple,
          help="further arguments for the backend's CLI, handed on as they are"),
)  # fmt: skip

RIGHTS = (
    Field(key="permission_mode", shape=_WORD, attr="permission_mode", config="default_permission_mode",
          default_words="`default_permission_mode` of config.json", help="the CLI's permission mode"),
    Field(key="allowed_tools", shape=texts("tools"), attr="allowed_tools", to=split,
          config="default_allowed_tools", default_words="`default_allowed_tools` of config.json",
          help="tools that the agent may use without asking"),
    Field(key="disallowed_tools", shape=texts("tools"), default=[], attr="disallowed_tools", to=split,
          help="tools that the agent may not use"),
    Field(key="add_dirs", shape=texts("paths"), default=[], attr="add_dirs", to=split,
          help="folders besides the workdir that the agent may use"),
    Field(key="workdir", shape=nullable(PATH), attr="workdir", default_words="the chain's",
          help="the folder that the agent works in"),
    Field(key="env", shape=ENV, default={}, attr="env", help="variables for the agent, over the chain's"),
    Field(key="env_only", shape=nullable(texts("names of variables", NAME)), attr="env_only", to=split,
          default_words="all", help="the only variables that the agent gets of the user's environment"),
)  # fmt: skip

LIMITS = (
    Field(key="timeout_seconds", shape=Number(most=ONE_MONTH_S, above=True, unit="seconds"), attr="timeout_s",
          config="default_timeout_seconds", default_words="`default_timeout_seconds` of config.json",
          help="how long one call may take; of a gate, how long it waits before `gate_default`"),
    Field(key="max_cost_usd", shape=nullable(Number(most=MOST_DOLLARS, unit="dollars")), attr="max_cost_usd",
          default_words="none", help="what one call may cost"),
    Field(key="max_tokens", shape=nullable(Number(least=1, most=MOST_TOKENS, whole=True)), attr="max_tokens",
          to=int,
          default_words="none", help="tokens that one call may use, cache reads not counted"),
    Field(key="max_turns", shape=nullable(Number(least=1, most=1_000_000, whole=True)), attr="max_turns",
          to=int,
          default_words="none", help="turns that one call may take"),
    Field(key="max_visits", shape=nullable(Number(most=1_000_000, whole=True)), attr="max_visits", to=int,
          default_words="the chain's", help="how often the link may be visited in one round; 0 = no bound"),
    Field(key="on_limit", shape=Choice(of=tuple(item.value for item in OnLimit)), default="wait",
          attr="on_limit", to=OnLimit,
          help="at the usage limit: wait for its reset, end the run (exit code 6), or go on at once with "
               "`fallback_model`"),
    Field(key="fallback", shape=nullable(FALLBACK), attr="fallback", to=_fallback,
          default_words="none", help="the backend that plays the link when its own cannot"),
)  # fmt: skip

_HANDOFFS = Choice(of=tuple(item.value for item in HandoffFrom))
_TARGET = Text(filled=True, what="a link's name, `next`, `stop` or `done`")

FLOW = (
    Field(key="handoff", shape=_HANDOFFS, default="file", attr="handoff", to=HandoffFrom,
          help="`output` makes the final text the handoff where the file was left untouched"),
    Field(key="may_finish", shape=Flag(), default=True, attr="may_finish",
          help="whether the link can end the run with ALL_DONE or STOPPED"),
    Field(key="skip_unless_assigned", shape=Flag(), attr="skip_unless_assigned",
          default_words="`true` for workers of a chain with a controller",
          help="the link is passed over, at no cost, when the controller assigns another"),
    Field(key="on", shape=Named(value=_TARGET, key_pattern=VERDICT_PATTERN, key_words="a verdict"),
          default={},
          attr="on", to=_routes,
          help="verdict → a link's name, `next`, `stop` or `done`; `*` is any other verdict"),
    Field(key="returns", shape=nullable(Choice(of=("review",))), attr="returns", default_words="none",
          help="the form of a structured reply"),
    Field(key="baseline", shape=Flag(), default=False, attr="baseline",
          help="run the check before round 1, and let only new failures count"),
    Field(key="failures", shape=nullable(FILLED), attr="failures", default_words="none",
          help="a regular expression for the ids of failures, or one of pytest, unittest, go, cargo, jest"),
    Field(key="gate_default", shape=nullable(Choice(of=("approve", "deny"))), attr="gate_default",
          default_words="none", help="what a gate takes for the answer when its time is over"),
    Field(key="telegram_update", shape=Flag(), default=False, attr="telegram_update",
          help="send a notice after this link"),
    Field(key="task_pool", shape=nullable(TEXT), attr="task_pool", default_words="none",
          help="the entry of `task_pools` whose next task the link gets"),
    Field(key="tasks_per_worker", shape=nullable(Number(least=-1, most=1_000_000, whole=True)),
          attr="tasks_per_worker", to=int, default_words="1", help="tasks handed out at a time; -1 = all"),
    Field(key="review_scope", shape=nullable(Choice(of=("", "single", "batch"))), attr="review_scope",
          default_words="`single`", help="whether a review judges one task or all of the round"),
)  # fmt: skip

LINK_FIELDS = (*WHAT, *SESSION, *RIGHTS, *LIMITS, *FLOW)

LINK = Table(LINK_FIELDS, "a link")
DEFAULTS = Table(tuple(field for field in LINK_FIELDS if field.inherit), "link defaults")
PARALLEL = Field(
    key="parallel",
    shape=Items(item=LINK, least=1, what="an array of links"),
    default_words="none",
    help="links that are played at the same time",
    inherit=False,
)
ENTRY = Table((*LINK_FIELDS, PARALLEL), "a link")
